"""Which new incidents stay silent since they go as a harmless pattern, and until when?

Such a hold is a lease, which whoever sees in Prometheus that the course still fits may renew. Where
nobody does, whatever the reason, the gate lets the incident through: a pattern cannot swallow what
nobody looks at. What was let through once is not held so again.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from webhook.adapters.schema import incidents, notifications, patterns
from webhook.adapters.thresholds import key_of
from webhook.adapters.verdictpast import series_of
from webhook.core.patterns import Envelope, Left, Silencing, is_its_hour
from webhook.core.throttle import LEASE_SECONDS, HeldReason

REASON: HeldReason = "harmless_pattern"

_CHUNK = 500

is_silent = and_(notifications.c.state == "held", notifications.c.held_reason == REASON)


def is_active(now: float) -> ColumnElement[bool]:
    """Return the condition for patterns that may silence something now; unix seconds."""
    return and_(patterns.c.forgotten_at.is_(None), patterns.c.expires_at > now)


def patterns_of(
    connection: Connection, rules: Silencing | None, incident_ids: Sequence[int], now: float
) -> dict[int, int]:
    """Return the pattern of each new incident whose series has one at this hour."""
    if rules is None:
        return {}
    active = connection.execute(select(patterns).where(is_active(now))).all()
    if not active:
        return {}
    by_series = defaultdict(list)
    for row in active:
        by_series[row.query, row.labels_key].append(row)
    found: dict[int, int] = {}
    for chunk in _chunks(incident_ids):
        statement = select(incidents.c.id, incidents.c.query, incidents.c.labels).where(
            incidents.c.id.in_(chunk),
            incidents.c.query.in_(select(patterns.c.query).where(is_active(now))),
            incidents.c.level.in_(rules.levels),
            incidents.c.alertname.in_(rules.alertnames),
            incidents.c.pattern_id.is_(None),
        )
        for row in connection.execute(statement.add_columns(incidents.c.starts_at)):
            series = key_of(series_of(row.labels, rules.external_labels))
            for pattern in by_series.get((row.query, series), ()):
                if is_its_hour(pattern.minute, pattern.timezone, row.starts_at):
                    found[row.id] = pattern.id
    return found


def follow_patterns(connection: Connection, found: Mapping[int, int]) -> None:
    """Write down which pattern each incident follows."""
    by_pattern = defaultdict(list)
    for incident, pattern in found.items():
        by_pattern[pattern].append(incident)
    for pattern, incident_ids in by_pattern.items():
        for chunk in _chunks(incident_ids):
            connection.execute(
                update(incidents).where(incidents.c.id.in_(chunk)).values(pattern_id=pattern)
            )


def lapses_at(connection: Connection) -> float | None:
    """Return when the first lease ends; unix seconds."""
    return connection.execute(
        select(func.min(notifications.c.held_until)).where(is_silent)
    ).scalar()


def lapse(connection: Connection, rules: Silencing | None, now: float) -> int:
    """Let through what nobody has looked at in time, or whose pattern is over; return how many."""
    # Of many that are held for a digest none may be silent: this alone has an index for that.
    if lapses_at(connection) is None:
        return 0
    statement = (
        select(incidents.c.id, func.min(notifications.c.held_until).label("until"))
        .add_columns(incidents.c.pattern_id)
        .join(notifications, notifications.c.incident_id == incidents.c.id)
        .where(is_silent)
        .group_by(incidents.c.id)
    )
    held = connection.execute(statement).all()
    active = set(connection.execute(select(patterns.c.id).where(is_active(now))).scalars())
    left: dict[int, Left] = {}
    for row in held:
        if rules is None or row.pattern_id not in active:
            left[row.id] = "ended"
        # Nobody gives longer leases: the clock was ahead.
        elif not now < row.until <= now + 2 * LEASE_SECONDS:
            left[row.id] = "unknown"
    let_through(connection, left, now)
    return len(left)


def let_through(connection: Connection, left: Mapping[int, Left], now: float) -> None:
    """Hand incidents to the gate as new, and keep why.

    Parameters
    ----------
    left : incident -> how it came to leave its pattern
    """
    by_reason = defaultdict(list)
    for incident, reason in left.items():
        by_reason[reason].append(incident)
    for reason, incident_ids in by_reason.items():
        for chunk in _chunks(incident_ids):
            connection.execute(
                update(incidents)
                .where(incidents.c.id.in_(chunk), incidents.c.pattern_left_at.is_(None))
                .values(pattern_left_at=now, pattern_left=reason)
            )
            connection.execute(
                update(notifications)
                .where(notifications.c.incident_id.in_(chunk), is_silent)
                .values(state="new", held_until=None)
            )


@dataclass(frozen=True, slots=True)
class Silent:
    """An incident that is held while it goes as a pattern; unix seconds, None while it is open."""

    incident: int
    labels: Mapping[str, str]
    alerted_at: float
    ends_at: float | None
    pattern: int
    around: Envelope


def silent_incidents(connection: Connection, limit: int) -> list[Silent]:
    """Return what is to be looked at, that first whose lease ends first."""
    if lapses_at(connection) is None:
        return []
    statement = (
        select(incidents, patterns.c.step, patterns.c.lower, patterns.c.upper)
        .join(patterns, patterns.c.id == incidents.c.pattern_id)
        .join(notifications, notifications.c.incident_id == incidents.c.id)
        .where(is_silent)
        .order_by(notifications.c.held_until, incidents.c.id)
        .limit(limit)
    )
    found = {
        row.id: Silent(
            row.id,
            row.labels,
            min(row.starts_at, row.opened_at),
            row.ends_at,
            row.pattern_id,
            Envelope(row.step, row.lower, row.upper),
        )
        for row in connection.execute(statement)
    }
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Settled:
    """How many incidents stay silent for good, and how many are let through."""

    silenced: int = 0
    let_through: int = 0


def settle_silent(
    connection: Connection,
    looked_at: Collection[tuple[Silent, Left | None]],
    asked_at: float,
    now: float,
) -> Settled:
    """Write down what a look at courses found.

    Parameters
    ----------
    looked_at : each with how it came to leave its pattern; None where it fits so far
    asked_at : up to when the courses are known, unix seconds
    """
    still = set(
        connection.execute(
            select(notifications.c.incident_id)
            .where(is_silent)
            .where(notifications.c.incident_id.in_([one.incident for one, _ in looked_at]))
        ).scalars()
    )
    left: dict[int, Left] = {}
    over: list[Silent] = []
    on: list[int] = []
    for one, how in looked_at:
        if one.incident not in still:
            continue
        if how is None and one.ends_at is not None:
            over.append(one)
        elif how is None:
            on.append(one.incident)
        # Whether it fits is asked again until the lease ends.
        elif how != "unknown":
            left[one.incident] = how
    let_through(connection, left, now)
    for chunk in _chunks(on):
        connection.execute(
            update(notifications)
            .where(notifications.c.incident_id.in_(chunk), is_silent)
            .values(held_until=asked_at + LEASE_SECONDS)
        )
    for one in over:
        _stay_silent(connection, one, now)
    return Settled(len(over), len(left))


def _stay_silent(connection: Connection, one: Silent, now: float) -> None:
    detail = f"{REASON} {one.pattern}"
    connection.execute(
        update(notifications)
        .where(notifications.c.incident_id == one.incident)
        .where(or_(is_silent, and_(notifications.c.state == "new", _is_end)))
        .values(state="suppressed", detail=detail, finished_at=now, held_until=None)
    )
    connection.execute(
        update(patterns).where(patterns.c.id == one.pattern).values(last_seen_at=now)
    )


_is_end = notifications.c.kind == "resolved"


def _chunks(items: Iterable[int]) -> Iterator[list[int]]:
    whole = list(items)
    for start in range(0, len(whole), _CHUNK):
        yield whole[start : start + _CHUNK]
