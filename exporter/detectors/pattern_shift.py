"""Pattern shift: does the series behave in a way that it has not behaved before?"""

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from annotated_types import Ge, Gt
from numpy.lib.stride_tricks import sliding_window_view

from exporter.core.history import fill_gaps
from exporter.core.patterns import (
    DIMENSIONS,
    behaviour,
    clustered,
    compressed,
    distances,
    reach_of,
    similarity,
)
from exporter.core.rows import State
from exporter.core.scores import DECADES, LEARNABLE, Scores, blank_scores
from exporter.core.series import Bools, Floats, Ints, SeriesBatch
from exporter.detectors.base import Detector
from promkit.durations import Duration

SIGNAL: Final = "anomaly_pattern_shift"

LEAST_VECTORS: Final = 4
"""Behaviours that have to be known before one can be new."""

TAIL_INDEX: Final = 10.0
"""Beyond the reach the chance of a distance falls with this power of it, once 64 are known."""

GROWTH: Final = 1.25
"""Clusters are found anew when there are so many times more vectors, or..."""

REFIT: Final = 16
"""...at each 16th window of a full history."""

SERIES: Final = 256
"""Series whose distances are computed at a time."""


@dataclass(frozen=True, kw_only=True)
class PatternShift(Detector):
    """Flag windows whose behaviour is none that the series is known for.

    Parameters
    ----------
    window : samples that are described; a description is made each quarter of it
    patterns : behaviours that are remembered
    accept_after : seconds after which a behaviour that stayed new is learned

    Notes
    -----
    Warm-up is two windows. Descriptions fall on columns that are a multiple of a quarter window
    since 1970; between them the score is held, so it says nothing of a single sample. A gap is
    filled with the sample before it; after half a window of NaN or Inf a series comes anew. A
    behaviour within reach of one of a pattern is known: reach is 1.5 times the 0.9 quantile of the
    distances to the third-nearest. A distance of twice the reach scores about 0.6 when 64 are
    known, less when fewer are.

    References
    ----------
    Ester et al. (1996), KDD 96; they read eps off the distances to the k-nearest by eye.
    """

    kind: Literal["pattern_shift"] = "pattern_shift"
    window: Annotated[int, Ge(8)] = 48
    patterns: Annotated[int, Ge(8)] = 64
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    signals: ClassVar[tuple[str, ...]] = (SIGNAL,)

    @property
    def memory(self) -> int:
        """The windows that are remembered."""
        return self.window + self.patterns * self._pace

    @property
    def _pace(self) -> int:
        return self.window // 4

    def fresh(self, series: int) -> State:
        """Return empty windows and no behaviour."""
        return {
            "recent": np.full((series, self.window - 1), np.nan),
            "presence": np.zeros((series, 2), dtype=np.int64),
            "vectors": np.zeros((series, self.patterns, len(DIMENSIONS)), dtype=np.float32),
            "labels": np.full((series, self.patterns), -2, dtype=np.int16),
            "count": np.zeros(series, dtype=np.int64),
            "fitted": np.zeros(series, dtype=np.int64),
            "reference": np.zeros((series, 2)),
            "reach": np.zeros(series),
            "score": np.full(series, np.nan),
            "shift": np.full(series, np.nan),
            "level": np.full(series, np.nan),
            "held": np.zeros(series, dtype=np.int64),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        series, columns = batch.values.shape
        scores = blank_scores(series, columns, self.signals)
        scores = replace(scores, level=np.full((series, columns), np.nan))
        if not columns:
            return state, scores
        filled = np.empty((series, self.window - 1 + columns))
        ages = np.empty((series, columns), dtype=np.int64)
        fill_gaps(batch.values, state["recent"], state["presence"], filled, ages)
        windows = sliding_window_view(filled, self.window, 1)
        patience = math.ceil(self.accept_after * 1000 / batch.step / self._pace)
        first = int(batch.times[0]) // batch.step
        for column in range(columns):
            turn, rest = divmod(first + column, self._pace)
            if rest == 0:
                rows = np.flatnonzero(ages[:, column] >= self.window)
                for name in ("score", "shift", "level"):
                    state[name][ages[:, column] == 0] = np.nan
                for start in range(0, len(rows), SERIES):
                    part = rows[start : start + SERIES]
                    vectors = behaviour(windows[part, column])
                    self._judge(state, part, vectors)
                    self._learn(state, part, vectors, patience, is_due=turn % REFIT == 0)
            scores.score[:, column] = state["score"]
            scores.level[:, column] = state["level"]
            scores.signals[SIGNAL][:, column] = state["shift"]
        is_gap = ~np.isfinite(batch.values)
        scores.score[is_gap] = np.nan
        scores.level[is_gap] = np.nan
        scores.signals[SIGNAL][is_gap] = np.nan
        return state, scores

    def _judge(self, state: State, rows: Ints, vectors: Floats) -> None:
        """Write score and signal of the series at `rows`, from their vectors [S, 8]."""
        known = state["labels"][rows] >= 0
        reference = state["reference"][rows]
        past = compressed(state["vectors"][rows], reference)
        now = compressed(vectors[:, None], reference)
        gap = np.where(known, distances(now, past)[:, 0], np.inf).min(1) / state["reach"][rows]
        count = np.minimum(state["fitted"][rows], self.patterns)
        can_tell = (count >= LEAST_VECTORS) & known.any(1)
        index = TAIL_INDEX * count / (count + 8.0)
        decades = np.log10(count + 1.0) * np.minimum(gap, 1.0) ** 2
        decades += index * np.log10(np.maximum(gap, 1.0))
        state["score"][rows] = np.where(can_tell, np.minimum(decades / DECADES, 1.0), np.nan)
        state["shift"][rows] = np.where(can_tell, gap > 1.0, np.nan)
        state["level"][rows] = np.where(can_tell, 1.0 - similarity(gap), np.nan)

    def _learn(
        self, state: State, rows: Ints, vectors: Floats, patience: int, *, is_due: bool
    ) -> None:
        """Remember the vectors of the series at `rows`, and cluster again where it is time."""
        is_odd = state["score"][rows] > LEARNABLE
        state["held"][rows] = np.where(is_odd, state["held"][rows] + 1, 0)
        is_new_normal = state["held"][rows] > patience
        chosen = rows[~is_odd | is_new_normal]
        slot = state["count"][chosen] % self.patterns
        state["vectors"][chosen, slot] = vectors[~is_odd | is_new_normal]
        # Known where it is like a known one, until the clusters are found anew.
        is_like = (state["shift"][chosen] == 0.0) | (state["held"][chosen] > patience)
        state["labels"][chosen, slot] = np.where(is_like, 0, -1)
        state["count"][chosen] += 1
        count, fitted = state["count"][rows], state["fitted"][rows]
        is_grown = (fitted < self.patterns) & (count >= np.maximum(GROWTH * fitted, LEAST_VECTORS))
        again = rows[is_grown | (is_due & (count > fitted) & (count >= LEAST_VECTORS))]
        if len(again):
            self._cluster(state, again)

    def _cluster(self, state: State, rows: Ints) -> None:
        """Find the patterns among what the series at `rows` remember."""
        is_there: Bools = np.arange(self.patterns) < state["count"][rows][:, None]
        vectors = np.where(is_there[:, :, None], state["vectors"][rows], np.nan)
        state["reference"][rows] = np.nanmedian(vectors[:, :, :2].astype(np.float64), 1)
        past = compressed(state["vectors"][rows], state["reference"][rows])
        between = distances(past, past)
        state["reach"][rows] = reach_of(between, is_there)
        state["labels"][rows] = clustered(between, state["reach"][rows], is_there)
        state["fitted"][rows] = state["count"][rows]
