"""Exponentially weighted mean and deviation: distance from a mean that forgets."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.scores import LEARNABLE, MAX_SIGMAS, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.core.tail import (
    HUGE,
    MEMORY,
    START,
    Told,
    ceiling,
    tail_edge,
    tail_overshoot,
    tail_score,
    tail_shape,
)
from exporter.detectors.base import RELATIVE_RESOLUTION, Detector
from promkit.durations import Duration

QUIET: Final = 0.25
"""Share of the long-run variance below which the variance does not fall: a quiet night must not
make the morning infinitely odd."""

ONSET: Final = 5
"""Samples of an incident that the tail learns when it is over: what keeps coming back is not rare,
but a long incident must not make the next one look usual, and none itself."""

NOTHING: Final = 1e-290
"""Deviations below this stand for zero; they only keep divisions defined."""


@dataclass(frozen=True, kw_only=True)
class Ewma(Detector):
    """Flag samples far from an exponentially weighted mean.

    Parameters
    ----------
    half_life : samples after which a sample counts half
    min_samples : samples until the first score
    accept_after : seconds after which a level that stayed odd becomes the new normal

    Notes
    -----
    Warm-up is `min_samples`. NaN and Inf are not learned, and neither is a sample that scores above
    0.5; after `accept_after` of nothing else mean and deviation are learned afresh. How rare a
    distance is follows from the tail that the series itself has shown over its last 5,000 samples
    (core/tail.py), so 0.6 is about one sample in 16,000 whatever the law of the noise: some 7
    deviations for normal noise, some 20 for Student's t with 3 degrees of freedom. A series that
    has changed less than 30 times scores by how seldom it changed. Slow drifts are followed.

    References
    ----------
    Roberts (1959), doi:10.1080/00401706.1959.10489860; Finch (2009), Incremental calculation of
    weighted mean and variance. We leave odd samples out.
    """

    kind: Literal["ewma"] = "ewma"
    half_life: Annotated[float, Gt(0)] = 60.0
    min_samples: Annotated[int, Ge(10)] = 60
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    @property
    def memory(self) -> int:
        """Ten half-lives, when a sample counts a thousandth."""
        return self.min_samples + math.ceil(10 * self.half_life)

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        names = ("mean", "variance", "long_variance", "rate", "excess", "changes")
        state: State = {name: np.zeros(series) for name in names}
        state["last"] = np.full(series, np.nan)
        state["learned"] = np.zeros(series, dtype=np.int64)
        state["samples"] = np.zeros(series, dtype=np.int64)
        state["held"] = np.zeros(series, dtype=np.int64)
        return state

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        advance_ewma(
            batch.values,
            Past(**state),
            -math.expm1(-math.log(2.0) / self.half_life),
            self.min_samples,
            math.ceil(self.accept_after * 1000 / batch.step),
            Told(scores.score, scores.expected, scores.lower, scores.upper, scores.sigmas),
        )
        return state, scores


class Past(NamedTuple):
    """What is remembered of the series; each [S].

    Parameters
    ----------
    mean, variance : of the last samples that were learned, the newest counting most
    long_variance : over all that are remembered
    rate, excess : how often and how far samples were beyond the tail's start (core/tail.py)
    changes : share of the samples that differed from the one before
    last : the sample before
    learned : samples learned since the level was last accepted
    samples : samples ever seen
    held : odd samples in a row
    """

    mean: Floats
    variance: Floats
    long_variance: Floats
    rate: Floats
    excess: Floats
    changes: Floats
    last: Floats
    learned: Ints
    samples: Ints
    held: Ints


@compiled
def advance_ewma(
    values: Floats, past: Past, gain: float, warm: int, patience: int, told: Told
) -> None:
    """Score the samples [S, T] and learn them.

    gain : weight of the newest sample
    warm : samples until the first score
    patience : odd samples in a row after which their level is accepted
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            now = values[row, column]
            mean = past.mean[row]
            seen = min(float(past.samples[row]), MEMORY)
            spread = math.sqrt(max(past.variance[row], QUIET * past.long_variance[row]))
            spread = max(spread, RELATIVE_RESOLUTION * abs(mean), NOTHING)
            log_rate, index = tail_shape(seen, past.rate[row], past.excess[row])
            is_warm = past.learned[row] >= warm
            if is_warm:
                width = spread * tail_edge(log_rate, index) if spread > NOTHING else 0.0
                told.expected[row, column] = mean
                told.lower[row, column] = mean - width
                told.upper[row, column] = mean + width
            if math.isnan(now):
                continue
            z = min(abs(now - mean) / spread, MAX_SIGMAS)
            score = 0.0
            if is_warm:
                highest = ceiling(seen, past.changes[row] * seen)
                score = min(tail_score(z, log_rate, index), highest)
                told.score[row, column] = score
                told.sigmas[row, column] = math.copysign(z, now - mean)
            if abs(now) > HUGE:
                continue
            is_odd = score > LEARNABLE
            if is_warm and not is_odd:
                learn_tail(past, row, z > START, math.log(max(z / START, 1.0)))
            if past.held[row] > 0 and (not is_odd or past.held[row] >= patience):
                for _ in range(min(past.held[row], ONSET)):
                    learn_tail(past, row, True, tail_overshoot(log_rate, index))
            learn_sample(past, row, now, is_odd, gain, patience)


@compiled
def learn_tail(past: Past, row: int, is_beyond: bool, over: float) -> None:
    """Learn whether a sample of the series `row` was beyond the tail's start, and how far."""
    share = 1.0 / (min(float(past.samples[row]), MEMORY) + 1.0)
    past.rate[row] += share * (is_beyond - past.rate[row])
    past.excess[row] += share * (over - past.excess[row])


@compiled
def learn_sample(
    past: Past, row: int, now: float, is_odd: bool, gain: float, patience: int
) -> None:
    """Learn the sample `now` of the series `row`, unless it is odd and may be an incident."""
    past.held[row] = past.held[row] + 1 if is_odd else 0
    if past.held[row] > patience:
        past.held[row] = 0
        past.learned[row] = 0
        past.variance[row] = 0.0
        is_odd = False
    share = 1.0 / (min(float(past.samples[row]), MEMORY) + 1.0)
    past.changes[row] += share * ((now != past.last[row]) - past.changes[row])
    past.last[row] = now
    past.samples[row] += 1
    if is_odd:
        return
    step = max(gain, 1.0 / (past.learned[row] + 1.0))
    gap = now - past.mean[row] if past.learned[row] else 0.0
    past.mean[row] = past.mean[row] + step * gap if past.learned[row] else now
    past.variance[row] = (1.0 - step) * (past.variance[row] + step * gap * gap)
    past.long_variance[row] += share * (gap * gap - past.long_variance[row])
    past.learned[row] += 1
