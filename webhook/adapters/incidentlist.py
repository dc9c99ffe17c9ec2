"""Which incidents does a person want to see? Those that all of some filters accept, by pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, select

from webhook.adapters.schema import feedback, incidents

State = Literal["", "firing", "resolved"]
NO_VERDICT = "none"
_MOST_QUERIES = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; "" and None are anything.

    Parameters
    ----------
    verdict : one of `webhook.core.verdicts`, or `NO_VERDICT` for those that nobody judged
    group : incidents of one cause
    before : only those with a lower number, where the page before ended
    """

    status: State = ""
    query: str = ""
    level: str = ""
    verdict: str = ""
    group: int | None = None
    before: int | None = None


def list_incidents(
    connection: Connection, wanted: Wanted, limit: int
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return a page of incidents with the `verdict` of each, newest first, and what is before it.

    The second is the number to go on below, None when nothing is left.
    """
    table = incidents.c
    statement: Select[Any] = (
        select(incidents, feedback.c.verdict)
        .outerjoin(feedback, feedback.c.incident_id == table.id)
        .order_by(table.id.desc())
        .limit(limit + 1)
    )
    if wanted.status:
        is_open = table.ends_at.is_(None)
        statement = statement.where(is_open if wanted.status == "firing" else ~is_open)
    if wanted.query:
        statement = statement.where(table.query == wanted.query)
    if wanted.level:
        statement = statement.where(table.level == wanted.level)
    if wanted.verdict == NO_VERDICT:
        statement = statement.where(feedback.c.verdict.is_(None))
    elif wanted.verdict:
        statement = statement.where(feedback.c.verdict == wanted.verdict)
    if wanted.group is not None:
        statement = statement.where(table.group_id == wanted.group)
    if wanted.before is not None:
        statement = statement.where(table.id < wanted.before)
    rows = connection.execute(statement).all()
    shown = rows[:limit]
    return shown, shown[-1].id if len(rows) > limit else None


def queries_known(connection: Connection) -> Sequence[str]:
    """Return the queries that incidents are of, by name."""
    table = incidents.c
    statement = select(table.query).where(table.query != "").distinct().order_by(table.query)
    return connection.execute(statement.limit(_MOST_QUERIES)).scalars().all()
