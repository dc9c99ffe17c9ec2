"""Seasonal ESD: what is left of a sample after its season and level, in robust deviations."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from exporter.core.esd import Singles, critical_values, learn, level_of
from exporter.core.kernels import compiled
from exporter.core.period import Period, seasons_of
from exporter.core.profiles import LARGEST
from exporter.core.rows import State
from exporter.core.scores import LEARNABLE, MAX_SIGMAS, Scores, blank_scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.core.tail import HUGE, MEMORY, START, ceiling, tail_edge, tail_score, tail_shape
from exporter.detectors.base import RELATIVE_RESOLUTION, Detector
from promkit.durations import Duration

HISTORY: Final = 6_000
"""Samples of history that are worth fetching: twice that, the default look-back, is eight days at
steps of a minute."""

ALPHA: Final = 0.05
"""Significance at which the test takes values out of the window. It only cleans the window: under
the normal law that it assumes, real metrics have several such values a day."""

RESOLUTION: Final = 1e-6
"""What float32 resolves of the distance from the first sample, with some room."""

FARTHEST: Final = 1.5
"""Logarithm of the deviation, in units of START, as which larger ones count for the tail: nine
deviations. That is short by a seventieth for Student's t with 3 degrees of freedom, and keeps an
incident from making a tail."""

RECENT: Final = 0.1
"""Weight of the newest odd sample in the level that is accepted after a while."""

BEYOND: Final = 0.05
"""Share of the samples that shall be beyond START deviations, the normal law's. The MAD of a window
that wanders is too small for that; deviations are then multiplied with what makes it so, since only
beyond the body of a distribution its tail falls as a power."""

UNIT_GAIN, FASTEST = 20.0, 0.05  # of this factor's logarithm: per remembered sample, and at most

RATE, EXCESS, CHANGES, UNIT = 0, 1, 2, 3  # places in `tail`

_INTS: Final = ("count", "samples", "held", "turn")
OWN: Final = (*_INTS, "tail", "origin", "last", "shifted", "ring", "ordered", "waiting")


@dataclass(frozen=True, kw_only=True)
class SeasonalEsd(Detector):
    """Flag samples that are far from what the season and the recent level lead to expect.

    Parameters
    ----------
    period : "auto" learns day, week and a short cycle of its own; "daily", "weekly" (day and week)
        and "none" learn no more than they say; a duration is one period, in UTC
    window : samples that level and spread are measured on
    max_share : share of the window that the test may call outliers and leave out
    min_samples : samples until the first score
    quarantine : samples that a sample waits for before it enters the window
    accept_after : seconds after which a level that stayed odd becomes the new normal

    Notes
    -----
    Warm-up is `min_samples`; a day is believed from the second one on, a week from the third one
    on, and until then the detector works without. NaN is no sample. The
    window holds samples less their season; the generalised ESD test in its hybrid form takes out
    outliers before its median is the level and its MAD the spread. How rare a distance is follows
    from the tail that the series has shown over its last 5,000 samples (core/tail.py), not from the
    test, whose normal law would raise several false alarms a day: 0.6 is about one sample in
    16,000. Where the season is steep the band is wider by half of what it changes within a slot.
    Incidents enter neither the window (they score above 0.5) nor the seasons (which learn what two
    visits of a slot agree on). Misses changes slower than the window.

    References
    ----------
    Rosner (1983), doi:10.1080/00401706.1983.10487848; Hochenbaum, Vallis and Kejariwal (2017),
    arXiv:1704.07706, with a decomposition that looks at the past only, in place of STL.
    """

    kind: Literal["seasonal_esd"] = "seasonal_esd"
    period: Period = "auto"
    window: Annotated[int, Ge(20)] = 240
    max_share: Annotated[float, Gt(0), Le(0.49)] = 0.1
    min_samples: Annotated[int, Ge(10)] = 100
    quarantine: Annotated[int, Ge(1)] = 5
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    @property
    def memory(self) -> int:
        """The window; with seasons at least what shows a day or two of them at common steps."""
        least = self.window + self.quarantine
        return least if self.period == "none" else max(least, HISTORY)

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        state: State = {name: np.zeros(series, dtype=np.int64) for name in _INTS}
        state["shifted"] = np.zeros(series)
        state["tail"] = np.zeros((series, 4))
        for name in ("origin", "last"):
            state[name] = np.full(series, np.nan)
        for name, size in (
            ("ring", self.window),
            ("ordered", self.window),
            ("waiting", self.quarantine),
        ):
            state[name] = np.full((series, size), np.nan, dtype=np.float32)
        return state | seasons_of(self.period).fresh(series)

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        season, rough = seasons_of(self.period).advance(state, batch)
        scores = blank_scores(*batch.values.shape)
        advance_esd(
            batch.values,
            season,
            rough,
            **{name: state[name] for name in OWN},
            max_share=self.max_share,
            critical=_critical(self.window),
            warm=min(self.min_samples, self.window),
            patience=math.ceil(self.accept_after * 1000 / batch.step),
            score=scores.score,
            expected=scores.expected,
            lower=scores.lower,
            upper=scores.upper,
            sigmas=scores.sigmas,
        )
        return state, scores


@lru_cache(maxsize=8)
def _critical(window: int) -> Floats:
    return critical_values(window, ALPHA)


@compiled
def count_sample(tail: Floats, z: float, is_counted: bool, is_change: bool, seen: float) -> None:
    """Remember how far off a sample was, if `is_counted`, and whether it was a change.

    tail : the last place is the logarithm of what the deviations are multiplied with
    seen : samples that are remembered
    """
    share = 1.0 / (seen + 1.0)
    if is_counted:
        step = min(FASTEST, UNIT_GAIN * share)
        tail[UNIT] = max(0.0, tail[UNIT] + step * ((1.0 if z > START else 0.0) - BEYOND))
        over = min(math.log(z / START), FARTHEST) if z > START else 0.0
        tail[RATE] += share * ((1.0 if z > START else 0.0) - tail[RATE])
        tail[EXCESS] += share * (over - tail[EXCESS])
    tail[CHANGES] += share * ((1.0 if is_change else 0.0) - tail[CHANGES])


@compiled
def advance_esd(
    values: Floats,
    season: Floats,
    rough: Floats,
    count: Ints,
    samples: Ints,
    held: Ints,
    turn: Ints,
    tail: Floats,
    origin: Floats,
    last: Floats,
    shifted: Floats,
    ring: Singles,
    ordered: Singles,
    waiting: Singles,
    max_share: float,
    critical: Floats,
    warm: int,
    patience: int,
    score: Floats,
    expected: Floats,
    lower: Floats,
    upper: Floats,
    sigmas: Floats,
) -> None:
    """Score the samples [S, T] into the last five arrays and learn them into the state.

    season, rough : float64 [S, T], from `Seasons.advance`
    tail, samples : float64 [S, 4], int64 [S], what is known of the tail, see core/tail.py
    ring, ordered : float32 [S, W], the window in order of time and of size, less season and origin
    shifted : float64 [S], mean of the latest odd samples, like the window's
    held : int64 [S], odd samples in a row; negative while all of a new level is learned
    waiting : float32 [S, Q], samples that may still turn out to belong to an incident
    critical : critical values of the ESD test
    warm : samples until the first score
    patience : odd samples in a row after which their level is accepted
    """
    window = ring.shape[1]
    for i in range(values.shape[0]):
        known, center, width = -1, 0.0, 0.0
        for t in range(values.shape[1]):
            now = values[i, t]
            is_told = count[i] >= warm
            seen = min(float(samples[i]), MEMORY)
            middle, spread, z, is_odd = 0.0, 0.0, 0.0, False
            log_rate, index = tail_shape(seen, tail[i, RATE], tail[i, EXCESS])
            if is_told:
                if count[i] != known:
                    known = count[i]
                    center, width = level_of(ordered[i], min(known, window), max_share, critical)
                middle = origin[i] + center + season[i, t]
                edge = min(tail_edge(log_rate, index), MAX_SIGMAS)
                spread = max(RESOLUTION * abs(center), RELATIVE_RESOLUTION * abs(middle))
                spread = max(width * math.exp(tail[i, UNIT]), spread)
                reach = edge * spread + rough[i, t]
                spread = max(reach / edge, 1e-300)
                expected[i, t] = middle
                lower[i, t] = middle - reach
                upper[i, t] = middle + reach
            if math.isnan(now):
                continue
            if is_told:
                z = min(abs(now - middle) / spread, MAX_SIGMAS)
                told = min(tail_score(z, log_rate, index), ceiling(seen, tail[i, CHANGES] * seen))
                score[i, t] = told
                sigmas[i, t] = math.copysign(z, now - middle)
                is_odd = told > LEARNABLE
            if held[i] >= 0:
                held[i] = held[i] + 1 if is_odd else 0
            else:  # the new level has just been accepted
                held[i] += 1
                is_odd = False
            if abs(now) > HUGE:
                continue
            if math.isnan(origin[i]):
                origin[i] = now
            count_sample(tail[i], z, is_told and held[i] <= 1, now != last[i], seen)
            last[i] = now
            samples[i] += 1
            rest = min(max(now - origin[i] - season[i, t], -LARGEST), LARGEST)
            if is_odd:
                waiting[i] = np.nan
                shifted[i] += max(1.0 / held[i], RECENT) * (rest - shifted[i])
                if held[i] > patience:
                    origin[i] += shifted[i] - center
                    held[i] = -warm
                continue
            learn(rest, count[i : i + 1], turn[i : i + 1], ring[i], ordered[i], waiting[i], warm)
