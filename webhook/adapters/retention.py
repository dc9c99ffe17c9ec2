"""What is old enough to be deleted, and is kept in the archive first where there is one?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, select

from webhook.adapters.archive import Archive
from webhook.adapters.database import newest_revision
from webhook.adapters.outbox import UNFINISHED
from webhook.adapters.rowjson import values_of
from webhook.adapters.schema import (
    audit,
    events,
    incident_groups,
    incidents,
    metadata,
    missed,
    notifications,
    patterns,
    quarantine,
)

# Bounds the time that one transaction takes.
_CHUNK = 500


def forget(
    connection: Connection, before: float, now: float, archive: Archive | None = None
) -> int:
    """Delete a bounded number of rows that ended before an instant; return how many.

    Open incidents stay, and so do incidents with a notification still to be sent or named. Call
    again until it returns 0.

    Parameters
    ----------
    before, now : unix seconds
    archive : gets the rows, and all that goes with them, before they are deleted

    Raises
    ------
    ArchiveError
        If the archive cannot be written; then nothing is deleted.
    """
    deleted = 0
    for table, condition in _old(before):
        ids = connection.execute(
            select(table.c.id).where(condition).order_by(table.c.id).limit(_CHUNK)
        ).scalars()
        chosen = list(ids)
        if not chosen:
            continue
        if archive is not None:
            archive.append(_family(connection, table, chosen), newest_revision(), now)
        connection.execute(delete(table).where(table.c.id.in_(chosen)))
        deleted += len(chosen)
        if len(chosen) == _CHUNK:
            break
    return deleted


def _old(before: float) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    unfinished = (
        select(notifications.c.id)
        .where(notifications.c.incident_id == incidents.c.id)
        .where(notifications.c.state.in_(UNFINISHED))
        .exists()
    )
    members = select(incidents.c.id).where(incidents.c.group_id == incident_groups.c.id).exists()
    # First, and all of them: an incident may have very many.
    yield events, events.c.received_at < before
    yield incidents, and_(incidents.c.closed_at < before, ~unfinished)
    # Digests: what belongs to an incident goes with it.
    yield (
        notifications,
        and_(notifications.c.incident_id.is_(None), notifications.c.finished_at < before),
    )
    yield incident_groups, and_(incident_groups.c.closed_at < before, ~members)
    yield quarantine, quarantine.c.received_at < before
    yield missed, missed.c.ends_at < before
    yield patterns, patterns.c.expires_at < before
    yield audit, audit.c.at < before


def _family(
    connection: Connection, table: Table, ids: Sequence[int]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield rows and what the database deletes together with them."""
    remaining = iter(ids)
    while chunk := list(islice(remaining, _CHUNK)):
        for row in connection.execute(select(table).where(table.c.id.in_(chunk))):
            yield str(table.name), values_of(row)
        for child in metadata.sorted_tables:
            for key in child.foreign_keys:
                if key.column.table is table and key.ondelete == "CASCADE":
                    found = select(child.c.id).where(key.parent.in_(chunk))
                    yield from _family(connection, child, connection.execute(found).scalars().all())
