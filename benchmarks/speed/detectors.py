"""What does each detector cost per series and sample, and how many bytes does a series take?

`python -m benchmarks.speed.detectors [kind ...]`; no kind is all of them. CPU time of one thread,
the least of several runs: one new column for 10,000 series, as in an evaluation, and 5,000 columns
for 100 series, as in a first look-back.
"""

import sys
import time

import numpy as np

from exporter.core.rows import State
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import ALL
from exporter.detectors.base import Detector

STEP = 15_000
WARM = 120
"""Columns before the one that is measured."""


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    """Return samples [S, T] whose first column is the `first` of the time line."""
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(keys, times, values, STEP)


def seconds(detector: Detector, state: State, batch: SeriesBatch, runs: int) -> float:
    """Return the least CPU time of a call, per series and sample."""
    spent = []
    for _ in range(runs):
        start = time.process_time()
        detector.advance(state, batch)
        spent.append(time.process_time() - start)
    return min(spent) / batch.values.size


def main(kinds: list[str]) -> None:
    """Measure the detectors of those kinds, or all."""
    rng = np.random.default_rng(1)
    wide = rng.normal(100.0, 3.0, (10_000, WARM + 1))
    long = rng.normal(100.0, 3.0, (100, 5000))
    print("| detector | 10,000 x 1 | 100 x 5,000 | bytes per series |\n|---|---|---|---|")
    for kind in ALL:
        detector = kind()
        if kinds and detector.name not in kinds:
            continue
        state, _ = detector.advance(detector.fresh(len(wide)), batch_of(wide[:, :WARM]))
        one = seconds(detector, state, batch_of(wide[:, WARM:], WARM), runs=7)
        many = seconds(detector, detector.fresh(len(long)), batch_of(long), runs=2)
        size = sum(array.nbytes for array in detector.fresh(1000).values()) / 1000
        print(f"| `{detector.name}` | {one * 1e6:.3f} µs | {many * 1e6:.3f} µs | {size:.0f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
