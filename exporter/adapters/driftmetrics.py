"""How are the drift checks doing, as metrics of the exporter itself?"""

from collections.abc import Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry

from exporter.adapters.metricset import Cycles, MetricSet
from exporter.errors import DriftFailure

SEVERITIES: Final = ("none", "moderate", "high", "critical")
"""By their number."""

_CYCLES: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class DriftMetrics(MetricSet):
    """Metrics of the queries with `drift`; each attribute is one, as in `SelfMetrics`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.drift_checks_total = self._counter(
            "drift_checks_total", "Drift checks that published something.", "query"
        )
        self.drift_check_failures_total = self._counter(
            "drift_check_failures_total",
            "Drift checks that published nothing, or not all since a test crashed, or whose "
            "baseline could not be read or written, by reason.",
            "query",
            "reason",
            values=get_args(DriftFailure),
        )
        self.drift_check_duration_seconds = self._histogram(
            "drift_check_duration_seconds",
            "Time from asking Prometheus to published drift, per check.",
            "query",
            buckets=_CYCLES,
        )
        self.last_drift_check_timestamp_seconds = self._gauge(
            "last_drift_check_timestamp_seconds",
            "When drift was last published, in unix seconds; 0 for never.",
            "query",
        )
        self.drift_check_interval_seconds = self._gauge(
            "drift_check_interval_seconds", "Configured time between drift checks.", "query"
        )
        self.drift_series = self._gauge(
            "drift_series",
            "Series by how much they have drifted, without those that no test can tell of.",
            "query",
            "severity",
            values=SEVERITIES,
        )
        self.drift_baseline_timestamp_seconds = self._gauge(
            "drift_baseline_timestamp_seconds",
            "When the baseline in force was taken, in unix seconds; 0 while there is none.",
            "query",
        )
        self.drift_baseline_version = self._gauge(
            "drift_baseline_version",
            "Number of the baseline in force; 0 while there is none.",
            "query",
        )

    @property
    def cycles(self) -> Cycles:
        """What is counted of every check."""
        return Cycles(
            self.drift_check_failures_total,
            self.last_drift_check_timestamp_seconds,
            self.drift_check_duration_seconds,
        )

    def remember(self, query: str, interval: float) -> None:
        """Begin the metrics of a query that is checked every `interval` seconds."""
        self.begin(query)
        self.drift_check_interval_seconds.labels(query).set(interval)

    def set_series(self, query: str, counts: Mapping[str, int]) -> None:
        """Say how many series have drifted how much; what is not named is zero."""
        for severity in SEVERITIES:
            self.drift_series.labels(query, severity).set(counts.get(severity, 0))
