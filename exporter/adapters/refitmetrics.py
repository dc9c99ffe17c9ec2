"""How are the models of the queries doing, as metrics of the exporter itself?"""

from collections.abc import Callable
from typing import Final, get_args

from prometheus_client import CollectorRegistry

from exporter.adapters.metricset import MetricSet
from exporter.errors import RefitFailure
from exporter.lifecycle.quality import Quality

_REFITS: Final = (0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


class RefitMetrics(MetricSet):
    """Metrics of the queries with `models`; each attribute is one, as in `SelfMetrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.model_version = self._gauge(
            "model_version", "Number of the version in force; 0 before the first.", "query"
        )
        self.model_age_seconds = self._gauge(
            "model_age_seconds",
            "Time since the version in force was fitted; 0 before the first.",
            "query",
        )
        self.model_refusals = self._gauge(
            "model_refusals", "Challengers that were refused since one was promoted.", "query"
        )
        self.refit_interval_seconds = self._gauge(
            "refit_interval_seconds",
            "Configured time between refits by schedule; 0 for never.",
            "query",
        )
        self.refits_total = self._counter(
            "refits_total", "Challengers that were fitted and compared.", "query"
        )
        self.refit_failures_total = self._counter(
            "refit_failures_total",
            "Refits and roll-backs that failed, and versions that could not be kept, by reason.",
            "query",
            "reason",
            values=get_args(RefitFailure),
        )
        self.model_decisions_total = self._counter(
            "model_decisions_total",
            "What became of challengers.",
            "query",
            "decision",
            values=("promoted", "refused"),
        )
        self.model_rollbacks_total = self._counter(
            "model_rollbacks_total",
            "Returns to another version, on command or since a file was damaged.",
            "query",
            "reason",
            values=("command", "damaged"),
        )
        self.refit_duration_seconds = self._histogram(
            "refit_duration_seconds",
            "Time from asking Prometheus to the decision, per challenger.",
            "query",
            buckets=_REFITS,
        )
        self.last_refit_timestamp_seconds = self._gauge(
            "last_refit_timestamp_seconds",
            "When a challenger was last compared, in unix seconds; 0 for never.",
            "query",
        )
        self.model_alarms_per_series_day = self._optional_gauge(
            "model_alarms_per_series_day",
            "Anomalies per series and day on the last held-back tail, without known incidents.",
            "query",
            "role",
        )
        self.model_band_error_ratio = self._optional_gauge(
            "model_band_error_ratio",
            "Mean distance from the expected value on the last held-back tail, in robust standard "
            "deviations of the series.",
            "query",
            "role",
        )
        self.model_judged_ratio = self._optional_gauge(
            "model_judged_ratio",
            "Share of the samples of the last held-back tail that could be judged.",
            "query",
            "role",
        )

    def remember(self, query: str, refit: float | None) -> None:
        """Begin the metrics of a query that is refitted every `refit` seconds."""
        self.begin(query)
        self.refit_interval_seconds.labels(query).set(refit or 0.0)

    def show_version(
        self, query: str, number: int, refusals: int, age: Callable[[], float]
    ) -> None:
        """Say which version is in force.

        age : seconds since it was fitted, whenever somebody looks
        """
        self.model_version.labels(query).set(number)
        self.model_refusals.labels(query).set(refusals)
        self.model_age_seconds.labels(query).set_function(age)

    def show_quality(self, query: str, role: str, quality: Quality) -> None:
        """Say how good the `role`, champion or challenger, was on a tail."""
        for gauge, value in (
            (self.model_alarms_per_series_day, quality.alarms_per_series_day),
            (self.model_band_error_ratio, quality.band_error_ratio),
            (self.model_judged_ratio, quality.judged_ratio),
        ):
            if value is not None:
                gauge.labels(query, role).set(value)
            else:
                gauge.remove_by_labels({"query": query, "role": role})
