"""How is each channel doing? Its notifications, its attempts, and what it was asked to wait for."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select

from webhook.adapters.schema import attempts, channel_states, notifications

# Attempts that are looked at, the newest of all channels: they have no index by channel.
_LOOKED_AT = 5_000


@dataclass(slots=True)
class ChannelNow:
    """One channel; times in unix seconds, None for never.

    Parameters
    ----------
    counts : notifications by state
    due_at : when the next pending one is due
    paused_until : before when nothing is sent, whoever asked for that
    tried, failed : attempts within the time asked for, of those looked at
    problem : the newest failed attempt, if nothing succeeded after it
    """

    counts: dict[str, int] = field(default_factory=dict)
    last_sent_at: float | None = None
    due_at: float | None = None
    paused_until: float | None = None
    held_until: float | None = None
    tried: int = 0
    failed: int = 0
    problem: Row[Any] | None = None


def channels_now(connection: Connection, since: float) -> Mapping[str, ChannelNow]:
    """Return every channel that ever had something to do; attempts since then, unix seconds."""
    found: dict[str, ChannelNow] = defaultdict(ChannelNow)
    table = notifications.c
    for row in connection.execute(
        select(
            table.channel,
            table.state,
            func.count().label("number"),
            func.max(table.finished_at).label("finished_at"),
            func.min(table.due_at).label("due_at"),
            func.min(table.held_until).label("held_until"),
        ).group_by(table.channel, table.state)
    ):
        state = found[row.channel]
        state.counts[row.state] = row.number
        if row.state == "sent":
            state.last_sent_at = row.finished_at
        elif row.state == "pending":
            state.due_at = row.due_at
        elif row.state == "held":
            state.held_until = row.held_until
    for row in connection.execute(select(channel_states)):
        found[row.name].paused_until = row.not_before
    _look_at_attempts(connection, since, found)
    return dict(found)


def _look_at_attempts(connection: Connection, since: float, found: dict[str, ChannelNow]) -> None:
    newest = select(func.max(attempts.c.id)).scalar_subquery()
    rows = connection.execute(
        select(attempts, notifications.c.channel, notifications.c.incident_id)
        .join(notifications, notifications.c.id == attempts.c.notification_id)
        .where(attempts.c.id > newest - _LOOKED_AT)
        .order_by(attempts.c.at.desc(), attempts.c.id.desc())
    )
    settled: set[str] = set()
    for row in rows:
        state = found[row.channel]
        if row.at >= since:
            state.tried += 1
            state.failed += not row.is_sent
        if row.channel not in settled:
            settled.add(row.channel)
            state.problem = None if row.is_sent else row
