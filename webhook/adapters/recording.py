"""How do deliveries become events, incidents and outbox rows in one transaction?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from sqlalchemy import Connection, bindparam, func, insert, select, update

from promkit.traces import current_trace
from webhook.adapters.announcing import announce_end, firing_row, missed_row
from webhook.adapters.schema import events, incidents, notifications
from webhook.core.alerts import Alert, Delivery, Origin, severity_of
from webhook.core.incidents import Change, Span, announces, transition
from webhook.core.routing import Routed, Routing

T = TypeVar("T")

# Far below SQLite's limit of 32,766 parameters in one statement.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Recording:
    """A delivery to store, with the routing in force when it came; unix seconds.

    Parameters
    ----------
    trace : by default the one that is worked on
    """

    delivery: Delivery
    routing: Routing
    received_at: float
    trace: str = field(default_factory=current_trace)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a delivery did.

    Parameters
    ----------
    changes : how many alerts made which change
    unrouted : how many new incidents no channel takes
    is_notified : whether it may have put something into the outbox
    opened : new incidents by alertname and query, those that were over at once included
    """

    changes: Counter[Change]
    unrouted: int
    is_notified: bool
    opened: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(slots=True)
class _Incident:
    id: int | None
    span: Span
    alert: Alert
    origin: Origin
    extras: Mapping[str, object]
    opened_at: float
    last_seen_at: float
    closed_at: float | None = None
    # Of new ones alone: which trace opened it.
    trace: str = ""
    is_changed: bool = False
    # Of new ones alone: how bad it is, and where it goes.
    routed: Routed | None = None


def record(connection: Connection, recordings: Sequence[Recording]) -> list[Recorded]:
    """Store deliveries in their order and return what each did."""
    alerts = (alert for recording in recordings for alert in recording.delivery.alerts)
    work = _Work(_latest(connection, {alert.fingerprint for alert in alerts}))
    results = [work.add(recording) for recording in recordings]
    work.write(connection, recordings[-1].received_at)
    return results


class _Work:
    """What a group of deliveries adds up to, computed in memory and written in few statements."""

    def __init__(self, latest: dict[str, _Incident]) -> None:
        self._latest = latest
        self._known = list(latest.values())
        self._new: list[_Incident] = []
        self._closed: list[_Incident] = []
        self._firing: list[tuple[_Incident, str, float]] = []
        self._missed: list[tuple[_Incident, float]] = []
        self._events: list[tuple[_Incident, Alert, Change, Recording]] = []

    def add(self, recording: Recording) -> Recorded:
        changes: Counter[Change] = Counter()
        opened: Counter[tuple[str, str]] = Counter()
        unrouted = 0
        is_notified = False
        for alert in recording.delivery.alerts:
            change, incident = self._apply(alert, recording)
            changes[change] += 1
            if change in (Change.OPENED, Change.MISSED):
                opened[alert.labels.get("alertname", ""), alert.labels.get("query", "")] += 1
            self._events.append((incident, alert, change, recording))
            match announces(change):
                case "firing":
                    channels = () if incident.routed is None else incident.routed.channels
                    unrouted += not channels
                    is_notified |= bool(channels)
                    for channel in channels:
                        self._firing.append((incident, channel, recording.received_at))
                case "resolved":
                    self._closed.append(incident)
                    is_notified = True
                case None:
                    if change is Change.MISSED and recording.delivery.origin == "reconcile":
                        self._missed.append((incident, recording.received_at))
                        is_notified = True
        return Recorded(changes, unrouted, is_notified, opened)

    def _apply(self, alert: Alert, recording: Recording) -> tuple[Change, _Incident]:
        now = recording.received_at
        known = self._latest.get(alert.fingerprint)
        change, span = transition(None if known is None else known.span, alert)
        if known is None or change in (Change.OPENED, Change.MISSED):
            origin = recording.delivery.origin
            routed = recording.routing.route(alert.labels, alert.annotations)
            incident = _Incident(
                None,
                span,
                alert,
                origin,
                alert.extras,
                now,
                last_seen_at=now,
                trace=recording.trace,
                routed=routed,
            )
            self._latest[alert.fingerprint] = incident
            self._new.append(incident)
        else:
            incident = known
            incident.is_changed |= change is not Change.STALE or span != incident.span
            incident.span = span
            if change is not Change.STALE:
                incident.alert = alert
                incident.extras = alert.extras or incident.extras
                incident.last_seen_at = now
        if span.ends_at is not None and incident.closed_at is None:
            incident.closed_at = now
        return change, incident

    def write(self, connection: Connection, now: float) -> None:
        # Closing comes before opening: at no moment has a fingerprint two open incidents.
        if changed := [_changed(incident) for incident in self._known if incident.is_changed]:
            connection.execute(_UPDATE, changed)
        if self._new:
            _insert(connection, self._new)
        if self._firing:
            rows = [firing_row(one.id, channel, at) for one, channel, at in self._firing]
            connection.execute(insert(notifications), rows)
        missed = [
            missed_row(one.id, channel, at)
            for one, at in self._missed
            if one.routed is not None
            for channel in one.routed.channels
        ]
        if missed:
            connection.execute(insert(notifications), missed)
        for chunk in _chunks(incident.id for incident in self._closed):
            announce_end(connection, chunk, now)
        if self._events:
            connection.execute(insert(events), [_event(*event) for event in self._events])


