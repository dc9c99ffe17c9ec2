"""What does the comparison of thresholds tell Prometheus? One snapshot, without what is unknown."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from webhook.core.shadow import Compared

_GAUGES: Mapping[str, tuple[str, Callable[[Compared], float | None]]] = {
    "anomaly_shadow_precision_ratio": (
        "Real ones, of judged alarms that these thresholds would have raised.",
        lambda one: one.precision.value,
    ),
    "anomaly_shadow_recall_ratio": (
        "Alarms that these thresholds would have raised, of real ones that people know of.",
        lambda one: one.recall.value,
    ),
    "anomaly_shadow_f1_ratio": (
        "Harmonic mean of precision and recall under these thresholds, from their counts.",
        lambda one: one.f1,
    ),
    "anomaly_shadow_alarms_per_day": (
        "Alarms that these thresholds would have raised, judged or not.",
        lambda one: one.alarms_per_day,
    ),
}


class ShadowMetrics(Collector):
    """Publishes what was compared last.

    Parameters
    ----------
    registry : it registers there
    latest : returns all comparisons
    """

    def __init__(
        self, registry: CollectorRegistry, latest: Callable[[], Sequence[Compared]]
    ) -> None:
        self._latest = latest
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering asks for nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family, none where nothing is compared."""
        latest = self._latest()
        for name, (words, value_of) in _GAUGES.items() if latest else ():
            family = Metric(name, words, "gauge")
            for one in latest:
                if (value := value_of(one)) is not None:
                    labels = {"query": one.query, "variant": one.variant, "window": one.window}
                    family.add_sample(name, labels, value)
            yield family
