"""What stands in the audit files, and how far have they come?

Each line is one JSON object with an `id` that is the same if the line is ever written twice: after
a kill between writing it and writing down that it was.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, func, select

from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.rowjson import line_of
from webhook.adapters.schema import audit, incidents
from webhook.core.message import number_of, numbers_of, rfc3339

MOST_LINES: Final = 500
"""Of each table at a time."""

_POSITION = "audit_position"
_INCIDENT = re.compile(r"incident (\d{1,18})")


@dataclass(frozen=True, slots=True)
class Position:
    """Up to which row of each table the files have come."""

    incidents: int = 0
    audit: int = 0


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What comes next.

    Parameters
    ----------
    lines : in the order of their time
    before, after : where the files stand, and will once these are written
    """

    lines: Sequence[bytes]
    before: Position
    after: Position


def unwritten(connection: Connection) -> Unwritten:
    """Return the next lines, as many as MOST_LINES of each table.

    Rows of a table are committed in the order of their ids: all processes write one after another.
    """
    stored = Position(**(get_fact(connection, _POSITION) or {}))
    opened, before_opened = _after(connection, incidents, stored.incidents)
    changed, before_changed = _after(connection, audit, stored.audit)
    traces = _traces(connection, changed)
    found = [(row.opened_at, _alerted(row)) for row in opened]
    found += [(row.at, _changed(row, traces)) for row in changed]
    found.sort(key=lambda one: one[0])
    return Unwritten(
        [line_of(line) for _, line in found],
        stored,
        Position(
            opened[-1].id if opened else before_opened,
            changed[-1].id if changed else before_changed,
        ),
    )


def advance(connection: Connection, position: Position, now: float) -> None:
    """Write down how far the files have come; `now` in unix seconds."""
    put_fact(connection, _POSITION, asdict(position), now)


def _after(connection: Connection, table: Table, last: int) -> tuple[Sequence[Row[Any]], int]:
    """Return the next rows, and after which id they are."""
    newest = connection.execute(select(func.max(table.c.id))).scalar() or 0
    if newest == last:
        return (), last
    # SQLite begins anew when retention has emptied a table.
    last = 0 if newest < last else last
    statement = select(table).where(table.c.id > last).order_by(table.c.id).limit(MOST_LINES)
    return connection.execute(statement).all(), last


def _traces(connection: Connection, rows: Iterable[Row[Any]]) -> Mapping[int, str]:
    """Return the trace ids of the incidents that rows are about."""
    numbers = {int(found[1]) for row in rows if (found := _INCIDENT.fullmatch(row.subject))}
    if not numbers:
        return {}
    statement = select(incidents.c.id, incidents.c.trace_id).where(incidents.c.id.in_(numbers))
    return {row.id: row.trace_id for row in connection.execute(statement)}


def _alerted(row: Row[Any]) -> Mapping[str, object]:
    return {
        "id": f"incident-{row.id}-{int(row.opened_at * 1000)}",
        "at": rfc3339(row.opened_at),
        "kind": "alerted",
        "incident": row.id,
        "alertname": row.alertname,
        "query": row.query,
        "labels": row.labels,
        "severity": row.severity,
        "level": row.level,
        "starts_at": rfc3339(row.starts_at),
        **numbers_of(row.annotations, row.labels),
        "threshold": number_of(("threshold",), row.annotations, row.labels),
        "fingerprint": row.fingerprint,
        "origin": row.origin,
        "trace_id": row.trace_id or None,
    }


def _changed(row: Row[Any], traces: Mapping[int, str]) -> Mapping[str, object]:
    about = _INCIDENT.fullmatch(row.subject)
    return {
        "id": f"change-{row.id}-{int(row.at * 1000)}",
        "at": rfc3339(row.at),
        "kind": "changed",
        "action": row.action,
        "actor": row.actor,
        "subject": row.subject,
        "before": row.before,
        "after": row.after,
        "detail": row.detail,
        "trace_id": traces.get(int(about[1])) or None if about else None,
    }
