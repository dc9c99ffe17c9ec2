"""Flat line: a series that normally changes repeats one value."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.runs import ACCEPTED, LENGTHS, Singles, learn_ordinary, learn_run, run_score
from exporter.core.scores import LEARNABLE, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.detectors.base import Detector
from promkit.durations import Duration


@dataclass(frozen=True, kw_only=True)
class FlatLine(Detector):
    """Flag exact repetitions of one value that are longer than this series is known for.

    Stuck sensors, dead agents and frozen caches look like this.

    Parameters
    ----------
    min_samples : samples until the first score
    accept_after : seconds after which a value that stayed the same is normal; long, because
        nothing is learned from a flat line that could hide the next one

    Notes
    -----
    Warm-up is `min_samples`. NaN is skipped: the same value after a gap is a repetition. A sample
    that differs from the one before scores 0. The score is the rarity of so many repetitions after
    one change (core/runs.py): 0.6 is one change in 16,000. A series that never repeated itself
    over 10,000 samples gets there with the third repetition, over 2,000 with the sixth, over 500
    with the fourteenth; one that is often constant for hours, or has more steps than the target has
    scrapes, only far beyond what it has shown. There is no band.

    References
    ----------
    The share of runs that goes on beyond the longest seen is a Pareto law, as estimated by
    Hill (1975), doi:10.1214/aos/1176343247, here from counts on a grid of powers of two.
    """

    kind: Literal["flat_line"] = "flat_line"
    min_samples: Annotated[int, Ge(10)] = 30
    accept_after: Annotated[Duration, Gt(0)] = 21600.0

    @property
    def memory(self) -> int:
        """Enough changes to call six repetitions rare."""
        return 2000

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        return {
            "last": np.full(series, np.nan),
            "repeats": np.zeros(series, dtype=np.int64),
            "samples": np.zeros(series, dtype=np.int64),
            "held": np.zeros(series, dtype=np.int64),
            "trials": np.zeros(series, dtype=np.float32),
            "reached": np.zeros((series, LENGTHS), dtype=np.float32),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        advance_flat_line(
            batch.values,
            Past(**state),
            self.min_samples,
            math.ceil(self.accept_after * 1000 / batch.step),
            scores.score,
        )
        return state, scores


class Past(NamedTuple):
    """What is remembered of the series; each [S].

    Parameters
    ----------
    last : the sample before
    repeats : samples that repeated it
    samples : samples ever seen
    held : odd samples in a row
    trials, reached : see core/runs.py; `reached` is [S, LENGTHS]
    """

    last: Floats
    repeats: Ints
    samples: Ints
    held: Ints
    trials: Singles
    reached: Singles


@compiled
def advance_flat_line(values: Floats, past: Past, warm: int, patience: int, score: Floats) -> None:
    """Score the samples [S, T] into `score` and learn them.

    warm : samples until the first score
    patience : odd samples in a row after which the value is normal
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            now = values[row, column]
            if math.isnan(now):
                continue
            if now == past.last[row]:
                past.repeats[row] += 1
            elif past.samples[row] > 0:
                learn_run(past.repeats[row], past.held[row] > 0, past.reached[row])
                learn_ordinary(past.trials, row, past.reached[row])
                past.repeats[row] = 0
            past.last[row] = now
            if past.samples[row] >= warm:
                told = run_score(past.repeats[row], past.trials[row], past.reached[row])
                score[row, column] = told
                past.held[row] = past.held[row] + 1 if told > LEARNABLE else 0
                if past.held[row] > patience:
                    learn_run(past.repeats[row], True, past.reached[row])
                    past.repeats[row] = ACCEPTED
                    past.held[row] = 0
            past.samples[row] += 1
