"""Cumulative sums: small shifts that last, found by adding them up."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, DECADES, LEARNABLE, MAX_SIGMAS, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.core.tail import HUGE, MEMORY, Told, ceiling
from exporter.detectors.base import RELATIVE_RESOLUTION, Detector
from promkit.durations import Duration

CLIP: Final = 2.5
"""Deviations beyond count as this many: a spike is no shift."""

MEAN_GAP: Final = 1.2533141373155001  # sqrt(pi / 2): makes the mean distance estimate sigma
SMOOTHEST: Final = 0.01
"""Smallest roughness that is believed; less is a random walk, which shifts always."""

STRETCH: Final = 2.0
"""Factor by which each shift that was found raises the scale of the sums."""

RELAX: Final = STRETCH ** (-1.0 / 5000.0)
"""Factor by which it falls back with each sample: series whose level shifts more often than once in
5,000 samples, as with the hours of a day, raise the scale until that is what is left of it."""

PRIOR_SAMPLES: Final = 20.0
"""Samples that the prior of the roughness, a smooth series, is worth."""

RECENT: Final = 0.1
"""Weight of the newest sample in the mean that tells whether a shift is over."""

NOTHING: Final = 1e-290
"""Deviations below this stand for zero; they only keep divisions defined."""

LN_ONE: Final = DECADES * math.log(10.0)


@dataclass(frozen=True, kw_only=True)
class Cusum(Detector):
    """Flag shifts of the level that are too small to be seen in any one sample.

    Parameters
    ----------
    half_life : samples after which a sample counts half in the baseline
    slack : share of a deviation that each sample is forgiven; shifts of twice that are found
        soonest
    min_samples : samples until the first score
    accept_after : seconds after which a shift becomes the new normal

    Notes
    -----
    Warm-up is `min_samples`. NaN and Inf leave the sums alone. Residuals from a slow mean are
    divided by a deviation estimated from mean distances, both learned from residuals clipped at
    2.5 deviations. Each side sums what exceeds the slack, never below zero. Where noise has the
    long-run variance V (in deviations squared, from the lag-one autocorrelation), a sum exceeds h
    with a probability of exp(-2 slack h / V): 0.6 is where that is one in 16,000. A shift is one
    alarm: it lasts until the level is back or accepted, and is then learned. Each shift doubles
    the scale of the sums, which falls back over 5,000 samples, so that what shifts daily is no
    alarm after some days. In white noise a shift by one deviation is found after some 23 samples,
    by two after 8, by five after 5; where the autocorrelation is 0.9 one by two deviations takes
    200 and is often learned before it is found. It misses spikes. Shifts of a series that has
    changed less than 30 times score by how seldom it changed.

    References
    ----------
    Page (1954), doi:10.1093/biomet/41.1-2.100; Siegmund (1985), Sequential Analysis, for the tail
    of the sums. docs/detectors.md has the simulation that checks it.
    """

    kind: Literal["cusum"] = "cusum"
    half_life: Annotated[float, Gt(0)] = 500.0
    slack: Annotated[float, Gt(0)] = 0.5
    min_samples: Annotated[int, Ge(10)] = 100
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    @property
    def memory(self) -> int:
        """Four half-lives, when a sample counts a sixteenth."""
        return self.min_samples + math.ceil(4 * self.half_life)

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        floats = ("mean", "scale", "up", "down", "roughness", "before", "recent", "shifted")
        state: State = {name: np.zeros(series) for name in (*floats, "changes")}
        state["stretch"] = np.ones(series)
        state["last"] = np.full(series, np.nan)
        for name in ("learned", "samples", "held"):
            state[name] = np.zeros(series, dtype=np.int64)
        return state

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        advance_cusum(
            batch.values,
            Past(**state),
            -math.expm1(-math.log(2.0) / self.half_life),
            self.slack,
            self.min_samples,
            math.ceil(self.accept_after * 1000 / batch.step),
            Told(scores.score, scores.expected, scores.lower, scores.upper, scores.sigmas),
        )
        return state, scores


class Past(NamedTuple):
    """What is remembered of the series; each [S].

    Parameters
    ----------
    mean, scale : the baseline, and its deviation
    up, down : the two sums, in deviations
    stretch : factor on the scale of the sums, after shifts that were found
    roughness : half the mean square of z's steps
    before : z of the sample before
    recent : mean of z over the last samples
    shifted : mean of the samples since the shift was found
    changes : share of the samples that differed from the one before
    last : the sample before
    learned : samples learned, as far as they matter for how fast the baseline moves
    samples : samples ever seen
    held : samples since a shift was found
    """

    mean: Floats
    scale: Floats
    up: Floats
    down: Floats
    stretch: Floats
    roughness: Floats
    before: Floats
    recent: Floats
    shifted: Floats
    changes: Floats
    last: Floats
    learned: Ints
    samples: Ints
    held: Ints


@compiled
def sum_scale(samples: float, roughness: float, slack: float) -> float:
    """Return the scale of the exponential law that the sums of stationary noise follow.

    Parameters
    ----------
    samples : remembered samples
    roughness : half the mean square of z's steps: 1 for white noise, 1 - r with autocorrelation r
    """
    rough = (samples * roughness + PRIOR_SAMPLES * SMOOTHEST) / (samples + PRIOR_SAMPLES)
    rough = max(rough, SMOOTHEST)
    variance = max((2.0 - rough) / rough, rough)
    return variance / (2.0 * slack)


@compiled
def advance_cusum(
    values: Floats, past: Past, gain: float, slack: float, warm: int, patience: int, told: Told
) -> None:
    """Score the samples [S, T] and learn them.

    gain : weight of the newest sample in the baseline
    slack : deviations that each sample is forgiven
    warm : samples until the first score
    patience : samples after which a shift is accepted
    """
    for row in range(values.shape[0]):
        for column in range(values.shape[1]):
            now = values[row, column]
            mean = past.mean[row]
            seen = min(float(past.samples[row]), MEMORY)
            spread = max(past.scale[row], RELATIVE_RESOLUTION * abs(mean), NOTHING)
            certain = LN_ONE * past.stretch[row] * sum_scale(seen, past.roughness[row], slack)
            is_warm = past.samples[row] >= warm
            if is_warm:
                width = spread if spread > NOTHING else 0.0
                edge = ANOMALOUS * certain + slack
                told.expected[row, column] = mean
                told.lower[row, column] = mean - width * max(edge - past.down[row], 0.0)
                told.upper[row, column] = mean + width * max(edge - past.up[row], 0.0)
            if math.isnan(now):
                continue
            z = min(max((now - mean) / spread, -MAX_SIGMAS), MAX_SIGMAS)
            if is_warm:
                told.sigmas[row, column] = z
                told.score[row, column] = 0.0
            if abs(now) > HUGE:
                continue
            z = min(max(z, -CLIP), CLIP) if past.samples[row] else 0.0
            past.up[row] = min(max(past.up[row] + z - slack, 0.0), certain)
            past.down[row] = min(max(past.down[row] - z - slack, 0.0), certain)
            score = 0.0
            if is_warm:
                highest = ceiling(seen, past.changes[row] * seen)
                score = min(max(past.up[row], past.down[row]) / certain, highest)
                told.score[row, column] = score
            past.recent[row] += RECENT * (z - past.recent[row])
            past.stretch[row] = max(past.stretch[row] * RELAX, 1.0)
            if score > LEARNABLE:
                hold_sample(past, row, now, slack, warm, patience)
            else:
                learn_sample(past, row, now, z, gain, warm)
            share = 1.0 / (seen + 1.0)
            past.changes[row] += share * ((now != past.last[row]) - past.changes[row])
            past.last[row] = now
            past.before[row] = z
            past.samples[row] += 1


@compiled
def hold_sample(past: Past, row: int, now: float, slack: float, warm: int, patience: int) -> None:
    """Go on with the shift that the series `row` is in, and end it when it is accepted or over."""
    past.held[row] += 1
    past.shifted[row] += (now - past.shifted[row]) / past.held[row]
    is_accepted = past.held[row] > patience
    if is_accepted:
        past.mean[row] = past.shifted[row]
        past.learned[row] = min(past.learned[row], warm)
    if is_accepted or abs(past.recent[row]) < 0.5 * slack:
        past.up[row] = 0.0
        past.down[row] = 0.0
        past.held[row] = 0
        past.stretch[row] *= STRETCH


@compiled
def learn_sample(past: Past, row: int, now: float, z: float, gain: float, warm: int) -> None:
    """Learn the sample `now` of the series `row`, which is in no shift."""
    if past.held[row] > 0:
        past.held[row] = 0
        past.stretch[row] *= STRETCH
    step = max(gain, 1.0 / (past.learned[row] + 1.0))
    gap = now - past.mean[row] if past.samples[row] else 0.0
    if past.samples[row] == 0:
        past.mean[row] = now
    elif past.learned[row] >= warm:
        farthest = CLIP * past.scale[row]
        gap = min(max(gap, -farthest), farthest)
    past.mean[row] += step * gap
    past.scale[row] += step * (MEAN_GAP * abs(gap) - past.scale[row])
    past.learned[row] += 1
    if past.samples[row] >= warm // 2:
        share = 1.0 / (min(float(past.samples[row]), MEMORY) + 1.0)
        step_size = z - past.before[row]
        past.roughness[row] += share * (0.5 * step_size * step_size - past.roughness[row])
