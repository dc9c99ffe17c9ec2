"""What happened lately, and what has one cause? For the overview, from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select

from webhook.adapters.groups import named
from webhook.adapters.schema import feedback, incident_groups, incidents

_MOST_GROUPS = 50


@dataclass(frozen=True, slots=True)
class Group:
    """Incidents of one cause.

    Parameters
    ----------
    closed_at : unix seconds; None while one of them is firing
    first : the likely first mover, in words
    first_incident : its number; None where retention took it
    """

    id: int
    opened_at: float
    closed_at: float | None
    members: int
    firing: int
    first: str
    first_incident: int | None
    why: str


def lately(connection: Connection, since: float, most: int) -> tuple[Sequence[Row[Any]], int]:
    """Return incidents that were firing at some time since then, and how many there were.

    Parameters
    ----------
    since : unix seconds
    most : how many rows at most, the newest

    Returns
    -------
    Rows of `incidents` with the `verdict` of each, newest first.
    """
    table = incidents.c
    # Both halves have an index.
    wanted = or_(table.ends_at.is_(None), table.closed_at >= since)
    columns = (table.id, table.starts_at, table.ends_at, table.alertname, table.level)
    statement: Select[Any] = (
        select(*columns, table.query, table.labels, feedback.c.verdict)
        .outerjoin(feedback, feedback.c.incident_id == table.id)
        .where(wanted)
        .order_by(table.id.desc())
        .limit(most)
    )
    rows = connection.execute(statement).all()
    if len(rows) < most:
        return rows, len(rows)
    count = select(func.count()).select_from(incidents).where(wanted)
    return rows, connection.execute(count).scalar_one()


def groups_since(connection: Connection, since: float) -> Sequence[Group]:
    """Return the groups that had an open incident since then: open ones first, then the newest."""
    table = incident_groups.c
    found = connection.execute(
        select(incident_groups)
        .where(or_(table.closed_at.is_(None), table.closed_at >= since))
        .order_by(table.closed_at.is_(None).desc(), table.id.desc())
        .limit(_MOST_GROUPS)
    ).all()
    ids = [row.id for row in found]
    sizes = {
        row.group_id: (row.members, row.members - row.over)
        for row in connection.execute(
            select(
                incidents.c.group_id,
                func.count().label("members"),
                func.count(incidents.c.ends_at).label("over"),
            )
            .where(incidents.c.group_id.in_(ids))
            .group_by(incidents.c.group_id)
        )
    }
    firsts = {
        row.id: named(row)
        for row in connection.execute(
            select(incidents).where(incidents.c.id.in_([row.first_incident_id for row in found]))
        )
    }
    return [
        Group(
            row.id,
            row.opened_at,
            row.closed_at,
            *sizes[row.id],
            firsts.get(row.first_incident_id, ""),
            row.first_incident_id if row.first_incident_id in firsts else None,
            row.why,
        )
        # One alone has no common cause with anything.
        for row in found
        if sizes.get(row.id, (0, 0))[0] > 1
    ]
