"""How are verdicts kept? One for each incident, the last one counts, every change on record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from webhook.adapters.patterns import contradict
from webhook.adapters.schema import audit, feedback, incidents
from webhook.core.verdicts import Judgement, Verdict

MOST_JUDGED = 1_000


@dataclass(frozen=True, slots=True)
class Given:
    """What giving a verdict did.

    Parameters
    ----------
    incident : the row that it is about
    before : the verdict that stood there, None when there was none
    is_changed : whether anything is different now
    """

    incident: Row[Any]
    before: Verdict | None
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """An incident with its verdict, as the metrics page tells of it."""

    incident: Row[Any]
    verdict: str


def judge(
    connection: Connection, incident_id: int, judgement: Judgement, now: float
) -> Given | None:
    """Store a verdict in place of an earlier one; None when there is no such incident.

    Parameters
    ----------
    now : unix seconds
    """
    # Locked, so that of two replicas that get a click each the second one sees the first.
    incident = connection.execute(
        select(incidents).where(incidents.c.id == incident_id).with_for_update()
    ).one_or_none()
    if incident is None:
        return None
    table = feedback.c
    old = connection.execute(select(feedback).where(table.incident_id == incident_id)).one_or_none()
    values = {
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "author": judgement.author,
        "via": judgement.via,
    }
    before = None if old is None else {name: getattr(old, name) for name in values}
    # A second click on the same button, which says nothing new.
    is_same = before is not None and before["verdict"] == judgement.verdict
    if before is not None and is_same and judgement.reason in ("", before["reason"]):
        return Given(incident, judgement.verdict, is_changed=False)
    connection.execute(_upsert(connection, incident_id, values, now))
    row = {
        "at": now,
        "actor": judgement.author or judgement.via,
        "action": "verdict",
        "subject": f"incident {incident_id}",
        "before": before,
        "after": values,
        "detail": judgement.reason,
    }
    connection.execute(insert(audit), row)
    if judgement.verdict == "confirmed":
        contradict(connection, incident, judgement.author or judgement.via, now)
    return Given(incident, None if old is None else old.verdict, is_changed=True)


def _upsert(connection: Connection, incident_id: int, values: dict[str, str], now: float) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    given = {**values, "changed_at": now}
    row = {"incident_id": incident_id, "created_at": now, **given}
    statement = dialect.insert(feedback).values(row)
    return statement.on_conflict_do_update(index_elements=["incident_id"], set_=given)


def newest_incident(connection: Connection, fingerprint: str) -> int | None:
    """Return the newest incident of an alert's fingerprint."""
    return connection.execute(
        select(incidents.c.id)
        .where(incidents.c.fingerprint == fingerprint)
        .order_by(incidents.c.id.desc())
        .limit(1)
    ).scalar()


def with_verdict(
    connection: Connection, incident_id: int
) -> tuple[Row[Any], Row[Any] | None] | None:
    """Return an incident and its verdict; None when it does not exist."""
    incident = connection.execute(
        select(incidents).where(incidents.c.id == incident_id)
    ).one_or_none()
    if incident is None:
        return None
    verdict = select(feedback).where(feedback.c.incident_id == incident_id)
    return incident, connection.execute(verdict).one_or_none()


def find_feedback(
    connection: Connection,
    limit: int,
    *,
    query: str | None = None,
    verdict: str | None = None,
    before: int | None = None,
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return verdicts with what they are about, newest first, and the id to continue below."""
    about = incidents.c
    statement = (
        select(
            feedback, about.fingerprint, about.alertname, about.query, about.severity,
            about.labels, about.starts_at, about.ends_at,
        )
        .join(incidents, about.id == feedback.c.incident_id)
        .order_by(feedback.c.id.desc())
    )  # fmt: skip
    if query is not None:
        statement = statement.where(about.query == query)
    if verdict is not None:
        statement = statement.where(feedback.c.verdict == verdict)
    if before is not None:
        statement = statement.where(feedback.c.id < before)
    rows = connection.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    return shown, shown[-1].id if len(rows) > limit else None


def judged_since(connection: Connection, since: float, limit: int = MOST_JUDGED) -> list[Judged]:
    """Return the incidents that were judged at or after an instant, the newest verdicts first."""
    statement = (
        select(incidents, feedback.c.verdict)
        .join(feedback, feedback.c.incident_id == incidents.c.id)
        .where(feedback.c.changed_at >= since)
        .order_by(feedback.c.changed_at.desc(), feedback.c.id.desc())
        .limit(limit)
    )
    return [Judged(row, row.verdict) for row in connection.execute(statement)]
