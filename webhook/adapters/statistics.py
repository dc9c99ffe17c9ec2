"""How much happened, hour by hour or day by day? From views that migrations make."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import ColumnClause, Connection, Row, TableClause, column, select, table

Measure = Literal["incidents_opened", "incidents_closed", "notifications", "verdicts"]
Per = Literal["hour", "day"]

SECONDS: dict[Per, int] = {"hour": 3_600, "day": 86_400}
BY = ("query", "severity", "channel", "kind", "state", "verdict")
"""What the numbers are counted by; "" where a measure is not counted by it."""


def _view(name: str) -> TableClause:
    columns: list[ColumnClause[Any]] = [
        column(each) for each in ("start", "measure", *BY, "number")
    ]
    return table(name, *columns)


_VIEWS: dict[Per, TableClause] = {"hour": _view("stats_hourly"), "day": _view("stats_daily")}


def statistics(connection: Connection, per: Per, since: float, limit: int) -> Sequence[Row[Any]]:
    """Return the numbers of the hours or days that began at `since` or later, oldest first.

    Parameters
    ----------
    since : unix seconds
    limit : how many rows at most
    """
    view = _VIEWS[per]
    ordered = select(view).where(view.c.start >= since).order_by(*view.c)
    return connection.execute(ordered.limit(limit)).all()
