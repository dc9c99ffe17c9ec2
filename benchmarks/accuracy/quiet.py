"""How often does an ensemble, and each detector alone, raise an alarm that nothing called for?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.special import gammaincinv

from benchmarks.accuracy.noise import MINUTES_PER_WEEK
from exporter.core.series import Bools, Floats, Ints, SeriesBatch
from exporter.pipeline import CELLS, cold_state, evaluate
from exporter.plan import Plan

ENSEMBLE: Final = "ensemble"
MERGE: Final = 60
"""Minutes: anomalous samples no further apart are one alarm, as people see it."""

CONFIDENCE: Final = 0.95
_START: Final = 1_704_067_200_000
"""A Monday at midnight, unix milliseconds."""


@dataclass(frozen=True, eq=False)
class Alarms:
    """What was raised on S series, by the ensemble and by each detector alone.

    Parameters
    ----------
    counts : who -> int64 [S], alarms
    minutes : who -> int64 [S], samples that could be judged
    """

    counts: dict[str, Ints] = field(default_factory=dict)
    minutes: dict[str, Ints] = field(default_factory=dict)

    def rate(self, who: str, rows: slice = slice(None)) -> "Rate":
        """Return the alarms of some series per week."""
        weeks = float(self.minutes[who][rows].sum()) / MINUTES_PER_WEEK
        return Rate(int(self.counts[who][rows].sum()), weeks)


@dataclass(frozen=True)
class Rate:
    """So many alarms in so many series-weeks."""

    alarms: int
    weeks: float

    @property
    def per_week(self) -> float:
        """The best guess; NaN when nothing could be judged."""
        return self.alarms / self.weeks if self.weeks else np.nan

    @property
    def at_most(self) -> float:
        """The exact Poisson bound that holds with `CONFIDENCE` (Garwood 1936, one-sided)."""
        return (
            float(gammaincinv(self.alarms + 1, CONFIDENCE)) / self.weeks if self.weeks else np.inf
        )


def count_alarms(plan: Plan, values: Floats, cells: int = CELLS) -> Alarms:
    """Judge series at 1-minute steps that hold nothing but noise.

    plan : for a step of a minute
    values : float64 [S, T]
    cells : series times columns to judge at a time
    """
    series = len(values)
    alarms = Alarms()
    last: dict[str, Ints] = {}
    state = cold_state(plan)
    for start, batch in _pieces(values, max(1, cells // series)):
        state, done = evaluate(plan, state, batch)
        told = {detector: votes.score for detector, votes in done.votes.items()}
        is_told = {who: ~np.isnan(score) for who, score in told.items()}
        is_told[ENSEMBLE] = np.logical_or.reduce(list(is_told.values()))
        flags = {who: score >= plan.policy.threshold for who, score in told.items()}
        flags[ENSEMBLE] = done.verdict.is_anomaly
        for who, is_anomaly in flags.items():
            before = last.setdefault(who, np.full(series, -MERGE - 1, dtype=np.int64))
            alarms.counts.setdefault(who, np.zeros(series, dtype=np.int64))
            alarms.counts[who] += _begun(is_anomaly, start, before)
            alarms.minutes.setdefault(who, np.zeros(series, dtype=np.int64))
            alarms.minutes[who] += is_told[who].sum(1)
    return alarms


def _pieces(values: Floats, width: int) -> Iterator[tuple[int, SeriesBatch]]:
    keys = tuple(b'{"series":"%d"}' % row for row in range(len(values)))
    for start in range(0, values.shape[1], width):
        piece = values[:, start : start + width]
        times = _START + 60_000 * np.arange(start, start + piece.shape[1], dtype=np.int64)
        yield start, SeriesBatch(keys, times, piece, 60_000)


def _begun(is_anomaly: Bools, start: int, last: Ints) -> Ints:
    """Return how many alarms begin in these columns [S, T], the first of which is `start`.

    last : int64 [S], the last anomalous column so far; written to
    """
    begun = np.zeros(len(last), dtype=np.int64)
    for row in np.flatnonzero(is_anomaly.any(1)).tolist():
        columns = start + np.flatnonzero(is_anomaly[row])
        begun[row] = int((np.diff(columns, prepend=last[row]) > MERGE).sum())
        last[row] = columns[-1]
    return begun
