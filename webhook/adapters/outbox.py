"""Which notifications are due, who works on them, and how did it end?

What the gate let through is pending until it is sent, dead (given up) or suppressed (not needed
any more). Whoever claims rows leases them; a lease that runs out, or that a killed process left
behind, makes the row due again. So a notification is sent at least once, and its key lets the
receiver drop a second one. A channel that must not be used yet gives out nothing, to no process.

Per incident and channel the order is kept: a resolved never overtakes a firing. Where the firing
is still unsent when the resolved comes due, only the resolved is sent: it says both.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, insert, select, update

from promkit.traces import derived_trace_id
from webhook.adapters import outboxstatements as statements
from webhook.adapters.schema import channel_states, notifications
from webhook.core.text import storable
from webhook.core.throttle import HeldReason

State = Literal["new", "held", "pending", "sent", "dead", "suppressed", "digested"]
Kind = Literal["firing", "resolved", "digest"]
SuppressedReason = Literal[
    "repeated",
    "stale",
    "already_resolved",
    "no_channel",
    "superseded",
    "firing_not_delivered",
    "firing_held",
    HeldReason,
]

# Twice the longest time that one attempt may take, and some.
LEASE_SECONDS = 60.0
# An outage of a day is the outbox's business; a longer pause would be a mistake of the other side.
LONGEST_PAUSE = 3_600.0
# Not decided yet, or still to be sent: their incidents stay, however old.
UNFINISHED: tuple[State, ...] = ("new", "held", "pending")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notification to send now, with what is known about its incident; unix seconds.

    `attempts` counts this one. `handle` is what the channel returned for the incident's firing. A
    digest has no incident, and says what is in `content`.
    """

    id: int
    incident_id: int | None
    channel: str
    kind: Kind
    attempts: int
    created_at: float
    incident: Row[Any] | None
    handle: Mapping[str, object] | None = None
    content: Mapping[str, Any] | None = None

    @property
    def trace(self) -> str:
        """The trace that it belongs to: the incident's, for a digest one of its own."""
        if self.incident is not None and self.incident.trace_id:
            return str(self.incident.trace_id)
        # The same at every attempt; also for incidents from before they had a trace.
        return derived_trace_id(f"{self.incident_id} {self.id} {self.created_at}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What `claim` found: rows to send, and why others are not needed any more.

    Parameters
    ----------
    not_before : when the channel may be used again, unix seconds
    """

    claimed: Sequence[Claimed]
    suppressed: Counter[SuppressedReason]
    not_before: float = 0.0


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
    reason : why it failed, as the metrics call it
    seconds : how long it took
    pause : seconds for which the other side wants to be left alone
    """

    id: int
    detail: str
    due_at: float | None = None
    is_sent: bool = False
    handle: Mapping[str, object] | None = None
    reason: str = ""
    seconds: float = 0.0
    pause: float = 0.0


def claim(
    connection: Connection,
    channel: str,
    now: float,
    limit: int,
    *,
    pace: float = 0.0,
    instance: str = "",
) -> Claim:
    """Lease up to `limit` due notifications of a channel, oldest first.

    Parameters
    ----------
    pace : seconds between two messages of the channel; above 0, one is leased at a time
    instance : the process that will send them
    """
    not_before = _not_before(connection, channel) or 0.0
    # Further ahead is nothing that we wrote, unless the clock was wrong.
    if now < not_before <= now + LONGEST_PAUSE:
        return Claim((), Counter(), not_before)
    candidates = connection.execute(
        statements.DUE, {"of": channel, "now": now, "most": 1 if pace > 0 else limit}
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
        statements.LEASE,
        {"ids": chosen, "leased_until": now + LEASE_SECONDS, "leased_by": instance},
    )
    if pace > 0:
        _leave_alone(connection, channel, now + pace)
    rows = connection.execute(statements.LEASED, {"ids": chosen})
    claimed = [
        Claimed(
            row.notification_id,
            row.id,
            channel,
            row.kind,
            row.attempts,
            row.created_at,
            None if row.id is None else row,
            row.handle,
            row.content,
        )
        for row in rows
    ]
    return Claim(claimed, suppressed)


def _not_before(connection: Connection, channel: str) -> float | None:
    return connection.execute(statements.NOT_BEFORE, {"of": channel}).scalar()


def _leave_alone(connection: Connection, channel: str, until: float) -> None:
    """Let nobody use the channel until then; a later instant that stands there already holds."""
    known = _not_before(connection, channel)
    if known is None:
        connection.execute(insert(channel_states).values(name=channel, not_before=until))
    elif known < until or known > until + LONGEST_PAUSE:
        connection.execute(
            update(channel_states).where(channel_states.c.name == channel).values(not_before=until)
        )


def _suppress(connection: Connection, row_id: int, reason: SuppressedReason, now: float) -> int:
    """Take a pending row out of the outbox; return how many that were (it may be gone already)."""
    return connection.execute(
        update(notifications)
        .where(notifications.c.id == row_id, notifications.c.state == "pending")
        .values(state="suppressed", finished_at=now, leased_until=0.0, detail=reason)
    ).rowcount


def settle(
    connection: Connection, outcomes: Sequence[Outcome], now: float, instance: str = ""
) -> None:
    """Write down how attempts ended and give back their leases.

    Who lost the lease meanwhile has no say any more in when to try again; what arrived, arrived.
    """
    for found in outcomes:
        # What cannot be stored could not be written down: it would be sent again and again.
        outcome = replace(found, detail=storable(found.detail))
        row = connection.execute(statements.HOLDER, {"row_id": outcome.id}).one_or_none()
        if row is None:
            continue
        connection.execute(statements.ATTEMPT, _attempt(outcome, now))
        if outcome.pause > 0:
            _leave_alone(connection, row.channel, now + outcome.pause)
        if outcome.is_sent or row.leased_by == instance:
            known = {"row_id": outcome.id, "detail": outcome.detail}
            if outcome.due_at is not None:
                connection.execute(statements.AGAIN, known | {"due_at": outcome.due_at})
            else:
                state: State = "sent" if outcome.is_sent else "dead"
                handle = outcome.handle
                connection.execute(
                    statements.OVER, known | {"state": state, "finished_at": now, "handle": handle}
                )


def _attempt(outcome: Outcome, now: float) -> dict[str, object]:
    return {
        "notification_id": outcome.id,
        "at": now - outcome.seconds,
        "seconds": outcome.seconds,
        "is_sent": outcome.is_sent,
        "reason": outcome.reason,
        "detail": outcome.detail,
    }


def next_due(connection: Connection, channel: str) -> float | None:
    """Return when the channel's next notification is due, unix seconds."""
    return connection.execute(
        select(func.min(notifications.c.due_at)).where(
            notifications.c.channel == channel, notifications.c.state == "pending"
        )
    ).scalar()
