"""Which numbers tell of what is asked of Prometheus for learning?"""

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from webhook.adapters.prometheus import PrometheusReason


class ObserverMetrics:
    """Counts incidents that were looked at, and looks that failed."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._observed = Counter(
            "anomaly_webhook_observations_total",
            "Looks at the series of incidents, each incident about twice.",
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_observation_failures_total",
            "Requests for the series of incidents that Prometheus did not answer.",
            ["reason"],
            registry=registry,
        )
        self._behind = Gauge(
            "anomaly_webhook_observations_behind",
            "Whether more incidents wait for a look than one round takes.",
            registry=registry,
        )
        for reason in get_args(PrometheusReason):
            self._failures.labels(reason)

    def observed(self, count: int) -> None:
        """Count incidents that were looked at."""
        self._observed.inc(count)

    def failed(self, reason: PrometheusReason) -> None:
        """Count a request without an answer."""
        self._failures.labels(reason).inc()

    def waiting(self, *, has_more: bool) -> None:
        """Say whether incidents are left for later rounds."""
        self._behind.set(has_more)
