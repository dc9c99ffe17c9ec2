"""Which changes does the audit know? Each kind has a prefix of its own, such as `threshold_`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select

from webhook.adapters.schema import audit


def audited(kinds: Sequence[str], query: str | None = None) -> Select[Any]:
    """Return the statement for the changes and proposals of a query, or of all, oldest first."""
    is_one = or_(*(audit.c.action.startswith(kind, autoescape=True) for kind in kinds))
    statement = select(audit).where(is_one).order_by(audit.c.id)
    return statement if query is None else statement.where(audit.c.subject == query)


def newest(
    connection: Connection, kinds: Sequence[str], limit: int, query: str | None, before: int | None
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return changes and proposals, newest first, and the number to continue below."""
    statement = audited(kinds, query).order_by(None).order_by(audit.c.id.desc())
    if before is not None:
        statement = statement.where(audit.c.id < before)
    rows = connection.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    return shown, shown[-1].id if len(rows) > limit else None


def undone(connection: Connection, kind: str) -> frozenset[int]:
    """Return the changes of a kind that were taken back."""
    rows = connection.execute(audited((kind,)).where(audit.c.action == f"{kind}undone"))
    return frozenset(row.after["undoes"] for row in rows)