def _insert(connection: Connection, new: Sequence[_Incident]) -> None:
    """Store new incidents, and give each the number that it got.

    Numbers ascend in the order of the rows. To leave the matching to SQLAlchemy
    (`sort_by_parameter_order`) would mean a statement for each row on SQLite.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for row_id, fingerprint in connection.execute(_INSERT, [_new(incident) for incident in new]):
        numbers[fingerprint].append(row_id)
    for found in numbers.values():
        found.sort(reverse=True)
    for incident in new:
        incident.id = numbers[incident.alert.fingerprint].pop()


def _latest(connection: Connection, fingerprints: Iterable[str]) -> dict[str, _Incident]:
    found: dict[str, _Incident] = {}
    for chunk in _chunks(fingerprints):
        for row in connection.execute(_LATEST, {"fingerprints": chunk}):
            alert = Alert(
                row.fingerprint,
                "firing" if row.ends_at is None else "resolved",
                row.labels,
                row.annotations,
                row.starts_at,
                row.ends_at,
                row.generator_url,
            )
            span = Span(row.starts_at, row.ends_at)
            found[row.fingerprint] = _Incident(
                row.id,
                span,
                alert,
                row.origin,
                row.extras,
                row.opened_at,
                row.last_seen_at,
                row.closed_at,
            )
    return found


# Built once: to build a statement costs more than to run it.
_LATEST = select(incidents).where(
    incidents.c.id.in_(
        select(func.max(incidents.c.id))
        .where(incidents.c.fingerprint.in_(bindparam("fingerprints", expanding=True)))
        .group_by(incidents.c.fingerprint)
    )
)
_INSERT = insert(incidents).returning(incidents.c.id, incidents.c.fingerprint)
_UPDATE = (
    update(incidents)
    .where(incidents.c.id == bindparam("row_id"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "starts_at",
                "ends_at",
                "closed_at",
                "last_seen_at",
                "annotations",
                "generator_url",
                "extras",
            )
        }
    )
)


def _changed(incident: _Incident) -> dict[str, object]:
    return {
        "row_id": incident.id,
        "starts_at": incident.span.starts_at,
        "ends_at": incident.span.ends_at,
        "closed_at": incident.closed_at,
        "last_seen_at": incident.last_seen_at,
        "annotations": incident.alert.annotations,
        "generator_url": incident.alert.generator_url,
        "extras": incident.extras,
    }


def _new(incident: _Incident) -> dict[str, object]:
    labels = incident.alert.labels
    return {
        "fingerprint": incident.alert.fingerprint,
        "starts_at": incident.span.starts_at,
        "ends_at": incident.span.ends_at,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "last_seen_at": incident.last_seen_at,
        "alertname": labels.get("alertname", ""),
        "severity": severity_of(labels),
        "level": "low" if incident.routed is None else incident.routed.severity.level,
        "query": labels.get("query", ""),
        "labels": labels,
        "annotations": incident.alert.annotations,
        "generator_url": incident.alert.generator_url,
        "extras": incident.extras,
        "origin": incident.origin,
        "trace_id": incident.trace,
    }


def _event(
    incident: _Incident, alert: Alert, change: Change, recording: Recording
) -> dict[str, object]:
    return {
        "incident_id": incident.id,
        "received_at": recording.received_at,
        "status": alert.status,
        "change": change.value,
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "annotations": alert.annotations,
        "receiver": recording.delivery.receiver,
        "source": recording.delivery.source,
        "cause": recording.delivery.cause,
        "trace_id": recording.trace,
    }


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
