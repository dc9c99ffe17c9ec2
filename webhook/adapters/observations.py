"""What did Prometheus know of incidents? Kept for as long as they are, and read by all learning."""

from typing import Any

from sqlalchemy import Connection, Row, Select, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from webhook.adapters.schema import feedback, incidents, observations
from webhook.adapters.verdictpast import Past
from webhook.core.observation import Observation, complete_from, course_of

_SEEN = ("observed_at", "began_at", "peak_score", "threshold", "detectors", "series")


def put_observation(connection: Connection, observation: Observation) -> None:
    """Keep what is known of an incident, in place of what was known before."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    seen: dict[str, Any] = {
        "observed_at": observation.observed_at,
        "began_at": observation.began_at,
        "peak_score": observation.peak_score,
        "threshold": observation.threshold,
        "detectors": dict(observation.detectors),
        "series": None if observation.series is None else dict(observation.series),
        "course": None if observation.course is None else observation.course.as_json(),
    }
    statement = dialect.insert(observations).values(incident_id=observation.incident, **seen)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["incident_id"], set_=seen),
    )


def observation_of(connection: Connection, incident_id: int) -> Observation | None:
    """Return what is known of an incident; None where nobody has looked yet."""
    row = connection.execute(_joined(True).where(incidents.c.id == incident_id)).one_or_none()
    return None if row is None else _observation(row)


def observed(
    connection: Connection, query: str | None, since: float, *, has_courses: bool = True
) -> list[tuple[Past, str | None, Observation]]:
    """Return incidents with the verdict on each and what is known of it, the newest first.

    Parameters
    ----------
    query : None for all; `past.labels["query"]` then tells whose it is
    since : of `opened_at`, unix seconds
    has_courses : whether these are read too, which are most of what is kept

    Returns
    -------
    Also those not complete yet, and those of which Prometheus knew nothing.
    """
    statement = (
        _joined(has_courses).where(incidents.c.opened_at >= since).order_by(incidents.c.id.desc())
    )
    if query is not None:
        statement = statement.where(incidents.c.query == query)
    return [(_past(row), row.verdict, _observation(row)) for row in connection.execute(statement)]


def _joined(has_courses: bool) -> Select[Any]:
    seen = observations.c
    return (
        select(
            incidents.c.id, incidents.c.labels, incidents.c.opened_at, incidents.c.starts_at,
            incidents.c.ends_at, incidents.c.closed_at, feedback.c.verdict,
            *(seen[name] for name in _SEEN),
            seen.course if has_courses else literal_column("NULL").label("course"),
        )
        .join(observations, seen.incident_id == incidents.c.id)
        .outerjoin(feedback, feedback.c.incident_id == incidents.c.id)
    )  # fmt: skip


def _past(row: Row[Any]) -> Past:
    return Past(row.id, row.labels, row.opened_at, row.starts_at, row.ends_at, row.verdict)


def _observation(row: Row[Any]) -> Observation:
    return Observation(
        incident=row.id,
        observed_at=row.observed_at,
        began_at=row.began_at,
        peak_score=row.peak_score,
        threshold=row.threshold,
        detectors=row.detectors,
        series=row.series,
        course=None if row.course is None else course_of(row.course),
        is_complete=row.observed_at >= complete_from(row.opened_at, row.closed_at),
    )
