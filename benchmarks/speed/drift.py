"""What does it cost to test many series for drift, and how much memory does it take?

`python -m benchmarks.speed.drift [--series 10000]`: a week at steps of five minutes against a day,
half of the series white noise and half slow (autocorrelation 0.95). The reference is made once and
kept; then the window is tested by KS, PSI and Wasserstein in one pass, by a thread per core. CPU
is of all threads; of several runs the least. The forest's cost is per group of four series.
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

from exporter.core.series import Floats
from exporter.drift.base import Drift
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.psi import Psi
from exporter.drift.samples import Reference, reference_of, samples_of
from exporter.drift.wasserstein import Wasserstein

DAY: Final = 288
WEEK: Final = 7 * DAY
MEMBERS: Final = 4
RUNS: Final = 3

A = TypeVar("A")
B = TypeVar("B")


def samples(series: int) -> Floats:
    """Return float64 [S, week and day]."""
    rng = np.random.default_rng(1)
    values = rng.normal(100.0, 3.0, (series, WEEK + DAY))
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


def main() -> None:
    """Measure a reference, a pass of three tests and a forest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    series = parser.parse_args().series
    values = samples(series)
    week, day = values[:, :WEEK], values[:, WEEK:]
    tests = (Ks(), Psi(), Wasserstein())
    cores = os.cpu_count() or 1
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
        print(f"load {os.getloadavg()[0]:.1f}, {cores} cores\n\n| | s | CPU s |\n|---|---|---|")
        reference = measured("reference", lambda: reference_of(week, season=DAY, each=each), runs=1)
        kept = sum(
            array.nbytes
            for array in (reference.samples.ascending, reference.samples.count, reference.memory)
        )
        made = peak()
        measured("KS + PSI + Wasserstein", lambda: one_pass(reference))
        recent = samples_of(day)
        for test in tests:
            measured(f"- `{test.name}`", partial(test.compare, reference, recent, each=each))
        group = reference_of(week[:MEMBERS], season=DAY, in_order=True)
        window = samples_of(day[:MEMBERS], in_order=True)
        measured("`isolation_forest`, one group", partial(IsolationForest().compare, group, window))
    print(f"\nreference {kept / 1e6:.0f} MB; peaks {before:.0f}, {made:.0f}, {peak():.0f} MB")


if __name__ == "__main__":
    main()
