"""When is a query checked for drift, and what does it show after a failure?"""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from types import MappingProxyType

import numpy as np

from exporter.adapters.driftmetrics import SEVERITIES, DriftMetrics
from exporter.adapters.nextsteps import Fault
from exporter.core.published import Drifts
from exporter.drift.check import Checked
from exporter.errors import StateError
from exporter.loops.driftrunner import DriftOutcome, DriftRunner
from exporter.loops.showloop import ShowLoop
from promkit.clock import Clock

Heed = Callable[[str, Mapping[str, int]], None]


def nobody(query: str, counts: Mapping[str, int]) -> None:
    """Heed nothing."""


class DriftLoop(ShowLoop[Drifts]):
    """Checks one query for drift now and then.

    Parameters
    ----------
    runner : the query
    clock : paces it
    pool : where it runs
    metrics : where it is counted
    labels : on its gauges, beside `query`
    heed : told of the query and its series by severity after every check
    """

    one = "drift check"

    def __init__(
        self,
        runner: DriftRunner,
        *,
        clock: Clock,
        pool: Executor,
        metrics: DriftMetrics,
        labels: Mapping[str, str] = MappingProxyType({}),
        heed: Heed = nobody,
    ) -> None:
        interval = runner.drift.interval
        super().__init__(
            runner.query.name,
            interval,
            runner.fingerprint,
            runner.stopping,
            metrics.cycles,
            clock=clock,
            pool=pool,
        )
        self.runner = runner
        self._metrics = metrics
        self._labels = labels
        self._heed = heed
        metrics.remember(self.name, interval)

    @property
    def state(self) -> str:
        """What the page for people says of it."""
        known = super().state
        return "waiting for history" if known == "ok" and not self.runner.baseline else known

    def succeed(self, before: "DriftLoop") -> None:
        """Go on where a stopped loop of the same query was."""
        self.runner.succeed(before.runner)
        if before.runner.plan == self.runner.plan:
            self._go_on(before)
        else:
            self._count_none()
        if before.runner.query != self.runner.query or self.runner.retake.is_set():
            self.hurry()

    def retake(self) -> None:
        """Have the baseline taken anew, at once."""
        self.runner.retake.set()
        self.hurry()

    async def _look(self) -> Drifts:
        while True:
            outcome = await self._work(self.runner.run, self._clock.now())
            if outcome.checked is not None:
                break
        self._take(outcome, outcome.checked)
        return drifts_of(self.name, outcome.checked, self._labels)

    def _take(self, outcome: DriftOutcome, checked: Checked) -> None:
        """Count what a check found."""
        if outcome.unsaved is None:
            self._note(checked.failure, "crashed", "drift test failed, the others go on")
        else:
            self._note(outcome.unsaved, "baseline", "baseline not saved, trying again")
        self._metrics.drift_checks_total.labels(self.name).inc()
        counts = counts_of(checked)
        self._metrics.set_series(self.name, counts)
        self._heed(self.name, counts)
        if outcome.baseline is not None:
            newest = outcome.baseline.newest
            self._metrics.drift_baseline_version.labels(self.name).set(newest.number)
            taken = self._metrics.drift_baseline_timestamp_seconds.labels(self.name)
            taken.set(newest.taken / 1000)

    def _count_none(self) -> None:
        self._metrics.set_series(self.name, {})

    def _reason(self, error: Exception) -> tuple[Fault, str]:
        if isinstance(error, StateError):
            return "baseline", str(error)
        return super()._reason(error)


def drifts_of(
    query: str, checked: Checked, labels: Mapping[str, str] = MappingProxyType({})
) -> Drifts:
    """Return what is published of a check, with some labels more on all of it."""
    tests = {
        name: {"anomaly_drift_statistic": drift.statistic}
        | ({"anomaly_drift_p_value": drift.p_value} if name == "ks" else {})
        for name, drift in checked.tests.items()
    }
    gauges = {"anomaly_drift_severity": checked.severity}
    return Drifts(query, checked.keys, tests, gauges, labels)


def counts_of(checked: Checked) -> dict[str, int]:
    """Return how many series there are of each severity."""
    return {
        name: int(np.count_nonzero(checked.severity == number))
        for number, name in enumerate(SEVERITIES)
    }
