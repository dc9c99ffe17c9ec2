"""What do the checks of users' models cost, and how much is kept of a day?

`python -m benchmarks.speed.models [--series 10000]`: one check of an hour of predictions at steps
of five minutes, from two answers of Prometheus to the day they are added to; then what is kept of a
whole day of scores of some shapes, with the bound of ROC-AUC after rounding; and the numbers of 90
such days. One thread, of several runs the least.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

import numpy as np

from exporter.core.series import Floats, SeriesBatch
from exporter.modelwatch.day import Day, compressed, days_of, merged
from exporter.modelwatch.measures import measures_of, roc_auc
from exporter.modelwatch.pairs import Pairs, pairs_of

STEP: Final = 300_000
HOUR: Final = 12
RUNS: Final = 3

A = TypeVar("A")


def measured(what: str, work: Callable[[], A]) -> A:
    """Do some work and say how long it took."""
    spent = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = work()
        spent.append(time.perf_counter() - began)
    print(f"| {what} | {min(spent):.3f} s |")
    return result


def batch(name: str, values: Floats) -> SeriesBatch:
    """Return what Prometheus answers."""
    form = '{"__name__":"%s","customer":"%d","pod":"%s-1"}'
    keys = tuple((form % (name, row, name)).encode() for row in range(len(values)))
    times = STEP * np.arange(values.shape[1], dtype=np.int64)
    return SeriesBatch(keys, times, values, STEP)


def whole_day(scores: Floats) -> Day:
    """Return a day of scores, float64 [N], each the chance that it comes true."""
    rng = np.random.default_rng(2)
    truths = (rng.random(len(scores)) < scores).astype(np.float64)
    pairs = Pairs(np.zeros(1, dtype=np.int64), scores[:, None], truths[:, None])
    ((_, day),) = days_of(pairs, 0.5)
    return compressed(day)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=10_000)
    series = parser.parse_args().series
    rng = np.random.default_rng(1)
    scores = rng.random((series, HOUR))
    truths = (rng.random(scores.shape) < scores).astype(np.float64)
    predictions, labels = batch("score", scores), batch("truth", truths)
    print(f"{series} series\n\n| | |\n|---|---|")
    pairs = measured(
        "an hour finds its truth", lambda: pairs_of(predictions, labels, ("customer",))
    )
    ((_, hour),) = measured("and is counted", lambda: list(days_of(pairs, 0.5)))
    before = whole_day(rng.random(20 * HOUR * series))
    measured("and is added to its day", lambda: compressed(merged([before, hour])))
    for name, shape in (("evenly", (1.0, 1.0)), ("most near 0 and 1", (0.3, 0.3))):
        day = whole_day(rng.beta(*shape, 24 * HOUR * series))
        area, bound = roc_auc(day)
        print(
            f"| a day of {day.labelled} scores, spread {name} | {24 * len(day.scores) / 1000:.0f} "
            f"kB, ROC-AUC {area:.4f} ± {bound:.4f} |"
        )
        measured("the numbers of 90 of them", partial(measures_of, [day] * 90))


if __name__ == "__main__":
    main()
