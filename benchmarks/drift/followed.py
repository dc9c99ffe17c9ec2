"""What would the daemon have said, hour by hour, of series whose baseline it took before?"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from exporter.core.pieces import one_by_one
from exporter.core.ring import Ring
from exporter.core.series import Floats, SeriesBatch
from exporter.drift.base import DriftTest
from exporter.drift.baselines import cohort_of, retaken
from exporter.drift.check import check
from exporter.drift.plan import DriftPlan
from exporter.loops.driftrunner import ENOUGH
from exporter.settings.drift import DriftConfig

CANNOT: Final = -1
VOTE: Final = "vote"

Severities = npt.NDArray[np.int8]
"""int8 [checks, tests and vote, G]; `CANNOT` where one cannot tell."""


@dataclass(frozen=True)
class Choice:
    """What is compared with what.

    Parameters
    ----------
    name : in tables
    day : milliseconds of what counts as a day
    reference, window : milliseconds
    interval : milliseconds between checks
    tests : what compares them
    among : series of the query, the others of which do not drift
    needs_week : whether a recording needs seven such days after the reference, or one is enough
    """

    name: str
    day: int
    reference: int
    window: int
    interval: int
    tests: tuple[DriftTest, ...] = DriftConfig().tests
    among: int = 1
    needs_week: bool = True

    def plan(self, step: int) -> DriftPlan:
        """Return the plan of a query with columns `step` milliseconds apart.

        A lone p value among many is multiplied by their number, so `alpha` is divided by it.
        """
        tests = tuple(replace(test, alpha=test.alpha / self.among) for test in self.tests)
        reference, window = self.reference // step, self.window // step
        return DriftPlan(
            query="recorded", tests=tests, step=step, reference=reference, window=window
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """Tests, and the severity that is made of them."""
        return (*(test.name for test in self.tests), VOTE)


def follow(choice: Choice, step: int, first: int, values: Floats) -> Severities | None:
    """Take a baseline from the first columns of `values` [G, T], and check what follows.

    step : milliseconds between columns
    first : unix milliseconds of the first one

    Returns
    -------
    None if there is no baseline
    """
    plan = choice.plan(step)
    every = max(1, choice.interval // step)
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = first + step * np.arange(values.shape[1], dtype=np.int64)

    def batch(start: int, stop: int) -> SeriesBatch:
        return SeriesBatch(keys, times[start:stop], values[:, start:stop], step)

    ring = Ring(step, plan.reference)
    ring.append(batch(0, plan.reference))
    cohort = cohort_of(ring, plan, int(ENOUGH * plan.window))
    if cohort is None:
        return None
    baseline = retaken(None, cohort, plan, ring.until, "first run")
    ring = ring.newest(plan.window)
    starts = range(plan.reference, values.shape[1] - every + 1, every)
    found = np.full((len(starts), len(choice.measures), len(keys)), CANNOT, dtype=np.int8)
    for number, start in enumerate(starts):
        ring.append(batch(start, start + every))
        checked = check(plan, ring, baseline, one_by_one)
        rows = [keys.index(key) for key in checked.keys]
        for place, test in enumerate(plan.tests):
            drift = checked.tests[test.name]
            found[number, place, rows] = np.where(np.isnan(drift.statistic), CANNOT, drift.severity)
        found[number, -1, rows] = np.where(
            np.isnan(checked.severity), CANNOT, np.nan_to_num(checked.severity)
        )
    return found
