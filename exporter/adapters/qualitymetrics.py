"""How good are the data that come in, as metrics of the exporter itself?"""

import math

from prometheus_client import CollectorRegistry

from exporter.adapters.metricset import MetricSet
from exporter.core.quality import Quality
from exporter.core.series import NEVER


class QualityMetrics(MetricSet):
    """Metrics of every query's data; each attribute is one, as in `SelfMetrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.completeness_ratio = self._optional_gauge(
            "completeness_ratio",
            "Share of the samples that are there, of those that lie between a series' first and "
            "last one, in the last half hour or so.",
            "query",
        )
        self.gaps_per_second = self._optional_gauge(
            "gaps_per_second", "How often a series paused and went on, all together.", "query"
        )
        self.unfit_ratio = self._optional_gauge(
            "unfit_ratio", "Share of the samples that are NaN or infinite.", "query"
        )
        self.series_appeared_per_second = self._optional_gauge(
            "series_appeared_per_second",
            "How often a series began, or came back after it was gone.",
            "query",
        )
        self.series_vanished_per_second = self._optional_gauge(
            "series_vanished_per_second", "How often a series was gone.", "query"
        )
        self.newest_sample_timestamp_seconds = self._optional_gauge(
            "newest_sample_timestamp_seconds",
            "When the newest sample is from, in unix seconds, on the query's grid.",
            "query",
        )
        self.series_unreadable = self._gauge(
            "series_unreadable",
            "Series of native histograms, which are no single value that could be judged.",
            "query",
        )

        self.metric_type_changes_total = self._counter(
            "metric_type_changes_total",
            "Times that a metric which the query reads became one of another type.",
            "query",
        )

    def show(self, query: str, quality: Quality, histograms: int) -> None:
        """Set the metrics of a query; what nothing is known of has no line."""
        for gauge, value in (
            (self.completeness_ratio, quality.completeness),
            (self.gaps_per_second, quality.gaps_per_second),
            (self.unfit_ratio, quality.unfit),
            (self.series_appeared_per_second, quality.appeared_per_second),
            (self.series_vanished_per_second, quality.vanished_per_second),
        ):
            if not math.isnan(value):
                gauge.labels(query).set(value)
        if quality.newest > NEVER:
            self.newest_sample_timestamp_seconds.labels(query).set(quality.newest / 1000)
        self.series_unreadable.labels(query).set(histograms)
