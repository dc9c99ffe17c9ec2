"""Which harmless patterns are there, and how does one end before its time?

What ends one is written in the same transaction as the reason, in the audit log. An ended pattern
stays on record, since the verdicts that it was made of make no other one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from sqlalchemy import Connection, Row, case, func, insert, select, update

from webhook.adapters.observations import observation_of
from webhook.adapters.schema import audit, feedback, incidents, missed, patterns
from webhook.adapters.silencing import is_active
from webhook.core.links import series_labels
from webhook.core.message import rfc3339
from webhook.core.missed import may_be_one
from webhook.core.observation import Observation
from webhook.core.patterns import (
    FEWEST,
    HARMLESS,
    Envelope,
    has_its_hour,
    is_its_hour,
    left,
    shape_of,
)
from webhook.core.text import one_line
from webhook.core.verdicts import MAX_AUTHOR, MAX_REASON

State = Literal["active", "expired", "forgotten"]
Action = Literal["pattern_made", "pattern_refused", "pattern_forgotten"]

_OWN = "patterns"


class PatternRefused(ValueError):
    """A pattern that cannot be taken back; the text says why."""


def state_of(row: Row[*tuple[Any, ...]], now: float) -> State:
    """Return whether a pattern silences something now; unix seconds."""
    if row.forgotten_at is not None:
        return "forgotten"
    return "active" if row.expires_at > now else "expired"


def list_patterns(connection: Connection) -> Sequence[Row[Any]]:
    """Return every pattern, the newest first, with what it did.

    Returns
    -------
    The columns of `patterns`, and the numbers of incidents: `silenced`, and `let_through`.
    """
    own = incidents.c
    did = (
        select(
            own.pattern_id,
            # Those that are silent so far are not silenced yet.
            func.sum(
                case((own.pattern_left_at.is_(None) & own.ends_at.is_not(None), 1), else_=0)
            ).label("silenced"),
            func.count(own.pattern_left_at).label("let_through"),
        )
        .where(own.pattern_id.is_not(None))
        .group_by(own.pattern_id)
        .subquery()
    )
    statement = (
        select(
            patterns,
            func.coalesce(did.c.silenced, 0).label("silenced"),
            func.coalesce(did.c.let_through, 0).label("let_through"),
        )
        .outerjoin(did, did.c.pattern_id == patterns.c.id)
        .order_by(patterns.c.id.desc())
    )
    return connection.execute(statement).all()


def count_patterns(connection: Connection, now: float) -> dict[State, int]:
    """Return how many patterns are in each state; unix seconds."""
    rows = connection.execute(select(patterns.c.forgotten_at, patterns.c.expires_at))
    counts: dict[State, int] = dict.fromkeys(get_args(State), 0)
    for row in rows:
        counts[state_of(row, now)] += 1
    return counts


def forget(connection: Connection, number: int, actor: str, why: str, now: float) -> Row[Any]:
    """End a pattern; what it silences now is let through. Return it as it was.

    Raises
    ------
    PatternRefused
        If there is no such pattern, or it is over.
    """
    row = connection.execute(
        select(patterns).where(patterns.c.id == number).with_for_update()
    ).one_or_none()
    if row is None:
        raise PatternRefused(f"there is no pattern {number}; the list names those that are")
    if row.forgotten_at is not None:
        raise PatternRefused(f"pattern {number} was forgotten at {rfc3339(row.forgotten_at)}")
    if row.expires_at <= now:
        raise PatternRefused(f"pattern {number} expired at {rfc3339(row.expires_at)}")
    _end(connection, row, one_line(actor, MAX_AUTHOR), one_line(why, MAX_REASON), now)
    return row


def _end(connection: Connection, row: Row[Any], actor: str, why: str, now: float) -> None:
    connection.execute(update(patterns).where(patterns.c.id == row.id).values(forgotten_at=now))
    words = f"pattern {row.id} was forgotten" + (f": {why}" if why else "")
    note(
        connection,
        "pattern_forgotten",
        actor,
        row.query,
        {"pattern": row.id, "labels": row.labels, "expires_at": row.expires_at},
        words,
        now,
    )


def note(
    connection: Connection,
    action: Action,
    actor: str,
    query: str,
    after: Mapping[str, object],
    words: str,
    now: float,
) -> None:
    """Write a line of the audit log; its subject is the query."""
    row = {
        "at": now,
        "actor": actor,
        "action": action,
        "subject": query,
        "before": None,
        "after": dict(after),
        "detail": words,
    }
    connection.execute(insert(audit), row)


def contradict(connection: Connection, incident: Row[Any], actor: str, now: float) -> list[int]:
    """End the patterns that would silence an incident that somebody has just confirmed.

    Unless its course is known not to fit, it counts as one that does.

    Returns
    -------
    The numbers of those that ended.
    """
    own = series_labels(incident.labels)
    seen: Observation | None = None
    ended: list[int] = []
    of_query = select(patterns).where(is_active(now), patterns.c.query == incident.query)
    for row in connection.execute(of_query).all():
        if row.id != incident.pattern_id:
            is_of_series = row.labels.items() <= own.items()
            if not is_of_series or not is_its_hour(row.minute, row.timezone, incident.starts_at):
                continue
        elif incident.pattern_left in ("left", "longer"):
            continue
        seen = seen or observation_of(connection, incident.id)
        if may_fit(Envelope(row.step, row.lower, row.upper), seen, incident.ends_at):
            _end(connection, row, actor, f"incident {incident.id} was confirmed", now)
            ended.append(row.id)
    return ended


def may_fit(around: Envelope, seen: Observation | None, ends_at: float | None) -> bool:
    """Tell whether an incident goes as a pattern, or nobody knows."""
    if seen is None:
        return True
    shape = shape_of(seen, seen.observed_at if ends_at is None else ends_at)
    return left(around, shape) in (None, "unknown")


def review(connection: Connection, now: float) -> list[int]:
    """End the patterns that what people said since then does not bear out; return them."""
    ended: list[int] = []
    for row in connection.execute(select(patterns).where(is_active(now))).all():
        why = _mark_against(connection, row) or _no_longer_harmless(connection, row)
        if why:
            _end(connection, row, _OWN, why, now)
            ended.append(row.id)
    return ended


def _mark_against(connection: Connection, row: Row[Any]) -> str:
    return mark_at_hour(
        connection, row.query, row.labels, row.minute, row.timezone, row.created_at, "created_at"
    )


def mark_at_hour(
    connection: Connection,
    query: str,
    labels: Mapping[str, str],
    minute: float,
    zone: str,
    since: float,
    of: str = "ends_at",
) -> str:
    """Return in words which missed alert of a series lies at an hour of the day; "" if none does.

    What its course was is not known, so that it may fit.
    """
    marks = select(missed).where(
        missed.c.query == query, missed.c.withdrawn_at.is_(None), missed.c[of] >= since
    )
    for mark in connection.execute(marks.order_by(missed.c.id)):
        if may_be_one(mark.labels, labels) and has_its_hour(
            minute, zone, mark.starts_at, mark.ends_at
        ):
            return f"an alert was missed at its hour (missed-{mark.id})"
    return ""


def _no_longer_harmless(connection: Connection, row: Row[Any]) -> str:
    otherwise = connection.execute(
        select(func.count())
        .select_from(feedback)
        .where(feedback.c.incident_id.in_(row.incidents), feedback.c.verdict.not_in(HARMLESS))
    ).scalar_one()
    # Those that retention deleted say what they said.
    if len(row.incidents) - otherwise >= FEWEST:
        return ""
    return f"{otherwise} of the incidents that it was made of are called something else now"
