"""What has to be put right in the outbox: at start, after a failure, and every day?"""

from collections.abc import Collection

from sqlalchemy import Connection, delete, update

from webhook.adapters.outbox import LONGEST_PAUSE, UNFINISHED
from webhook.adapters.schema import channel_states, notifications
from webhook.core.retry import GIVE_UP_AFTER

# Clocks of replicas differ by less.
_SKEW_SECONDS = 60.0


def release_leases(connection: Connection) -> int:
    """Make everything due again that an earlier process was working on; return how many."""
    return connection.execute(
        update(notifications)
        .where(notifications.c.state == "pending", notifications.c.leased_until > 0)
        .values(leased_until=0.0, leased_by="")
    ).rowcount


def give_back(connection: Connection, channel: str, instance: str) -> int:
    """Make due again what a process leased for a channel and is not sending; return how many.

    Where the answer to a claim was lost, the rows are leased and nobody knows it.
    """
    return connection.execute(
        update(notifications)
        .where(
            notifications.c.channel == channel,
            notifications.c.state == "pending",
            notifications.c.leased_by == instance,
        )
        .values(leased_until=0.0, leased_by="")
    ).rowcount


def expire_orphans(connection: Connection, channels: Collection[str], now: float) -> int:
    """Give up what waits for a channel that is no longer configured; return how many."""
    return connection.execute(
        update(notifications)
        .where(
            notifications.c.state.in_(UNFINISHED),
            notifications.c.channel.not_in(channels),
            notifications.c.created_at <= now - GIVE_UP_AFTER,
        )
        .values(state="dead", finished_at=now, detail="the channel is no longer configured")
    ).rowcount


def mend_times(connection: Connection, now: float) -> int:
    """Let go out what was stored while the clock was ahead; return how many notifications.

    Else it would wait until that instant, which may be years away.
    """
    is_ahead = notifications.c.created_at > now + _SKEW_SECONDS
    mended = 0
    for state, waits_until in (("pending", "due_at"), ("held", "held_until")):
        mended += connection.execute(
            update(notifications)
            .where(notifications.c.state == state, is_ahead)
            .values({"created_at": now, "leased_until": 0.0, waits_until: now})
        ).rowcount
    connection.execute(
        delete(channel_states).where(channel_states.c.not_before > now + LONGEST_PAUSE)
    )
    return mended
