"""Novelty: distance from every value, and every course of values, that was seen before."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt

from exporter.core.novel import fresh_novelty, novelty
from exporter.core.peaks import fading, fresh_peaks, lasting, onsets
from exporter.core.rows import State
from exporter.core.scores import Scores
from exporter.core.seasons import DAY
from exporter.core.series import SeriesBatch
from exporter.detectors.base import Detector
from promkit.durations import Duration

SOFT = 0.3
"""Distance, in ranges, at which novelty is half of what it can be."""

FARTHEST = 1e9
"""Distances, in ranges, are cut here: a range may be next to nothing, their ratio infinite."""

SCORE_SHARE = 0.5
ONSET_SHARES = (3.1, 0.5)
"""Weights of the novelty of the value and of the context."""

LEVEL_DECADES = 3.5
"""Powers of ten of the context's distance over which the level spreads."""

LEVEL_SHARES = (0.6, 0.4)
"""Weights, in the level, of how far contexts are, on a log scale, and of clear novelty."""

CLEAR = 0.125
"""Score at which novelty is clear by half."""

RELAXES = 60.0
"""Days in which the ends of the range come half of the way back."""


@dataclass(frozen=True, kw_only=True)
class Novelty(Detector):
    """Flag values and courses that the series has not shown before, by how far away they are.

    What came before is no anomaly, however rare: a job of every night is known after one night.

    Parameters
    ----------
    min_samples : samples until the first score
    memory_for : how long a value is known at least; twice that at most

    Notes
    -----
    Warm-up is `min_samples`. NaN is skipped. No band. On its own it is silent rather than wrong: a
    score of 0.6 needs a value, and a course, nearly half of the range away from all
    others; beside `forecast_error` it adds to what that finds. What is new is known at once, so it
    marks beginnings.

    References
    ----------
    Distance to the nearest neighbour of lagged means, as in Breunig et al. (2000),
    doi:10.1145/342009.335388, without the local density; marked cells instead of stored samples.
    """

    is_atomic: ClassVar[bool] = True

    kind: Literal["novelty"] = "novelty"
    min_samples: Annotated[int, Ge(1)] = 50
    memory_for: Annotated[Duration, Gt(0)] = 30 * 86_400.0

    @property
    def memory(self) -> int:
        """As much history as there reasonably is."""
        return 500

    def fresh(self, series: int) -> State:
        """Return the state of series of which nothing was seen."""
        return {**fresh_novelty(series), **fresh_peaks(series)}

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        out = np.full((2, *batch.values.shape), np.nan)
        novelty(
            batch.values,
            self.min_samples,
            max(2000, round(self.memory_for * 1000 / batch.step)),
            1.0 - 0.5 ** (batch.step / (RELAXES * DAY)),
            state["line"],
            state["area"],
            state["seen"],
            out,
        )
        np.minimum(out, FARTHEST, out=out)
        of_value, of_context = out / (out + SOFT)
        score = np.minimum(SCORE_SHARE * (of_value + of_context), 1.0)
        courses = fading(state, np.sqrt(np.minimum(out[1], 1.0)), batch.step)
        courses = np.clip(1.0 + 2.0 * np.log10(courses) / LEVEL_DECADES, 0.0, 1.0)
        clear = lasting(state, score / (score + CLEAR), batch.step)
        begun = np.minimum(ONSET_SHARES[0] * of_value + ONSET_SHARES[1] * of_context, 1.0)
        none = np.full(batch.values.shape, np.nan)
        return state, Scores(
            score=score,
            expected=none,
            lower=none,
            upper=none,
            sigmas=none,
            level=LEVEL_SHARES[0] * courses + LEVEL_SHARES[1] * clear,
            onset=onsets(state, begun, batch.step),
        )
