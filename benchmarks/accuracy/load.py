"""What do evaluations of many series cost? Run in a process of its own: its peak is told too."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.accuracy.noise import FAMILIES, noise
from benchmarks.accuracy.scoring import plan_for
from exporter.config import Config
from exporter.core.series import SeriesBatch
from exporter.pipeline import advance, cold_state, evaluate

STEP: Final = 60_000
_START: Final = 1_704_067_200_000


@dataclass(frozen=True)
class Load:
    """The cost of an evaluation of one new sample per series.

    Parameters
    ----------
    series : how many
    mean, worst : seconds per evaluation
    peak : bytes resident at most, the look-back included
    """

    series: int
    mean: float
    worst: float
    peak: int

    @property
    def milliseconds_per_series(self) -> float:
        """Mean time for one series."""
        return self.mean / self.series * 1000

    @property
    def series_per_second(self) -> float:
        """How many series are judged in a second."""
        return self.series / self.mean


def load(config: Config, series: int, lookback: int, evaluations: int) -> Load:
    """Look back over noise once, then evaluate one column at a time.

    lookback, evaluations : columns
    """
    plan = plan_for(config, STEP)
    rng = np.random.default_rng(1)
    columns = lookback + evaluations
    values = noise(FAMILIES["ar1 0.9 t3"], rng, series, columns, is_seasonal=True)
    keys = tuple(b'{"series":"%d"}' % row for row in range(series))
    times = _START + STEP * np.arange(columns, dtype=np.int64)
    batch = SeriesBatch(keys, times, values, STEP)
    state, _ = advance(plan, cold_state(plan), batch.columns(0, lookback))
    spent = []
    for column in range(lookback, columns):
        began = time.perf_counter()
        state, _ = evaluate(plan, state, batch.columns(column, column + 1))
        spent.append(time.perf_counter() - began)
    return Load(series, float(np.mean(spent)), max(spent), _peak())


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    told = next(line for line in lines if line.startswith("VmHWM:"))
    return int(told.split()[1]) * 1024
