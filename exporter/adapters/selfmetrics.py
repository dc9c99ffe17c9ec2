"""How is the exporter itself doing, as metrics?"""

from collections.abc import Iterable, Iterator
from typing import Final, get_args

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporter.adapters.driftmetrics import DriftMetrics
from exporter.adapters.forecastmetrics import ForecastMetrics
from exporter.adapters.metricset import MetricSet
from exporter.adapters.modelmetrics import ModelMetrics
from exporter.adapters.qualitymetrics import QualityMetrics
from exporter.adapters.refitmetrics import RefitMetrics
from exporter.errors import DetectorFailure, QueryFailure

PHASES: Final = ("fetch", "detect", "render", "save")


class SelfMetrics(MetricSet):
    """The exporter's own metrics, in a registry of their own.

    Each attribute is one metric under its name without the prefix. Every label combination that
    can be known beforehand stands at zero from the start, since the rate of a counter that
    appears with its first failure does not show that failure.

    Parameters
    ----------
    version : of the exporter
    detectors : the kinds of detectors there are

    Attributes
    ----------
    forecasts : those about forecasts
    drift : those about drift
    quality : those about the data that come in
    refits : those about the life cycle of models
    models : those about models of the user's own
    """

    def __init__(self, version: str, detectors: Iterable[str] = ()) -> None:
        super().__init__(CollectorRegistry())
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
            values=get_args(QueryFailure),
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
        self.series_masked = self._gauge(
            "series_masked", "Series that nothing is learned of now, as people asked.", "query"
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
        self._query_info = self._optional_gauge(
            "query_info",
            "What a query is about; always 1. The last two are empty without a forecast.",
            "query",
            "unit",
            "forecaster",
            "forecast_horizon",
        )
        self.state_bytes = self._gauge("state_bytes", "Size of the state file last written.")
        for phase in PHASES:
            self.phase_duration_seconds.labels(phase)
        for detector in detectors:
            for reason in get_args(DetectorFailure):
                self.detector_failures_total.labels(detector, reason)
        self.forecasts = ForecastMetrics(self._registry)
        self.drift = DriftMetrics(self._registry)
        self.quality = QualityMetrics(self._registry)
        self.refits = RefitMetrics(self._registry)
        self.models = ModelMetrics(self._registry)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def add(self, collector: Collector) -> None:
        """Show what others count as well."""
        self._registry.register(collector)

    def remember(self, query: str, interval: float) -> None:
        """Begin the metrics of a query that is evaluated every `interval` seconds."""
        self.begin(query)
        self.evaluation_interval_seconds.labels(query).set(interval)
        self.quality.begin(query)

    def forget(self, query: str) -> None:
        """Drop the metrics of a query that is no longer configured."""
        super().forget(query)
        self.quality.forget(query)

    def describe(self, query: str, unit: str, forecaster: str = "", horizon: str = "") -> None:
        """Say what a query is about, in the place of what was said before."""
        self._query_info.remove_by_labels({"query": query})
        self._query_info.labels(query, unit, forecaster, horizon).set(1)

    def render(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(_WithoutCreated(self._registry))


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
