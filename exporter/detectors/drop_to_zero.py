"""Drop to zero: a series that is normally well above zero is not any more."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Lt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.runs import ACCEPTED, LENGTHS, Singles, learn_ordinary, learn_run, run_score
from exporter.core.scores import LEARNABLE, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.core.tail import HUGE
from exporter.detectors.base import Detector
from promkit.durations import Duration

GAIN: Final = 1e-3
"""Weight of the newest sample in the usual level."""

SPIKE: Final = 4.0
"""Samples above so many usual levels count as that, or a spike would make the rest look small."""


@dataclass(frozen=True, kw_only=True)
class DropToZero(Detector):
    """Flag zeros, and values far below the usual, where there normally are none.

    Parameters
    ----------
    share : share of the usual level up to which a sample counts as nothing; so do negative ones
    min_samples : samples until the first score
    accept_after : seconds after which being at zero, or at so low a level, is normal

    Notes
    -----
    Warm-up is `min_samples`. NaN and Inf are skipped. The usual level is a slow mean of the samples
    above `share`. A sample above it scores 0. The score is the rarity of so many samples of nothing
    after an ordinary one (core/runs.py): 0.6 is one in 16,000. After 10,000 samples without any,
    the third in a row gets there, after 2,000 the sixth, after 500 the thirteenth. Series with
    regular zeros, nightly or in between, have longer runs of them in store and score low; series
    around zero or below never score. There is no band.

    References
    ----------
    As for flat_line: Hill (1975), doi:10.1214/aos/1176343247, on counts of run lengths.
    """

    kind: Literal["drop_to_zero"] = "drop_to_zero"
    share: Annotated[float, Ge(0), Lt(1)] = 0.02
    min_samples: Annotated[int, Ge(10)] = 30
    accept_after: Annotated[Duration, Gt(0)] = 21600.0

    @property
    def memory(self) -> int:
        """Enough samples to call six zeros rare."""
        return 2000

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        return {
            "level": np.zeros(series),
            "learned": np.zeros(series, dtype=np.int64),
            "low": np.zeros(series, dtype=np.int64),
            "samples": np.zeros(series, dtype=np.int64),
            "held": np.zeros(series, dtype=np.int64),
            "trials": np.zeros(series, dtype=np.float32),
            "reached": np.zeros((series, LENGTHS), dtype=np.float32),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        advance_drop_to_zero(
            batch.values,
            Past(**state),
            self.share,
            self.min_samples,
            math.ceil(self.accept_after * 1000 / batch.step),
            scores.score,
        )
        return state, scores


class Past(NamedTuple):
    """What is remembered of the series; each [S].

    Parameters
    ----------
    level : mean of the ordinary samples; zero while there was none
    learned : samples in it
    low : samples of nothing in a row
    samples : samples ever seen
    held : odd samples in a row
    trials, reached : see core/runs.py; `reached` is [S, LENGTHS]
    """

    level: Floats
    learned: Ints
    low: Ints
    samples: Ints
    held: Ints
    trials: Singles
    reached: Singles


@compiled
def advance_drop_to_zero(
    values: Floats, past: Past, share: float, warm: int, patience: int, score: Floats
) -> None:
    """Score the samples [S, T] into `score` and learn them.

    share : of the usual level, up to which a sample is nothing
    warm : samples until the first score
    patience : odd samples in a row after which nothing is normal
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            now = values[row, column]
            if math.isnan(now):
                continue
            is_warm = past.samples[row] >= warm
            if is_warm:
                score[row, column] = 0.0
            if abs(now) > HUGE:
                continue
            past.samples[row] += 1
            if now > share * past.level[row]:
                learn_level(past, row, now)
            elif past.level[row] > 0.0:
                past.low[row] += 1
                if is_warm:
                    told = run_score(past.low[row], past.trials[row], past.reached[row])
                    score[row, column] = told
                    past.held[row] = past.held[row] + 1 if told > LEARNABLE else 0
                if past.held[row] > patience:
                    learn_run(past.low[row], True, past.reached[row])
                    past.low[row] = ACCEPTED
                    past.held[row] = 0
                    past.level[row] = 0.0
                    past.learned[row] = 0


@compiled
def learn_level(past: Past, row: int, now: float) -> None:
    """Learn an ordinary sample, and the run of nothing that it ends."""
    learn_run(past.low[row], past.held[row] > 0, past.reached[row])
    learn_ordinary(past.trials, row, past.reached[row])
    past.low[row] = 0
    past.held[row] = 0
    top = min(now, SPIKE * past.level[row]) if past.learned[row] else now
    past.level[row] += max(GAIN, 1.0 / (past.learned[row] + 1.0)) * (top - past.level[row])
    past.learned[row] += 1
