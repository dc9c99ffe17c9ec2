"""Which numbers does a daemon publish about what it logs?"""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from promkit.log import Logs


class LogMetrics(Collector):
    """Entries that were logged, by level, and those that are missing in a file.

    Parameters
    ----------
    prefix : what the daemon's metrics begin with
    logs : what is counted
    """

    def __init__(self, prefix: str, logs: Logs) -> None:
        self._prefix = prefix
        self._logs = logs

    def describe(self) -> Iterable[Metric]:
        """Return the families, without numbers."""
        return list(self.collect())

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        lines = CounterMetricFamily(
            f"{self._prefix}_log_lines", "Entries that were logged, by level.", labels=["level"]
        )
        for level, count in self._logs.lines.items():
            lines.add_metric([level], count)
        yield lines
        yield CounterMetricFamily(
            f"{self._prefix}_log_lines_lost",
            "Entries that are missing in a log file, since it could not be written in time.",
            value=self._logs.lost,
        )
