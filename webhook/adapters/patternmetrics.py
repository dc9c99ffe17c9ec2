"""Which numbers say what harmless patterns do?"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webhook.adapters.patterns import State
from webhook.adapters.prometheus import PrometheusReason
from webhook.errors import StoreUnavailable


class PatternMetrics:
    """Counts what was let through, and publishes how many patterns there are.

    Parameters
    ----------
    counts : reads these from the store; raises StoreUnavailable when it cannot
    """

    def __init__(
        self, registry: CollectorRegistry, counts: Callable[[], Mapping[State, int]]
    ) -> None:
        self._let_through = Counter(
            "anomaly_webhook_patterns_left_total",
            "Incidents that were held as a harmless pattern and went another way.",
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_pattern_watch_failures_total",
            "Looks at what is held as a harmless pattern that failed, by reason.",
            ["reason"],
            registry=registry,
        )
        for reason in get_args(PrometheusReason):
            self._failures.labels(reason)
        registry.register(_Counts(counts))

    def let_through(self, incidents: int) -> None:
        """Count incidents that left their pattern."""
        self._let_through.inc(incidents)

    def failed(self, reason: PrometheusReason) -> None:
        """Count a look that failed."""
        self._failures.labels(reason).inc()


class _Counts(Collector):
    def __init__(self, counts: Callable[[], Mapping[State, int]]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering does not read the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the family; nothing when the store cannot be read."""
        try:
            counts = self._counts()
        except StoreUnavailable:
            return
        family = GaugeMetricFamily(
            "anomaly_webhook_patterns",
            "Harmless patterns that are known, by state.",
            labels=["state"],
        )
        for state, number in counts.items():
            family.add_metric([state], number)
        yield family
