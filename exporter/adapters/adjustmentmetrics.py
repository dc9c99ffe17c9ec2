"""How are the adjustments of thresholds and weights doing, as metrics?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.adapters.metricset import PREFIX
from exporter.errors import QueryFailure


@dataclass(frozen=True, slots=True)
class AdjustmentFacts:
    """What there is to tell of them.

    Parameters
    ----------
    moved : query -> how many thresholds, of it and its series, and how many weights of its
        detectors are moved
    last_read : unix seconds of the last answer, also of one before a restart; 0 for none
    clamped : ratios of that answer beyond what is allowed
    failures : reason -> requests without an answer, since the start
    """

    moved: Mapping[str, tuple[int, int]]
    last_read: float = 0.0
    clamped: int = 0
    failures: Mapping[QueryFailure, int] = field(default_factory=dict)


class AdjustmentMetrics(Collector):
    """Reads the facts at every scrape.

    Parameters
    ----------
    facts : None where no adjustments are asked for
    """

    def __init__(self, facts: Callable[[], AdjustmentFacts | None]) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield all of them; nothing where no adjustments are asked for."""
        facts = self._facts()
        if facts is None:
            return
        counts = GaugeMetricFamily(
            f"{PREFIX}adjustments",
            "Adjustments in force: of thresholds, of the query or its series, and of weights, of "
            "its detectors.",
            labels=["query", "kind"],
        )
        for query, (thresholds, weights) in facts.moved.items():
            counts.add_metric([query, "threshold"], thresholds)
            counts.add_metric([query, "weight"], weights)
        yield counts
        yield GaugeMetricFamily(
            f"{PREFIX}adjustments_clamped",
            "Ratios in the last answer that are beyond 0.5 to 1.5, and were cut.",
            facts.clamped,
        )
        yield GaugeMetricFamily(
            f"{PREFIX}adjustments_last_read_timestamp_seconds",
            "When the adjustments were last read, in unix seconds; 0 for never.",
            facts.last_read,
        )
        failures = CounterMetricFamily(
            f"{PREFIX}adjustments_read_failures",
            "Attempts to read the adjustments that failed, by reason.",
            labels=["reason"],
        )
        for reason in get_args(QueryFailure):
            failures.add_metric([reason], facts.failures.get(reason, 0))
        yield failures
