"""Subsequence distance: how far are the last samples from the nearest stretch seen before?"""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.scores import LEARNABLE, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.core.tail import START, ceiling, tail_overshoot, tail_score, tail_shape
from exporter.detectors.base import Detector
from promkit.durations import Duration

FIGURES: Final = 6
"""Per series: distances learned, their mean, mean deviation, share and excess beyond START, and
how many samples differed from the one before."""

DISTANCES, USUAL, DEVIATION, RATE, EXCESS, CHANGES = range(FIGURES)

MEMORY: Final = 2000.0
"""Distances that the figures rest on."""

WARM: Final = 32
"""Distances before the first score."""

LARGEST: Final = 1e18
"""Samples beyond are taken for infinite: their squares would be."""

MEAN_TO_SIGMA: Final = 1.2533141373155003  # sqrt(pi / 2): mean deviation to sigma, normal data
LEAST_RANGE: Final = 0.01
"""A deviation of distances is at least this share of the range seen: flat stretches are nearer to
each other than rounding."""


class Settings(NamedTuple):
    """What the kernel needs to know of the detector."""

    length: int
    patience: int
    ignore_level: bool


@dataclass(frozen=True, kw_only=True)
class Subsequence(Detector):
    """Flag stretches that resemble nothing in the history.

    Parameters
    ----------
    window : samples in a stretch
    history : samples to look for its like in; at least twice the window
    ignore_level : compare shapes alone: the mean of each stretch is taken away
    accept_after : seconds after which stretches that stayed odd count as seen

    Notes
    -----
    Warm-up is two windows and 32 samples. The distance is the root mean square difference to the
    nearest stretch that ended before the last one began; divided by no deviation of the stretch
    itself, which would make noise of flat stretches. Score 0.6 is one distance in 16,000, by the
    tail that the distances of this series have shown (core/tail.py); `level` is the distance in
    units of the range seen. NaN and Inf interrupt: there is no score until a window is whole again.
    Stretches found odd are no likeness for later ones. The score tells that something begins: its
    tail learns of the first samples of an incident, hence falls while it lasts and is lower for a
    second one soon after; `level` is not. Misses slow drift.

    References
    ----------
    Yeh et al. (2016), doi:10.1109/ICDM.2016.0179: the left matrix profile, not z-normalised.
    """

    kind: Literal["subsequence"] = "subsequence"
    window: Annotated[int, Ge(2)] = 16
    history: Annotated[int, Ge(32)] = 512
    ignore_level: bool = False
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    def __post_init__(self) -> None:
        """Refuse settings with which nothing could ever be compared."""
        if self.history < 2 * self.window:
            raise ValueError(
                f"found a history of {self.history} samples, which is not twice the window of "
                f"{self.window}; raise `history` or lower `window`"
            )

    @property
    def memory(self) -> int:
        """The history."""
        return self.history

    def fresh(self, series: int) -> State:
        """Return empty histories."""
        return {
            "past": np.full((series, self.history), np.nan, dtype=np.float32),
            "is_known": np.zeros((series, self.history), dtype=np.bool_),
            "figures": np.zeros((series, FIGURES)),
            "held": np.zeros(series, dtype=np.int64),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        level = np.full(batch.values.shape, np.nan)
        settings = Settings(
            self.window,
            math.ceil(self.accept_after * 1000 / batch.step),
            self.ignore_level,
        )
        memory = Memory(state["past"], state["is_known"], state["figures"], state["held"])
        compare(batch.values, memory, settings, scores.score, level)
        return state, Scores(
            scores.score, scores.expected, scores.lower, scores.upper, scores.sigmas, level
        )


class Memory(NamedTuple):
    """The state of a Subsequence; all arrays are written to.

    Parameters
    ----------
    past : float32 [S, H], the last samples, oldest first
    is_known : bool [S, H], the stretch that ends there may be a likeness
    figures : float64 [S, FIGURES]
    held : int64 [S], odd samples in a row
    """

    past: npt.NDArray[np.float32]
    is_known: npt.NDArray[np.bool_]
    figures: Floats
    held: Ints


@compiled
def compare(
    values: Floats, memory: Memory, settings: Settings, score: Floats, level: Floats
) -> None:
    """Write score and level [S, T] of every sample, and learn.

    values : float64 [S, T], the columns after those in `memory`
    """
    size = memory.past.shape[1]
    columns = values.shape[1]
    line = np.empty(size + columns, dtype=np.float32)
    is_known = np.empty(size + columns, dtype=np.bool_)
    for row in range(len(values)):
        line[:size] = memory.past[row]
        is_known[:size] = memory.is_known[row]
        figures = memory.figures[row]
        for column in range(columns):
            now = values[row, column]
            place = size + column
            line[place] = now if abs(now) < LARGEST else np.nan
            is_known[place] = True
            if line[place] != line[place - 1] and not np.isnan(line[place - 1] + line[place]):
                figures[CHANGES] += 1.0
            distance, extent = nearest(
                line[column + 1 : place + 1], is_known[column + 1 : place + 1], settings
            )
            if not distance < np.inf:
                continue
            is_odd = False
            deviation = max(MEAN_TO_SIGMA * figures[DEVIATION], LEAST_RANGE * extent, 1e-30)
            z = max(distance - figures[USUAL], 0.0) / deviation
            if figures[DISTANCES] >= WARM:
                log_rate, index = tail_shape(figures[DISTANCES], figures[RATE], figures[EXCESS])
                most = ceiling(figures[DISTANCES], figures[CHANGES])
                score[row, column] = min(tail_score(z, log_rate, index), most)
                level[row, column] = min(distance / extent, 1.0) if extent > 0.0 else 0.0
                is_odd = score[row, column] > LEARNABLE
            memory.held[row] = memory.held[row] + 1 if is_odd else 0
            if is_odd and memory.held[row] > settings.patience:
                is_odd = False
                memory.held[row] = 0
                figures[USUAL] = max(figures[USUAL], distance)
            is_known[place] = not is_odd
            if memory.held[row] <= (settings.length + 3) // 4:
                learn_tail(figures, math.log(max(z / START, 1.0)))
            if not is_odd:
                learn_usual(figures, distance)
        memory.past[row] = line[columns:]
        memory.is_known[row] = is_known[columns:]


@compiled
def learn_tail(figures: Floats, excess: float) -> None:
    """Let the tail know a distance that exceeds START by the factor exp(excess); 0 is not at all.

    Of an odd one it believes no more than that it was odd: a tail that heard of none would be too
    light, one that believed everything would excuse every incident.
    """
    if figures[DISTANCES] < WARM:
        excess = 0.0
    log_rate, index = tail_shape(figures[DISTANCES], figures[RATE], figures[EXCESS])
    excess = min(excess, tail_overshoot(log_rate, index))
    figures[DISTANCES] = min(figures[DISTANCES] + 1.0, MEMORY)
    weight = 1.0 / figures[DISTANCES]
    if figures[DISTANCES] == MEMORY:
        figures[CHANGES] *= 1.0 - weight
    figures[RATE] += weight * ((1.0 if excess > 0.0 else 0.0) - figures[RATE])
    figures[EXCESS] += weight * (excess - figures[EXCESS])


@compiled
def learn_usual(figures: Floats, distance: float) -> None:
    """Let the usual distance and its deviation know one more, the newest with most weight.

    The first ones, with little to compare with, are long and have to be forgotten soon.
    """
    weight = 3.0 / (figures[DISTANCES] + 2.0)
    figures[DEVIATION] += weight * (abs(distance - figures[USUAL]) - figures[DEVIATION])
    figures[USUAL] += weight * (distance - figures[USUAL])


@compiled
def nearest(
    line: npt.NDArray[np.float32], is_known: npt.NDArray[np.bool_], settings: Settings
) -> tuple[float, float]:
    """Return the distance of the last stretch of `line` [H] from its nearest, and the range seen.

    The distance is infinite where the last stretch has a gap or there is nothing to compare with.
    """
    length = settings.length
    size = len(line)
    last = line[size - length :]
    own = last.mean()
    if np.isnan(own):
        return np.inf, 0.0
    least, low, high = np.inf, np.inf, -np.inf
    shift = 0.0
    for start in range(size - 2 * length, -1, -1):
        low, high = min(low, line[start]), max(high, line[start])
        if not is_known[start + length - 1]:
            continue
        if settings.ignore_level:
            shift = line[start : start + length].mean() - own
        total = 0.0
        for place in range(length):
            gap = last[place] - line[start + place] + shift
            total += gap * gap
            if total >= least:
                break
        least = min(least, total)
    return math.sqrt(least / length), max(high - low, 0.0)
