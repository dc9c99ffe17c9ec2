"""Which numbers does the daemon publish about what it finds out by itself?"""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from webhook.errors import LookupReason


class ReconcileMetrics:
    """How comparing with Alertmanager and Prometheus goes, and what it found."""

    def __init__(self, registry: CollectorRegistry) -> None:
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
        self._closed.inc(closed)


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
