"""Forecast error: distance from the best of six forecasts, in units of what they usually miss."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from exporter.core.peaks import fading, fresh_peaks, onsets
from exporter.core.race import fresh_race, race
from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, LEARNABLE, Scores, StudentTail
from exporter.core.seasons import DAY, WEEK
from exporter.core.series import SeriesBatch
from exporter.detectors.base import Detector
from promkit.durations import Duration

RARITY = StudentTail(4.2)  # as heavy as keeps Student's t of 3 degrees below an alarm a week
BAND = RARITY.sigmas_at(ANOMALOUS)

ONSET_SHARE = 0.15
"""An error of nine scales begins this much of an onset, two such errors' size as much as can be."""


@dataclass(frozen=True, kw_only=True)
class ForecastError(Detector):
    """Flag samples that none of what a series usually does would have led to.

    Six one-step forecasts compete; the band reaches around the one with the least recent error and
    around what was seen at this time yesterday and a week ago. How far a sample is outside counts
    in units of what 99 % of all samples stayed within.

    Parameters
    ----------
    slot : length of a slot of the daily and weekly memory; shorter follows a season more closely
        and takes more memory (9 bytes a slot of the week)
    min_samples : forecasts that are compared with what came until the first score
    accept_after : seconds after which a level that stayed odd becomes the new normal

    Notes
    -----
    Warm-up is `min_samples`; yesterday and last week join when there is one. NaN is skipped. An
    incident is not learned, and the forecast stays what it was before, until the series is back or
    `accept_after` is over. A score of 0.6 is 16 scales: the tail is taken to be as heavy as that
    of Student's t with 4.2 degrees of freedom.

    References
    ----------
    The choice among forecasts by discounted error: Bates and Granger (1969),
    doi:10.1057/jors.1969.103; seasonal naive: Hyndman and Athanasopoulos (2021), section 5.2.
    """

    is_atomic: ClassVar[bool] = True

    kind: Literal["forecast_error"] = "forecast_error"
    slot: Annotated[Duration, Ge(60), Le(3600)] = 300.0
    min_samples: Annotated[int, Ge(10)] = 30
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    @property
    def memory(self) -> int:
        """What settles means and tail; seasons are learned as time passes."""
        return 500

    def fresh(self, series: int) -> State:
        """Return the state of series that nothing is known of."""
        ring = math.ceil(WEEK / (self.slot * 1000))
        return {**fresh_race(series, ring), **fresh_peaks(series)}

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        step = batch.step
        slot = max(round(self.slot * 1000), step)
        per_day = min(max(1, DAY // slot), state["low"].shape[1] // 7)
        a_day = DAY / step
        rates = np.array(
            [
                _rate(3.0),
                _rate(30.0),
                _rate(max(2.0, a_day / 24)),
                _rate(max(20.0, a_day / 4)),
                0.5 ** (-1.0 / max(200.0, 7 * a_day)),
            ]
        )
        out = np.full((5, *batch.values.shape), np.nan)
        race(
            batch.values,
            batch.wall_times,
            slot,
            per_day,
            2 * step <= slot,
            rates,
            self.min_samples,
            math.ceil(self.accept_after * 1000 / step),
            RARITY.sigmas_at(LEARNABLE),
            state["low"],
            state["high"],
            state["odd"],
            state["tail"],
            state["race"],
            out,
        )
        surprise, expected, bottom, ceiling, scale = out
        score = RARITY.confidence(surprise)
        width = BAND * scale
        return state, Scores(
            score=score,
            expected=np.where(np.isnan(scale), np.nan, expected),
            lower=bottom - width,
            upper=ceiling + width,
            sigmas=surprise,
            level=fading(state, score, step),
            onset=onsets(state, ONSET_SHARE * np.minimum(np.abs(surprise) / 9.0, 2.0), step),
        )


def _rate(half_life: float) -> float:
    """Return the weight of the newest of an exponential mean; samples in which weights halve."""
    return 1.0 - float(0.5 ** (1.0 / half_life))
