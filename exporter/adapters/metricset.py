"""How do metrics of our own come about? In families, some of them with a value per query."""

from collections.abc import Iterable
from typing import ClassVar, Final, NamedTuple, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

PREFIX: Final = "anomaly_exporter_"

DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a histogram's buckets, in seconds."""

_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class Cycles(NamedTuple):
    """What is counted of every query's slow work, each with the label `query`.

    Parameters
    ----------
    failures_total : cycles that failed, with the label `reason`, too
    last_timestamp_seconds : when one last succeeded
    duration_seconds : how long those take that succeed
    """

    failures_total: Counter
    last_timestamp_seconds: Gauge
    duration_seconds: Histogram


class MetricSet:
    """Metrics in a registry; those with the label `query` begin and end with the query.

    Parameters
    ----------
    registry : where they are collected

    Attributes
    ----------
    subject : the label, where it is not queries that metrics begin and end with
    """

    subject: ClassVar[str] = "query"

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._per_query: dict[MetricWrapperBase, tuple[str, ...]] = {}
        self._optional: list[Gauge] = []

    def begin(self, query: str) -> None:
        """Let every metric of a query stand at zero.

        The rate of a counter that appears with its first failure does not show that failure.
        """
        for metric, values in self._per_query.items():
            for value in values:
                metric.labels(query, value)
            if not values:
                metric.labels(query)

    def forget(self, query: str) -> None:
        """Drop the metrics of a query that is no longer configured."""
        for metric in (*self._per_query, *self._optional):
            metric.remove_by_labels({self.subject: query})

    def also(self, collector: Collector) -> None:
        """Show what a collector has to say, too."""
        self._registry.register(collector)

    def _counter(self, name: str, text: str, *labels: str, values: Iterable[str] = ()) -> Counter:
        counter = Counter(PREFIX + name, text, labels, registry=self._registry)
        return self._kept(counter, labels, values)

    def _gauge(self, name: str, text: str, *labels: str, values: Iterable[str] = ()) -> Gauge:
        gauge = Gauge(PREFIX + name, text, labels, registry=self._registry)
        return self._kept(gauge, labels, values)

    def _optional_gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Return a gauge of queries that has no line until it is given a value."""
        gauge = Gauge(PREFIX + name, text, labels, registry=self._registry)
        self._optional.append(gauge)
        return gauge

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...] = DURATIONS
    ) -> Histogram:
        histogram = Histogram(PREFIX + name, text, labels, buckets=buckets, registry=self._registry)
        return self._kept(histogram, labels)

    def _kept(
        self, metric: _Metric, labels: tuple[str, ...], values: Iterable[str] = ()
    ) -> _Metric:
        """Remember a metric of queries; `values` are those of its second label."""
        if self.subject in labels:
            self._per_query[metric] = tuple(values)
        return metric
