"""What do people and programs ask the store? Reads only, on connections of their own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from webhook.adapters.outbox import UNFINISHED
from webhook.adapters.schema import events, incidents, notifications, quarantine
from webhook.core.alerts import Status

# A matcher is checked row by row; one request looks at this many rows at most.
_MAX_SCANNED = 20_000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which incidents are wanted; None means any.

    Parameters
    ----------
    since : only those that started at or after this instant, unix seconds
    before : only those with a lower id (where the previous page ended)
    accepts : condition on the labels
    """

    status: Status | None = None
    severity: str | None = None
    query: str | None = None
    since: float | None = None
    before: int | None = None
    accepts: Callable[[Mapping[str, str]], bool] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the id to continue below; None when nothing is left."""

    rows: Sequence[Row[Any]]
    before: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers for the metrics page; `oldest_pending_at` in unix seconds.

    What is pending may go out now or waits for the gate to say so; what is held waits for a digest.
    """

    open_incidents: int
    pending: int
    oldest_pending_at: float | None
    held: int


@dataclass(frozen=True, slots=True)
class ChannelState:
    """How a channel is doing, from its notifications.

    Parameters
    ----------
    counts : notifications by state
    last_sent_at : unix seconds
    last_problem : detail of the newest failed attempt that is still pending or dead
    """

    counts: Mapping[str, int]
    last_sent_at: float | None
    last_problem: str


def find_incidents(connection: Connection, wanted: AlertFilter, limit: int) -> Page:
    """Return a page of incidents, newest first."""
    statement = select(incidents).order_by(incidents.c.id.desc())
    if wanted.status is not None:
        is_open = incidents.c.ends_at.is_(None)
        statement = statement.where(is_open if wanted.status == "firing" else ~is_open)
    if wanted.severity is not None:
        statement = statement.where(incidents.c.severity == wanted.severity)
    if wanted.query is not None:
        statement = statement.where(incidents.c.query == wanted.query)
    if wanted.since is not None:
        statement = statement.where(incidents.c.starts_at >= wanted.since)
    if wanted.accepts is None:
        return _page(connection, statement, incidents.c.id, wanted.before, limit)
    rows: list[Row[Any]] = []
    before = wanted.before
    for _ in range(_MAX_SCANNED // _CHUNK):
        page = _page(connection, statement, incidents.c.id, before, _CHUNK)
        for row in page.rows:
            if wanted.accepts(row.labels):
                rows.append(row)
                if len(rows) == limit:
                    is_last = page.before is None and row is page.rows[-1]
                    return Page(rows, None if is_last else row.id)
        before = page.before
        if before is None:
            return Page(rows, None)
    return Page(rows, before)


def find_notifications(
    connection: Connection,
    limit: int,
    *,
    channel: str | None = None,
    state: str | None = None,
    incident: int | None = None,
    digest: int | None = None,
    before: int | None = None,
) -> Page:
    """Return a page of notifications, newest first, each with its incident's name and severity.

    A digest has no incident, and NULL for them.
    """
    statement = (
        select(notifications, incidents.c.alertname, incidents.c.severity, incidents.c.query)
        .add_columns(incidents.c.level, incidents.c.labels, incidents.c.starts_at)
        .add_columns(incidents.c.ends_at)
        .outerjoin(incidents, incidents.c.id == notifications.c.incident_id)
        .order_by(notifications.c.id.desc())
    )
    if channel is not None:
        statement = statement.where(notifications.c.channel == channel)
    if state is not None:
        statement = statement.where(notifications.c.state == state)
    if incident is not None:
        statement = statement.where(notifications.c.incident_id == incident)
    if digest is not None:
        statement = statement.where(notifications.c.digest_id == digest)
    return _page(connection, statement, notifications.c.id, before, limit)


def _page(
    connection: Connection, statement: Select[Any], row_id: Any, before: int | None, limit: int
) -> Page:
    if before is not None:
        statement = statement.where(row_id < before)
    rows = connection.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    return Page(shown, shown[-1].id if len(rows) > limit else None)


def incident_with_events(
    connection: Connection, incident_id: int, limit: int
) -> tuple[Row[Any], Sequence[Row[Any]]] | None:
    """Return an incident and its newest events, newest first; None when it does not exist."""
    incident = connection.execute(
        select(incidents).where(incidents.c.id == incident_id)
    ).one_or_none()
    if incident is None:
        return None
    statement = select(events).where(events.c.incident_id == incident_id)
    return incident, connection.execute(statement.order_by(events.c.id.desc()).limit(limit)).all()


def counts(connection: Connection) -> Counts:
    """Return the sizes that the metrics page shows."""
    table = notifications.c
    found = connection.execute(
        select(table.state, func.count(), func.min(table.created_at))
        .where(table.state.in_(UNFINISHED))
        .group_by(table.state)
    )
    waiting = {state: (number, oldest) for state, number, oldest in found}
    held, _ = waiting.pop("held", (0, None))
    pending = sum(number for number, _ in waiting.values())
    oldest = min((at for _, at in waiting.values()), default=None)
    open_incidents = connection.execute(
        select(func.count()).select_from(incidents).where(incidents.c.ends_at.is_(None))
    ).scalar_one()
    return Counts(open_incidents, pending, oldest, held)


def quarantined(connection: Connection) -> int:
    """Return how many bodies are kept in quarantine."""
    return connection.execute(select(func.count()).select_from(quarantine)).scalar_one()


def channel_states(connection: Connection) -> dict[str, ChannelState]:
    """Return every channel that ever had a notification, by name."""
    table = notifications.c
    tally: dict[str, dict[str, int]] = {}
    last_sent: dict[str, float | None] = {}
    for name, state, number, finished_at in connection.execute(
        select(table.channel, table.state, func.count(), func.max(table.finished_at)).group_by(
            table.channel, table.state
        )
    ):
        tally.setdefault(name, {})[state] = number
        if state == "sent":
            last_sent[name] = finished_at
    newest = (
        select(func.max(table.id))
        .where(table.state.in_(("pending", "dead")), table.detail != "")
        .group_by(table.channel)
    )
    problems = {
        row.channel: row.detail
        for row in connection.execute(select(notifications).where(table.id.in_(newest)))
    }
    return {
        name: ChannelState(number, last_sent.get(name), problems.get(name, ""))
        for name, number in tally.items()
    }
