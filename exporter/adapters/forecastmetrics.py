"""How are the forecasts doing, as metrics of the exporter itself?"""

from typing import Final, get_args

from prometheus_client import CollectorRegistry

from exporter.adapters.metricset import Cycles, MetricSet
from exporter.errors import ForecastFailure
from exporter.forecasters.followup import OUTCOMES

_CYCLES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_LEADS: Final = tuple(3_600.0 * hours for hours in (0.25, 0.5, 1, 2, 4, 8, 24, 48, 96, 168))


class ForecastMetrics(MetricSet):
    """Metrics of the queries that have a forecast; each attribute is one, as in `SelfMetrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.forecasts_total = self._counter(
            "forecasts_total", "Forecast cycles that published something.", "query"
        )
        self.forecast_failures_total = self._counter(
            "forecast_failures_total",
            "Forecast cycles that published nothing, or seasonal naive for a forecaster that "
            "crashed, by reason.",
            "query",
            "reason",
            values=get_args(ForecastFailure),
        )
        self.forecast_duration_seconds = self._histogram(
            "forecast_duration_seconds",
            "Time from asking Prometheus to published forecasts, per cycle.",
            "query",
            buckets=_CYCLES,
        )
        self.last_forecast_timestamp_seconds = self._gauge(
            "last_forecast_timestamp_seconds",
            "When forecasts were last published, in unix seconds; 0 for never.",
            "query",
        )
        self.forecast_interval_seconds = self._gauge(
            "forecast_interval_seconds", "Configured time between forecast cycles.", "query"
        )
        self.forecast_coverage_target_ratio = self._gauge(
            "forecast_coverage_target_ratio",
            "Configured share of the values that the bands are to hold.",
            "query",
        )
        self.capacity_coverage_target_ratio = self._optional_gauge(
            "capacity_coverage_target_ratio",
            "Configured share of cases in which the interval of exhaustion is to hold.",
            "query",
        )
        self.forecast_series = self._gauge(
            "forecast_series", "Series with a current forecast.", "query"
        )
        self.forecast_series_replaced = self._gauge(
            "forecast_series_replaced",
            "Of them, those for which seasonal naive stands in.",
            "query",
        )
        self.forecast_series_dropped = self._gauge(
            "forecast_series_dropped",
            "Series above max_series, which are not forecast.",
            "query",
        )
        self.forecast_series_without_limit = self._gauge(
            "forecast_series_without_limit",
            "Series that the PromQL of the limit has no answer for.",
            "query",
        )
        self.forecast_replacements_total = self._counter(
            "forecast_replacements_total",
            "Times that seasonal naive took the forecaster's place on a series.",
            "query",
        )
        self.forecast_breaches_total = self._counter(
            "forecast_breaches_total",
            "Predicted breaches by what became of them, and those that nobody predicted.",
            "query",
            "outcome",
            values=OUTCOMES,
        )
        self.forecast_breach_lead_seconds = self._histogram(
            "forecast_breach_lead_seconds",
            "Time from the first prediction of a breach to the breach.",
            "query",
            buckets=_LEADS,
        )

    @property
    def cycles(self) -> Cycles:
        """What is counted of every cycle."""
        return Cycles(
            self.forecast_failures_total,
            self.last_forecast_timestamp_seconds,
            self.forecast_duration_seconds,
        )

    def remember(
        self, query: str, interval: float, coverage: float, capacity: float | None
    ) -> None:
        """Begin the metrics of a query, or go on with them under another configuration.

        interval : seconds between its forecasts
        coverage : share of the values that their bands promise to hold
        capacity : share of cases in which the interval of exhaustion does; None: there is none
        """
        self.begin(query)
        self.forecast_interval_seconds.labels(query).set(interval)
        self.forecast_coverage_target_ratio.labels(query).set(coverage)
        self.capacity_coverage_target_ratio.remove_by_labels({"query": query})
        if capacity is not None:
            self.capacity_coverage_target_ratio.labels(query).set(capacity)
