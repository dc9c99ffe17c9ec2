"""How is what others know of incidents doing, as metrics?"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.adapters.metricset import PREFIX
from exporter.errors import QueryFailure


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """What there is to tell.

    Parameters
    ----------
    masks : incidents, silences and alerts that are kept out of what is learned
    last_read : unix seconds; 0 for never
    failures : reason -> reads that failed, since the start
    """

    masks: int = 0
    last_read: float = 0.0
    failures: Mapping[QueryFailure, int] = field(default_factory=dict)


class MaskMetrics(Collector):
    """Reads the facts at every scrape.

    Parameters
    ----------
    facts : None where nobody is asked
    """

    def __init__(self, facts: Callable[[], MaskFacts | None]) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        """Yield all of them; nothing where nobody is asked."""
        facts = self._facts()
        if facts is None:
            return
        yield GaugeMetricFamily(
            f"{PREFIX}masks",
            "Incidents, silences and alerts, past and present, that nothing is learned from.",
            facts.masks,
        )
        yield GaugeMetricFamily(
            f"{PREFIX}masks_last_read_timestamp_seconds",
            "When incidents, silences and alerts were last read, in unix seconds; 0 for never.",
            facts.last_read,
        )
        failures = CounterMetricFamily(
            f"{PREFIX}masks_read_failures",
            "Attempts to read incidents, silences and alerts that failed, by reason.",
            labels=["reason"],
        )
        for reason in get_args(QueryFailure):
            failures.add_metric([reason], facts.failures.get(reason, 0))
        yield failures
