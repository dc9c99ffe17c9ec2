"""How are the calendars doing, as metrics?"""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.adapters.calendars import CalendarState
from exporter.adapters.metricset import PREFIX


class CalendarMetrics(Collector):
    """Reads off the calendars at every scrape.

    Parameters
    ----------
    states : of those in force, which may change
    """

    def __init__(self, states: Callable[[], Sequence[CalendarState]]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """Yield both metrics."""
        failures = CounterMetricFamily(
            f"{PREFIX}calendar_failures",
            "Failed attempts to read a calendar of special days.",
            labels=["calendar"],
        )
        success = GaugeMetricFamily(
            f"{PREFIX}calendar_last_success_timestamp_seconds",
            "When a calendar was last read, in unix seconds; 0 for never.",
            labels=["calendar"],
        )
        for state in self._states():
            failures.add_metric([state.name], state.failures)
            success.add_metric([state.name], state.last_success)
        yield failures
        yield success
