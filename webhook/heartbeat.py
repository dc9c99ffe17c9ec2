"""Is the way from Prometheus through Alertmanager to us alive? A dead man's switch.

An alert that always fires is delivered again and again. While it comes, nobody hears of it; when it
stays away, that is an incident of our own, told through channels that need no Alertmanager.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from promkit.clock import Clock
from promkit.durations import format_duration
from promkit.labels import Matcher
from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.held import latest_incidents
from webhook.adapters.recording import Recording
from webhook.adapters.store import Store
from webhook.adapters.truthmetrics import HeartbeatMetrics
from webhook.core.alerts import Alert, Delivery
from webhook.core.fingerprint import fingerprint
from webhook.core.incidents import Span
from webhook.core.routing import Routing
from webhook.errors import StoreError

log = logging.getLogger(__name__)

ALERTNAME = "AnomalyWebhookHeartbeatMissing"
LABELS = {"alertname": ALERTNAME, "severity": "critical"}
HEARD_AT = "heartbeat_heard_at"


@dataclass(frozen=True, slots=True)
class Switch:
    """The dead man's switch as configured.

    Parameters
    ----------
    matchers : which alerts are heartbeats
    after : seconds that they may stay away
    routing : whom to tell; without any channel, silence is no incident
    """

    matchers: tuple[Matcher, ...]
    after: float
    routing: Routing


class Heartbeat:
    """Takes heartbeats out of deliveries, remembers the last, and tells when they stop.

    Parameters
    ----------
    store : remembers, over restarts and for all replicas
    clock : time
    metrics : shows when the last one came
    notified : called after something was put into the outbox
    """

    def __init__(
        self, store: Store, clock: Clock, metrics: HeartbeatMetrics, notified: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._notified = notified
        self._up_since = clock.now()

    async def take(self, switch: Switch, delivery: Delivery, now: float) -> Delivery:
        """Return the delivery without its heartbeats; they are written down when this returns.

        Raises
        ------
        StoreUnavailable
            If they cannot be.
        """
        rest = tuple(alert for alert in delivery.alerts if not _is_heartbeat(switch, alert))
        beats = len(delivery.alerts) - len(rest)
        if not beats:
            return delivery
        # One that is resolved says that Prometheus has stopped; its absence will tell.
        if any(a.status == "firing" for a in delivery.alerts if _is_heartbeat(switch, a)):
            await self._store.write(lambda connection: put_fact(connection, HEARD_AT, now, now))
            self._metrics.heard(now)
        return replace(delivery, alerts=rest)

    async def check(self, switch: Switch) -> None:
        """Open an incident when heartbeats have stopped, and close it when they are back."""
        name = fingerprint(LABELS)

        def read(connection: Connection) -> tuple[float, Span | None]:
            held = latest_incidents(connection, [name]).get(name)
            return float(get_fact(connection, HEARD_AT) or 0.0), held.span if held else None

        try:
            heard_at, span = await self._store.read(read)
            self._metrics.heard(heard_at)
            is_open = span is not None and span.ends_at is None
            # While we were down nobody could reach us.
            late_at = max(heard_at, self._up_since) + switch.after
            if not is_open and switch.routing.targets and self._clock.now() >= late_at:
                await self._record(switch, _missing(switch, heard_at, late_at))
            elif is_open and span is not None and heard_at > span.starts_at:
                await self._record(switch, _back(switch, span.starts_at, heard_at))
        except StoreError as error:
            log.warning("cannot look after heartbeats", extra={"problem": str(error)})

    async def _record(self, switch: Switch, alert: Alert) -> None:
        delivery = Delivery((alert,), (), "", "", "dead man's switch", 0, "webhook")
        recorded = await self._store.record(Recording(delivery, switch.routing, self._clock.now()))
        if recorded.is_notified:
            self._notified()
        log.warning("heartbeats", extra={"status": alert.status, "since": alert.starts_at})


def _is_heartbeat(switch: Switch, alert: Alert) -> bool:
    return all(matcher.matches(alert.labels) for matcher in switch.matchers)


def _missing(switch: Switch, heard_at: float, late_at: float) -> Alert:
    ever = "since the last one" if heard_at else "since this daemon started, nor ever before"
    annotations = {
        "summary": "Alerts do not arrive any more.",
        "description": (
            f"No heartbeat came for {format_duration(switch.after)} {ever}: Prometheus, "
            "Alertmanager or the way between them and here is broken. Until it is back, nobody "
            "hears of anything."
        ),
    }
    return Alert(fingerprint(LABELS), "firing", LABELS, annotations, late_at, None, "")


def _back(switch: Switch, starts_at: float, heard_at: float) -> Alert:
    annotations = {
        "summary": "Alerts arrive again.",
        "description": "The alert that always fires was delivered again.",
    }
    return Alert(fingerprint(LABELS), "resolved", LABELS, annotations, starts_at, heard_at, "")
