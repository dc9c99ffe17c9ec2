"""How is the exporter itself doing, as metrics?"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporter.errors import DetectorFailure, QueryFailure

PHASES: Final = ("fetch", "detect", "render", "save")

_PREFIX = "anomaly_exporter_"
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_QUERY_FAILURES: tuple[str, ...] = get_args(QueryFailure)
_Metric = TypeVar("_Metric", bound=MetricWrapperBase)


class SelfMetrics:
    """The exporter's own metrics, in a registry of their own.

    Each attribute is one metric under its name without the prefix. Every label combination that
    can be known beforehand stands at zero from the start, since the rate of a counter that
    appears with its first failure does not show that failure.

    Parameters
    ----------
    version : of the exporter
    detectors : the kinds of detectors there are
    """

    def __init__(self, version: str, detectors: Iterable[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._per_query: list[MetricWrapperBase] = []
        build = self._gauge("build_info", "The running version; always 1.", "version")
        build.labels(version).set(1)
        self.evaluation_duration_seconds = self._histogram(
            "evaluation_duration_seconds",
            "Time from asking Prometheus to published gauges, per evaluation.",
            "query",
        )
        self.phase_duration_seconds = self._histogram(
            "phase_duration_seconds", "Time spent per phase of the evaluations.", "phase"
        )
        self.queries_total = self._counter("queries_total", "Evaluations begun.", "query")
        self.query_failures_total = self._counter(
            "query_failures_total",
            "Evaluations that published nothing, by reason.",
            "query",
            "reason",
        )
        self.detector_failures_total = self._counter(
            "detector_failures_total",
            "Evaluations in which a detector could not take part, by reason.",
            "detector",
            "reason",
        )
        self.series = self._gauge("series", "Series with current gauges.", "query")
        self.series_warming = self._gauge(
            "series_warming", "Series that no detector has seen enough of yet.", "query"
        )
        self.warm_ratio = self._gauge(
            "warm_ratio",
            "Share of the detectors' weight that has seen enough to tell, mean over the series.",
            "query",
        )
        self.series_dropped = self._gauge(
            "series_dropped", "Series in the answer beyond max_series.", "query"
        )
        self.evaluations_missed_total = self._counter(
            "evaluations_missed_total",
            "Evaluations skipped because the one before took longer than the interval.",
            "query",
        )
        self.evaluation_interval_seconds = self._gauge(
            "evaluation_interval_seconds", "Configured time between evaluations.", "query"
        )
        self.last_evaluation_timestamp_seconds = self._gauge(
            "last_evaluation_timestamp_seconds",
            "When the gauges were last published, in unix seconds; 0 for never.",
            "query",
        )
        self.config_last_reload_successful = self._gauge(
            "config_last_reload_successful", "1 if the configuration in the file is in force."
        )
        self.config_last_reload_success_timestamp_seconds = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration was last taken from the file, in unix seconds.",
        )
        self.state_bytes = self._gauge("state_bytes", "Size of the state file last written.")
        for phase in PHASES:
            self.phase_duration_seconds.labels(phase)
        for detector in detectors:
            for reason in get_args(DetectorFailure):
                self.detector_failures_total.labels(detector, reason)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def remember(self, query: str, interval: float) -> None:
        """Begin the metrics of a query that is evaluated every `interval` seconds."""
        for metric in self._per_query:
            if metric is self.query_failures_total:
                for reason in _QUERY_FAILURES:
                    metric.labels(query, reason)
            else:
                metric.labels(query)
        self.evaluation_interval_seconds.labels(query).set(interval)

    def forget(self, query: str) -> None:
        """Drop the metrics of a query that is no longer configured."""
        for metric in self._per_query:
            metric.remove_by_labels({"query": query})

    def render(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(_WithoutCreated(self._registry))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return self._kept(Counter(_PREFIX + name, text, labels, registry=self._registry), labels)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return self._kept(Gauge(_PREFIX + name, text, labels, registry=self._registry), labels)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        histogram = Histogram(
            _PREFIX + name, text, labels, buckets=_DURATIONS, registry=self._registry
        )
        return self._kept(histogram, labels)

    def _kept(self, metric: _Metric, labels: tuple[str, ...]) -> _Metric:
        if "query" in labels:
            self._per_query.append(metric)
        return metric


class _WithoutCreated(Collector):
    """What a registry holds, without the `_created` gauges.

    The text format knows no creation times, so that each would become a metric of its own; the
    library's switch against it is global to the process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [
                sample for sample in family.samples if not sample.name.endswith("_created")
            ]
            yield family
