"""Which numbers does the daemon publish about what it finds out by itself?"""

from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from webhook.errors import LookupReason

_PAIRS = 1_000


class ReconcileMetrics:
    """How comparing with Alertmanager and Prometheus goes, and what it found.

    Parameters
    ----------
    missed : told how many incidents wait for a digest, since they were over when we heard of them
    """

    def __init__(
        self, registry: CollectorRegistry, missed: Callable[[int], None] = lambda count: None
    ) -> None:
        self._missed = missed
        self._runs = Counter(
            "anomaly_webhook_reconcile_runs_total",
            "Comparisons with Alertmanager, failed ones included.",
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_reconcile_failures_total",
            "Comparisons with Alertmanager that failed, in whole or in part.",
            ["reason"],
            registry=registry,
        )
        self._recovered = Counter(
            "anomaly_webhook_reconcile_recovered_total",
            "Incidents that no delivery had told of.",
            ["state"],
            registry=registry,
        )
        self._closed = Counter(
            "anomaly_webhook_reconcile_closed_total",
            "Incidents closed because no delivery had told that they ended.",
            registry=registry,
        )
        self._succeeded = Gauge(
            "anomaly_webhook_reconcile_last_success_timestamp_seconds",
            "When the last comparison with Alertmanager succeeded; 0 for never.",
            registry=registry,
        )
        for reason in get_args(LookupReason):
            self._failures.labels(reason)
        for state in ("firing", "ended"):
            self._recovered.labels(state)

    def ran(self) -> None:
        """Count a comparison."""
        self._runs.inc()

    def failed(self, reason: LookupReason) -> None:
        """Count one that failed."""
        self._failures.labels(reason).inc()

    def succeeded(self, now: float) -> None:
        """Note one that succeeded; unix seconds."""
        self._succeeded.set(now)

    def found(self, firing: int, ended: int, closed: int) -> None:
        """Count incidents that were opened, kept although they are over already, and closed."""
        self._recovered.labels("firing").inc(firing)
        self._recovered.labels("ended").inc(ended)
        if ended:
            self._missed(ended)
        self._closed.inc(closed)


class IncidentMetrics:
    """Which alerts open incidents, so that they can be compared with anomalies."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._known: set[tuple[str, str]] = set()
        self._opened = Counter(
            "anomaly_webhook_incidents_opened_total",
            "Incidents that were new, by the names of their alert and query.",
            ["alertname", "query"],
            registry=registry,
        )

    def expect(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Export zeros for what may come again, so that rates start right."""
        for pair in pairs:
            self._opened.labels(*self._bounded(pair))

    def opened(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Count new incidents by alertname and query."""
        for pair, count in counts.items():
            self._opened.labels(*self._bounded(pair)).inc(count)

    def _bounded(self, pair: tuple[str, str]) -> tuple[str, str]:
        # The names come from outside; whoever invents new ones must not fill the page.
        if pair not in self._known and len(self._known) >= _PAIRS:
            return ("other", "other")
        self._known.add(pair)
        return pair


class HeartbeatMetrics:
    """When the dead man's switch was last held down."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._heard = Gauge(
            "anomaly_webhook_heartbeat_timestamp_seconds",
            "When the alert that always fires was last delivered; 0 for never.",
            registry=registry,
        )

    def heard(self, at: float) -> None:
        """Note a heartbeat; unix seconds."""
        self._heard.set(at)
