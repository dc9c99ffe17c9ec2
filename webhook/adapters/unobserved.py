"""What is to be asked of Prometheus next? Incidents and marks of which not all is known yet."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from webhook.adapters.observations import observation_of, put_observation
from webhook.adapters.observing import Subject
from webhook.adapters.peaks import Peaks, Span
from webhook.adapters.schema import feedback, incidents, missed, observations
from webhook.core.observation import FIRST_SECONDS, OPEN_SECONDS, TAIL_SECONDS, Observation


def unobserved(
    connection: Connection, alertnames: Collection[str], now: float, limit: int
) -> tuple[list[Subject], bool]:
    """Return incidents to be looked at now, judged ones and then new ones first.

    Parameters
    ----------
    alertnames : of the alerts that scores cause
    now : unix seconds

    Returns
    -------
    At most `limit` of them, and whether there are more; then only courses of judged ones are
    wanted, since thousands would fill the store.
    """
    of, seen = incidents.c, observations.c
    first = or_(of.opened_at <= now - FIRST_SECONDS, of.closed_at.is_not(None))
    # As `complete_from` says of one.
    is_incomplete = and_(
        seen.observed_at < of.opened_at + OPEN_SECONDS,
        or_(of.closed_at.is_(None), seen.observed_at < of.closed_at + TAIL_SECONDS),
    )
    last = or_(of.opened_at <= now - OPEN_SECONDS, of.closed_at <= now - TAIL_SECONDS)
    # What an early look left out in a storm is wanted once somebody has judged it.
    left_out = and_(seen.course.is_(None), feedback.c.changed_at > seen.observed_at)
    again = or_(and_(is_incomplete, last), and_(left_out, seen.series.is_not(None)))
    statement = (
        select(incidents, feedback.c.verdict, seen.observed_at)
        .outerjoin(observations, seen.incident_id == of.id)
        .outerjoin(feedback, feedback.c.incident_id == of.id)
        .where(of.alertname.in_(alertnames), of.query != "")
        .where(or_(and_(seen.id.is_(None), first), again))
        .order_by(feedback.c.verdict.is_(None), of.id.desc())
        .limit(limit + 1)
    )
    rows = connection.execute(statement).all()
    has_more = len(rows) > limit
    return [_subject(connection, row, has_more) for row in rows[:limit]], has_more


def _subject(connection: Connection, row: Row[Any], has_more: bool) -> Subject:
    return Subject(
        id=row.id,
        labels=row.labels,
        alerted_at=min(row.starts_at, row.opened_at),
        ends_at=row.ends_at,
        known=None if row.observed_at is None else observation_of(connection, row.id),
        wants_course=row.verdict is not None or not has_more,
    )


def unobserved_marks(connection: Connection, now: float, limit: int) -> dict[int, Span]:
    """Return marks whose scores were not looked up yet, by number, the newest first."""
    statement = (
        select(missed)
        .where(missed.c.observed_at.is_(None), missed.c.withdrawn_at.is_(None))
        .where(missed.c.ends_at <= now)
        .order_by(missed.c.id.desc())
        .limit(limit)
    )
    return {
        row.id: Span(row.query, row.labels, row.starts_at, row.ends_at, is_exact=False)
        for row in connection.execute(statement)
    }


def keep(connection: Connection, found: Sequence[Observation]) -> None:
    """Write down what was found of incidents that are still there."""
    wanted = [each.incident for each in found]
    # Retention may have taken one meanwhile.
    there = set(
        connection.execute(select(incidents.c.id).where(incidents.c.id.in_(wanted))).scalars()
    )
    for each in found:
        if each.incident in there:
            put_observation(connection, each)


def keep_marks(
    connection: Connection, marks: Collection[int], peaks: Mapping[int, Peaks], now: float
) -> None:
    """Write down what was found of marks; nothing is known of those without peaks."""
    for number in marks:
        peak = peaks.get(number, Peaks())
        values = {
            "observed_at": now,
            "peak_score": peak.score,
            "threshold": peak.threshold,
            "detectors": dict(peak.detectors),
        }
        connection.execute(update(missed).where(missed.c.id == number).values(values))
