"""How are alerts kept that should have come? As marks on a series' time, each counted once.

A mark that is taken back stays on record and counts for nothing. An audit line says of each who
made it, and who took it back.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from webhook.adapters.schema import audit, feedback, incidents, missed
from webhook.adapters.thresholds import key_of
from webhook.adapters.verdictpast import series_of
from webhook.core.message import rfc3339
from webhook.core.missed import Missed, may_be_one
from webhook.core.text import one_line
from webhook.core.verdicts import MAX_AUTHOR, MAX_REASON

MOST_MARKS = 1_000


class MissedRefused(ValueError):
    """A mark that cannot be made or taken back.

    Parameters
    ----------
    message : why
    overlaps : names of what counts that time already: `incident 7`, `missed-3`
    """

    def __init__(self, message: str, overlaps: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.overlaps = tuple(overlaps)


def mark(connection: Connection, marked: Missed, now: float) -> int:
    """Store a mark; return its number.

    Parameters
    ----------
    now : unix seconds

    Raises
    ------
    MissedRefused
        If another mark, or an incident that people confirmed, is about that time of that series.
    """
    if overlaps := [*_marks(connection, marked), *_confirmed(connection, marked)]:
        raise MissedRefused(
            f"it overlaps {', '.join(overlaps)} of the same series, and would count twice",
            overlaps,
        )
    own = {
        "query": marked.query,
        "labels": dict(marked.labels),
        "starts_at": marked.start,
        "ends_at": marked.end,
        "reason": marked.reason,
        "author": marked.author,
        "via": marked.via,
    }
    row = {**own, "labels_key": key_of(marked.labels), "created_at": now}
    number = int(connection.execute(insert(missed).values(row).returning(missed.c.id)).scalar_one())
    actor = marked.author or marked.via
    _note(connection, number, "missed_marked", actor, None, own, marked.reason, now)
    return number


def _marks(connection: Connection, marked: Missed) -> Iterator[str]:
    table = missed.c
    others = select(missed).where(
        table.query == marked.query,
        table.withdrawn_at.is_(None),
        table.starts_at < marked.end,
        table.ends_at > marked.start,
    )
    for row in connection.execute(others.order_by(table.id)):
        if may_be_one(marked.labels, row.labels):
            yield f"missed-{row.id}"


def _confirmed(connection: Connection, marked: Missed) -> Iterator[str]:
    table = incidents.c
    statement = (
        select(table.id, table.labels)
        .join(feedback, feedback.c.incident_id == table.id)
        .where(
            table.query == marked.query,
            feedback.c.verdict == "confirmed",
            table.starts_at < marked.end,
            or_(table.ends_at.is_(None), table.ends_at > marked.start),
        )
    )
    for row in connection.execute(statement.order_by(table.id)):
        if may_be_one(marked.labels, series_of(row.labels, ())):
            yield f"incident {row.id}"


def withdraw(
    connection: Connection, number: int, actor: str, now: float, why: str = ""
) -> Row[Any]:
    """Take a mark back; return it as it was.

    Raises
    ------
    MissedRefused
        If there is no such mark, or it was taken back already.
    """
    row = connection.execute(
        select(missed).where(missed.c.id == number).with_for_update()
    ).one_or_none()
    if row is None:
        raise MissedRefused(f"there is no mark {number}; the list names those that are")
    if row.withdrawn_at is not None:
        raise MissedRefused(f"mark {number} was taken back at {rfc3339(row.withdrawn_at)}")
    connection.execute(update(missed).where(missed.c.id == number).values(withdrawn_at=now))
    actor, why = one_line(actor, MAX_AUTHOR), one_line(why, MAX_REASON)
    before = {name: getattr(row, name) for name in ("query", "labels", "starts_at", "ends_at")}
    _note(connection, number, "missed_withdrawn", actor, before, None, why, now)
    return row


def _note(
    connection: Connection,
    number: int,
    action: str,
    actor: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    detail: str,
    now: float,
) -> None:
    row = {
        "at": now,
        "actor": actor,
        "action": action,
        "subject": f"missed-{number}",
        "before": before,
        "after": after,
        "detail": detail,
    }
    connection.execute(insert(audit), row)


def list_missed(
    connection: Connection, limit: int, query: str | None = None, before: int | None = None
) -> Sequence[Row[Any]]:
    """Return marks, newest first, with those that were taken back.

    Parameters
    ----------
    query : of one query alone
    before : below this number alone
    """
    statement = select(missed).order_by(missed.c.id.desc()).limit(limit)
    if query is not None:
        statement = statement.where(missed.c.query == query)
    if before is not None:
        statement = statement.where(missed.c.id < before)
    return connection.execute(statement).all()


def marked_since(
    connection: Connection, since: float, limit: int = MOST_MARKS
) -> Sequence[Row[Any]]:
    """Return the marks that count and were made at or after an instant, the newest first."""
    statement = (
        select(missed)
        .where(missed.c.withdrawn_at.is_(None), missed.c.created_at >= since)
        .order_by(missed.c.id.desc())
        .limit(limit)
    )
    return connection.execute(statement).all()
