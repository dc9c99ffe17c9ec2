"""What does it cost to test many series for drift, and how much memory does it take?

`python -m benchmarks.speed.drift [--series 10000]`: a week at steps of five minutes against a day,
half of the series white noise and half slow (autocorrelation 0.95). First what the daemon does in
a check with the default window, from the samples that it keeps to severities; then all samples of
the week, sorted and with their autocorrelation, against a day by KS, PSI and Wasserstein in one
pass. A thread per core; CPU is of all threads; of several runs the least. The forest is measured on
a group of four series, with the default window.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

import numpy as np
from scipy.signal import lfilter

from exporter.core.ring import Ring
from exporter.core.series import Floats, SeriesBatch
from exporter.drift.base import Drift, SeriesTest
from exporter.drift.baselines import Baseline, cohort_of, retaken
from exporter.drift.check import check
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.plan import DriftPlan
from exporter.drift.samples import Reference, reference_of, samples_of
from exporter.drift.together import Together
from exporter.loops.crew import Crew
from exporter.settings.drift import DriftConfig

STEP: Final = 300_000
DAY: Final = 288
WEEK: Final = 7 * DAY
WINDOW: Final = round(DriftConfig().window * 1000) // STEP
MEMBERS: Final = 4
RUNS: Final = 3

A = TypeVar("A")
B = TypeVar("B")


def samples(series: int) -> Floats:
    """Return float64 [S, week and window]."""
    rng = np.random.default_rng(1)
    values = rng.normal(100.0, 3.0, (series, WEEK + WINDOW))
    values[::2] = lfilter([1.0], [1.0, -0.95], values[::2])
    return values


def measured(what: str, work: Callable[[], B], runs: int = RUNS) -> B:
    """Do some work and say what it cost."""
    spent = []
    for _ in range(runs):
        cpu, wall = time.process_time(), time.perf_counter()
        result = work()
        spent.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = np.min(spent, 0)
    print(f"| {what} | {wall:.2f} | {cpu:.2f} |")
    return result


def peak() -> float:
    """Return the most memory that the process ever took, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def kept_by_daemon(plan: DriftPlan, values: Floats) -> tuple[Ring, Baseline]:
    """Return the window in a ring, and the baseline that was taken a window before.

    values : float64 [S, reference and window]
    """
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = plan.step * np.arange(1, values.shape[1] + 1, dtype=np.int64)
    ring = Ring(plan.step, plan.reference)
    before, after = slice(0, plan.reference), slice(plan.reference, None)
    ring.append(SeriesBatch(keys, times[before], values[:, before], plan.step))
    cohort = cohort_of(ring, plan, plan.window // 2)
    if cohort is None:
        raise ValueError("found no samples for a baseline")
    baseline = retaken(None, cohort, plan, ring.until, "first run")
    ring = Ring(plan.step, plan.window)
    ring.append(SeriesBatch(keys, times[after], values[:, after], plan.step))
    return ring, baseline


def measure_checks(values: Floats) -> None:
    """Measure the checks of a query by default, in the threads that do them in the daemon."""
    plan = DriftPlan(
        query="query", tests=DriftConfig().tests, step=STEP, reference=WEEK, window=WINDOW
    )
    crew = Crew("drift", 1)
    check(plan, *kept_by_daemon(plan, values[:MEMBERS]), crew.map)  # compiles
    ring, baseline = kept_by_daemon(plan, values)
    before = peak()
    print("| the daemon's | s | CPU s |\n|---|---|---|")
    measured("first check", lambda: check(plan, ring, baseline, crew.map), runs=1)
    measured("every other", lambda: check(plan, ring, baseline, crew.map))
    crew.dismiss()
    kept = sum(cohort.rest.nbytes for cohort in baseline.cohorts)
    print(f"\nbaseline {kept / 1e6:.0f} MB; peaks {before:.0f}, {peak():.0f} MB\n")


def main() -> None:
    """Measure checks, a reference, a pass of three tests and a forest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    series = parser.parse_args().series
    values = samples(series)
    tests = [test for test in DriftConfig().tests if isinstance(test, SeriesTest)]
    cores = os.cpu_count() or 1
    print(f"load {os.getloadavg()[0]:.1f}, {cores} cores\n")
    measure_checks(values)
    week, day = values[:, :WEEK], values[:, -DAY:]
    with ThreadPoolExecutor(cores) as pool:

        def each(work: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
            return pool.map(work, items)

        def one_pass(reference: Reference) -> list[Drift]:
            recent = samples_of(day)
            return [test.compare(reference, recent, each=each) for test in tests]

        small = reference_of(week[:MEMBERS], season=DAY)  # compiles
        for test in tests:
            test.compare(small, samples_of(day[:MEMBERS]))
        before = peak()
        print("| all samples | s | CPU s |\n|---|---|---|")
        measured("reference and tests", lambda: one_pass(reference_of(week, season=DAY, each=each)))
        reference = measured("- reference", lambda: reference_of(week, season=DAY, each=each))
        kept = sum(
            array.nbytes
            for array in (reference.samples.ascending, reference.samples.count, reference.memory)
        )
        made = peak()
        measured("- KS + PSI + Wasserstein", lambda: one_pass(reference))
        recent = samples_of(day)
        for test in tests:
            measured(f"- - `{test.name}`", partial(test.compare, reference, recent, each=each))
        times = STEP * np.arange(WEEK + WINDOW, dtype=np.int64)
        few = values[:MEMBERS]
        group = Together(few[:, :WEEK], few[:, WEEK:], times[:WEEK], times[WEEK:], STEP)
        measured("`isolation_forest`, one group", partial(IsolationForest().measure, group))
    print(f"\nreference {kept / 1e6:.0f} MB; peaks {before:.0f}, {made:.0f}, {peak():.0f} MB")


if __name__ == "__main__":
    main()
