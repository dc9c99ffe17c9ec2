"""Which notifications are due, who works on them, and how did it end?

A row is pending until it is sent, dead (given up) or suppressed (not needed any more). Whoever
claims rows leases them; a lease that runs out, or that a killed process left behind, makes the row
due again. So a notification is sent at least once, and its key lets the receiver drop a second one.

Per incident and channel the order is kept: a resolved never overtakes a firing. Where the firing
is still unsent when the resolved comes due, only the resolved is sent: it says both.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, delete, func, or_, select, update

from webhook.adapters.schema import events, incidents, notifications, quarantine
from webhook.core.alerts import Status
from webhook.core.retry import GIVE_UP_AFTER

State = Literal["pending", "sent", "dead", "suppressed"]
SuppressedReason = Literal[
    "repeated", "stale", "already_resolved", "no_channel", "superseded", "firing_not_delivered"
]

# Twice the longest time that one attempt may take, and some.
LEASE_SECONDS = 60.0
_RETENTION_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification to send now, with what is known about its incident; unix seconds.

    `attempts` counts this one. `handle` is what the channel returned for the incident's firing.
    """

    id: int
    incident_id: int
    channel: str
    kind: Status
    attempts: int
    created_at: float
    incident: Row[Any]
    handle: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What `claim` found: rows to send, and why others are not needed any more."""

    claimed: Sequence[Claimed]
    suppressed: Counter[SuppressedReason]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended.

    Parameters
    ----------
    id : of the notification
    detail : one line for people, free of secrets
    due_at : when to try again, unix seconds; None when it is over
    is_sent : whether it arrived
    handle : by which the message can be edited or answered
    """

    id: int
    detail: str
    due_at: float | None = None
    is_sent: bool = False
    handle: Mapping[str, object] | None = None


def claim(connection: Connection, channel: str, now: float, limit: int) -> Claim:
    """Lease up to `limit` due notifications of a channel, oldest first."""
    mine = notifications
    other = notifications.alias("other")
    candidates = connection.execute(
        select(mine, other.c.id.label("other_id"), other.c.state.label("other_state"))
        .outerjoin(
            other,
            and_(
                other.c.incident_id == mine.c.incident_id,
                other.c.channel == mine.c.channel,
                other.c.kind != mine.c.kind,
            ),
        )
        .where(
            mine.c.channel == channel,
            mine.c.state == "pending",
            mine.c.due_at <= now,
            mine.c.leased_until <= now,
            # A firing that is being sent right now decides first what its resolved does.
            or_(other.c.id.is_(None), other.c.state != "pending", other.c.leased_until <= now),
        )
        .order_by(mine.c.due_at, mine.c.id)
        .limit(limit)
    ).all()
    suppressed: Counter[SuppressedReason] = Counter()
    chosen: list[int] = []
    for row in candidates:
        if row.kind == "firing" and row.other_id is not None:
            _suppress(connection, row.id, "superseded", now)
            suppressed["superseded"] += 1
        elif row.other_state == "dead":
            _suppress(connection, row.id, "firing_not_delivered", now)
            suppressed["firing_not_delivered"] += 1
        else:
            if row.other_state == "pending":
                suppressed["superseded"] += _suppress(connection, row.other_id, "superseded", now)
            chosen.append(row.id)
    if not chosen:
        return Claim((), suppressed)
    connection.execute(
        update(mine)
        .where(mine.c.id.in_(chosen))
        .values(leased_until=now + LEASE_SECONDS, attempts=mine.c.attempts + 1)
    )
    rows = connection.execute(
        select(mine.c.id.label("notification_id"), mine.c.kind, mine.c.attempts)
        .add_columns(mine.c.created_at, other.c.handle, incidents)
        .join(incidents, incidents.c.id == mine.c.incident_id)
        .outerjoin(
            other,
            and_(
                other.c.incident_id == mine.c.incident_id,
                other.c.channel == mine.c.channel,
                other.c.kind != mine.c.kind,
            ),
        )
        .where(mine.c.id.in_(chosen))
        .order_by(mine.c.due_at, mine.c.id)
    )
    claimed = [
        Claimed(
            row.notification_id,
            row.id,
            channel,
            row.kind,
            row.attempts,
            row.created_at,
            row,
            row.handle,
        )
        for row in rows
    ]
    return Claim(claimed, suppressed)


def _suppress(connection: Connection, row_id: int, reason: SuppressedReason, now: float) -> int:
    """Take a pending row out of the outbox; return how many that were (it may be gone already)."""
    return connection.execute(
        update(notifications)
        .where(notifications.c.id == row_id, notifications.c.state == "pending")
        .values(state="suppressed", finished_at=now, leased_until=0.0, detail=reason)
    ).rowcount


def settle(connection: Connection, outcomes: Sequence[Outcome], now: float) -> None:
    """Write down how attempts ended and give back their leases."""
    for outcome in outcomes:
        values: dict[str, object] = {"leased_until": 0.0, "detail": outcome.detail}
        if outcome.due_at is not None:
            values["due_at"] = outcome.due_at
        else:
            values["state"] = "sent" if outcome.is_sent else "dead"
            values["finished_at"] = now
            values["handle"] = outcome.handle
        connection.execute(
            update(notifications).where(notifications.c.id == outcome.id).values(values)
        )


def release_leases(connection: Connection) -> int:
    """Make everything due again that an earlier process was working on; return how many."""
    return connection.execute(
        update(notifications)
        .where(notifications.c.state == "pending", notifications.c.leased_until > 0)
        .values(leased_until=0.0)
    ).rowcount


def next_due(connection: Connection, channel: str) -> float | None:
    """Return when the channel's next notification is due, unix seconds."""
    return connection.execute(
        select(func.min(notifications.c.due_at)).where(
            notifications.c.channel == channel, notifications.c.state == "pending"
        )
    ).scalar()


def expire_orphans(connection: Connection, channels: Collection[str], now: float) -> int:
    """Give up what waits for a channel that is no longer configured; return how many."""
    return connection.execute(
        update(notifications)
        .where(
            notifications.c.state == "pending",
            notifications.c.channel.not_in(channels),
            notifications.c.created_at <= now - GIVE_UP_AFTER,
        )
        .values(state="dead", finished_at=now, detail="the channel is no longer configured")
    ).rowcount


def forget(connection: Connection, before: float) -> int:
    """Delete a bounded number of rows that ended before an instant; return how many.

    Open incidents stay, and so do incidents with a notification still pending. Call again until
    it returns 0.
    """
    pending = (
        select(notifications.c.id)
        .where(notifications.c.incident_id == incidents.c.id, notifications.c.state == "pending")
        .exists()
    )
    old = {
        incidents: and_(incidents.c.closed_at < before, ~pending),
        events: events.c.received_at < before,
        quarantine: quarantine.c.received_at < before,
    }
    deleted = 0
    for table, condition in old.items():
        ids = select(table.c.id).where(condition).limit(_RETENTION_CHUNK)
        deleted += connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount
    return deleted
