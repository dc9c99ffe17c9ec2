"""How often does the forest find drift in groups whose days come in any order?

`python -m benchmarks.drift.orders DATA [--orders 8]`: as the shuffled groups of README.md, but in
many orders, which is affordable since forests are grown once per order instead of once per check.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.accuracy.flags import positive
from benchmarks.drift.__main__ import GROUPED
from benchmarks.drift.recorded import Recorded, monitored
from benchmarks.drift.sites import stretch
from exporter.drift.hours import columns_like
from exporter.drift.isolation_forest import IsolationForest, compared
from exporter.drift.samples import Reference, autocorrelation_times, samples_of
from exporter.drift.together import Together

FOREST: Final = IsolationForest()


def main() -> None:
    """Print a line per group, and the means of all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift.orders", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("--orders", type=positive, default=8)
    flags = parser.parse_args()
    found: list[tuple[float, float]] = []
    for recorded in monitored(flags.data, ("asd",)):
        start, stop = stretch(recorded, GROUPED)
        if stop > start:
            mine = [in_order(recorded, start, stop, seed) for seed in range(flags.orders)]
            print(f"{recorded.name}: {np.mean(mine, 0)[0]:.2%} of the checks", flush=True)
            found += mine
    checks, with_odd_days = np.transpose(found)
    print(
        f"{len(found)} orders: {checks.mean():.2%} of the checks, in {(checks > 0).mean():.0%} of "
        f"the orders; were odd days not left out, {with_odd_days.mean():.2%}"
    )


def in_order(recorded: Recorded, start: int, stop: int, seed: int) -> tuple[float, float]:
    """Return which shares of checks find drift, without odd days and with them.

    The whole days of the columns [start, stop) come in an order drawn by lot.
    """
    step, day = recorded.step, GROUPED.day // recorded.step
    days = (stop - start) // day
    whole = recorded.values[:, start : start + days * day].reshape(-1, days, day)
    order = np.random.default_rng(seed).permutation(days)
    values = whole[:, order].reshape(len(whole), -1)
    values = values[np.isfinite(values).mean(1) > 0.5]
    times = recorded.first + step * np.arange(start, start + days * day, dtype=np.int64)
    until, window = GROUPED.reference // step, GROUPED.window // step
    odd = FOREST.oddness(
        Together(values[:, :until], values[:, until:], times[:until], times[until:], step)
    )
    if odd is None:
        raise ValueError(f"{recorded.name}: found too few complete instants to grow forests")
    past, later = odd
    memory = autocorrelation_times(past, day)
    shares = np.hstack([past, later])
    every = GROUPED.interval // step
    found = []
    for end in range(until + every, len(times) + 1, every):
        alike = columns_like(times[:until], times[end - window : end], step)
        reference = Reference(samples_of(past[:, alike]), memory)
        recent = shares[:, end - window : end]
        found.append([compared(reference, recent, days)[1] for days in (day, 0)])
    without, together = (np.array(found) < FOREST.alpha).mean(0)
    return float(without), float(together)


if __name__ == "__main__":
    main()
