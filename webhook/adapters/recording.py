"""How do deliveries become events, incidents and outbox rows in one transaction?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert

from promkit.traces import current_trace
from webhook.adapters.announcing import announce_end, firing_row, missed_row
from webhook.adapters.incidentrows import Incident, chunks, insert_new, latest, store_changed
from webhook.adapters.schema import events, notifications
from webhook.core.alerts import Alert, Delivery
from webhook.core.incidents import Change, announces, transition
from webhook.core.routing import Routing


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


def record(connection: Connection, recordings: Sequence[Recording]) -> list[Recorded]:
    """Store deliveries in their order and return what each did."""
    alerts = (alert for recording in recordings for alert in recording.delivery.alerts)
    work = _Work(latest(connection, {alert.fingerprint for alert in alerts}))
    results = [work.add(recording) for recording in recordings]
    work.write(connection, recordings[-1].received_at)
    return results


class _Work:
    """What a group of deliveries adds up to, computed in memory and written in few statements."""

    def __init__(self, latest: dict[str, Incident]) -> None:
        self._latest = latest
        self._known = list(latest.values())
        self._new: list[Incident] = []
        self._closed: list[Incident] = []
        self._firing: list[tuple[Incident, str, float]] = []
        self._missed: list[tuple[Incident, float]] = []
        self._events: list[tuple[Incident, Alert, Change, Recording]] = []

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

    def _apply(self, alert: Alert, recording: Recording) -> tuple[Change, Incident]:
        now = recording.received_at
        known = self._latest.get(alert.fingerprint)
        change, span = transition(None if known is None else known.span, alert)
        if known is None or change in (Change.OPENED, Change.MISSED):
            origin = recording.delivery.origin
            routed = recording.routing.route(alert.labels, alert.annotations)
            incident = Incident(
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
        store_changed(connection, self._known)
        if self._new:
            insert_new(connection, self._new)
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
        for chunk in chunks(incident.id for incident in self._closed):
            announce_end(connection, chunk, now)
        if self._events:
            connection.execute(insert(events), [_event(*event) for event in self._events])


def _event(
    incident: Incident, alert: Alert, change: Change, recording: Recording
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
