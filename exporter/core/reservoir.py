"""Which vectors of each series does a model learn from, and which must it not?

Every series keeps its last `size` vectors that were ordinary when they came, and `SPARE` more slots
for those that come while a model fitted to the former is in use. So the model can be made again
from the state at any time, until the next one is due.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rarity import Rarity, confidence_of
from exporter.core.rows import State
from exporter.core.scores import LEARNABLE
from exporter.core.series import Floats, Ints

Floats32 = npt.NDArray[np.float32]

SPARE: Final = 16
"""Vectors that may be learned between two fits."""

HABIT_WEIGHT: Final = 1.0 / 256.0
"""What the newest ordinary sample adds to a series' habit."""


class Reservoir(NamedTuple):
    """What S series have learned; all arrays are written to.

    Parameters
    ----------
    vectors : float32 [S, size + SPARE, F]
    taken : int64 [S], vectors ever learned; the next goes to slot taken mod (size + SPARE)
    fitted : int64 [S], how many of them there were when the model in use was fitted; 0 is none
    held : int64 [S], odd samples in a row
    habit : float64 [S], by how much the series usually exceeds the start of the tail: being unlike
        the others for good is no anomaly
    """

    vectors: Floats32
    taken: Ints
    fitted: Ints
    held: Ints
    habit: Floats


class Pace(NamedTuple):
    """When what is learned.

    Parameters
    ----------
    column : number of the first column, counted from 1970
    stride, early : a full reservoir learns each `stride`-th column, one that is not each `early`-th
    patience : odd samples in a row after which they are the new normal
    """

    column: int
    stride: int
    early: int
    patience: int


def fresh_reservoir(series: int, size: int, features: int) -> State:
    """Return empty reservoirs."""
    return {
        "vectors": np.zeros((series, size + SPARE, features), dtype=np.float32),
        "taken": np.zeros(series, dtype=np.int64),
        "fitted": np.zeros(series, dtype=np.int64),
        "held": np.zeros(series, dtype=np.int64),
        "habit": np.zeros(series),
    }


def reservoir_of(state: Mapping[str, npt.NDArray[Any]]) -> Reservoir:
    """Return the reservoirs of a state, as views."""
    return Reservoir(*(state[name] for name in Reservoir._fields))


def training_sample(reservoir: Reservoir, limit: int, seed: int) -> tuple[Floats32, Floats32]:
    """Return what the model in use was fitted to and what it was calibrated with, each [N, F].

    The older half of every series' vectors and the newer one, so that the model is calibrated with
    what it has not seen; at most `limit` of each, by lot.
    """
    size = reservoir.vectors.shape[1] - SPARE
    count = np.minimum(reservoir.fitted, size)
    older = count // 2
    first = reservoir.fitted - count
    rng = np.random.default_rng(seed)
    return (
        _draw(reservoir, first, older, limit, rng),
        _draw(reservoir, first + older, count - older, limit, rng),
    )


def _draw(
    reservoir: Reservoir, first: Ints, count: Ints, limit: int, rng: np.random.Generator
) -> Floats32:
    """Return at most `limit` of the vectors [first, first + count) of all series, by lot."""
    ends = np.cumsum(count)
    total = int(ends[-1]) if len(ends) else 0
    chosen = np.arange(total)
    if total > limit:
        chosen = np.sort(rng.choice(total, limit, replace=False, shuffle=False))
    row = np.searchsorted(ends, chosen, side="right")
    slot = first[row] + chosen - (ends[row] - count[row])
    drawn: Floats32 = reservoir.vectors[row, slot % reservoir.vectors.shape[1]]
    return drawn


@compiled
def judge(
    raw: Floats, vectors: Floats32, reservoir: Reservoir, rarity: Rarity, pace: Pace
) -> Floats:
    """Return the confidence [S, T] that raw scores are anomalous, and learn what is not.

    Parameters
    ----------
    raw : float64 [S, T]; NaN where the model cannot tell, -Inf where there is none yet
    vectors : float32 [S, T, F], of the same samples
    """
    series, columns = raw.shape
    slots = reservoir.vectors.shape[1]
    scores = np.full((series, columns), np.nan)
    for row in range(series):
        for column in range(columns):
            now = raw[row, column]
            if np.isnan(now):
                continue
            is_odd = False
            if now > -np.inf:
                score = confidence_of(now - reservoir.habit[row], rarity)
                scores[row, column] = score
                excess = max(now - rarity.knots[-1], 0.0)
                is_odd = score > LEARNABLE
                if not is_odd:
                    reservoir.held[row] = 0
                    reservoir.habit[row] += HABIT_WEIGHT * (excess - reservoir.habit[row])
                elif reservoir.held[row] >= pace.patience:
                    is_odd = False
                    reservoir.held[row] = 0
                    reservoir.habit[row] = excess
                else:
                    reservoir.held[row] += 1
            taken = reservoir.taken[row]
            stride = pace.early if taken < slots - SPARE else pace.stride
            if (pace.column + column) % stride == 0 and not is_odd:
                reservoir.vectors[row, taken % slots] = vectors[row, column]
                reservoir.taken[row] = taken + 1
    return scores
