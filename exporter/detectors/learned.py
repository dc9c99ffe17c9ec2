"""What do the detectors that fit a scikit-learn model to feature vectors share?"""

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import AfterValidator

from exporter.core.features import FEATURES
from exporter.core.groups import groups_by, members_of
from exporter.core.history import Windows
from exporter.core.rarity import NO_RARITY
from exporter.core.reservoir import (
    SPARE,
    Pace,
    Reservoir,
    fresh_reservoir,
    judge,
    reservoir_of,
    training_sample,
)
from exporter.core.rows import State, take_rows
from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Bools, Floats, Ints, SeriesBatch
from exporter.detectors.base import Detector
from exporter.detectors.models import Floats32, Model, Recipe
from promkit.durations import Duration

ALONE: Final = (
    "deviation",
    "difference_1",
    "difference_4",
    "mean_4",
    "mean_16",
    "slope_16",
    "spread_share",
    "roughness_16",
    "flat_share_16",
    "group_deviation",
)
"""The features of one series. Without calendar and seasons: what a model has not seen yet is odd
to it, and the next hour it has never seen."""

TOGETHER: Final = ("deviation",)
"""The features of each series of a group."""

LEAST_SAMPLE: Final = 64
"""Vectors that a model needs, or half a sample if that is less..."""

LEAST_VECTORS: Final = 8
"""...and that one of its series has to have."""


OVERLAP: Final = 16
"""Neighbouring columns that tell as much as one: their windows share most samples."""

MANY: Final = 8
"""Series that need not learn from every column to fill a sample: every fourth shows more."""


def _are_features(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    unknown = [name for name in names or () if name not in FEATURES]
    if unknown:
        raise ValueError(f"found {unknown}, which are no features; there are {', '.join(FEATURES)}")
    return names


@dataclass(frozen=True)
class GroupBy:
    """The series that agree in these labels are the dimensions of one model."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    by: Annotated[tuple[str, ...], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class LearnedDetector(Detector):
    """Judge how a series behaves by a model of how it, its group or its peers behaved before.

    Parameters
    ----------
    scope : `pooled`, one model of all series of the query; `series`, one of each; `{by: [label]}`,
        one of each group of series that agree in these labels, as its dimensions
    window : samples that a vector of features describes
    features : names from docs/features.md; default: ten of them, for a group only the deviation
    sample : vectors that each series keeps to learn from; half of them fit, half calibrate;
        default: 128 pooled, 256 for one series, 512 for a group
    refit : samples between two fits
    contamination : share of the sample that is held to be anomalous: it is left out of what
        defines rarity, so that the more there are, the earlier it alarms
    accept_after : seconds after which behaviour that stayed odd becomes the new normal
    seed : of everything drawn by lot
    """

    scope: Literal["pooled", "series"] | GroupBy = "pooled"
    window: Annotated[int, Ge(8)] = 64
    features: Annotated[tuple[str, ...] | None, AfterValidator(_are_features)] = None
    sample: Annotated[int, Ge(16)] | None = None
    refit: Annotated[int, Ge(16)] = 256
    contamination: Annotated[float, Ge(0), Lt(0.5)] = 0.0
    accept_after: Annotated[Duration, Gt(0)] = 1800.0
    seed: Annotated[int, Ge(0)] = 0

    most: ClassVar[int] = 2048
    """Vectors that a model is fitted to, and calibrated with, at most."""

    @abstractmethod
    def fit(self, sample: Floats32) -> Model:
        """Return a model of the sample [N, F], N >= 2, whose axes have mean 0 and variance 1."""

    @property
    def is_independent(self) -> bool:
        """Whether each series has a model of its own."""
        return self.scope == "series"

    @property
    def memory(self) -> int:
        """A window, and as many samples as fill the sample."""
        return self.window + self._size

    @property
    def _size(self) -> int:
        if self.sample is not None:
            return self.sample
        return {"pooled": 128, "series": 256}.get(str(self.scope), 512)

    @property
    def _windows(self) -> Windows:
        default = TOGETHER if isinstance(self.scope, GroupBy) else ALONE
        return Windows(self.window, default if self.features is None else self.features)

    def _recipe(self, overlap: float) -> Recipe:
        return Recipe(
            fit=self.fit,
            name=repr(replace(self, weight=1.0)),
            whiten=isinstance(self.scope, GroupBy),
            contamination=self.contamination,
            overlap=overlap,
            seed=self.seed,
        )

    def fresh(self, series: int) -> State:
        """Return empty windows and reservoirs."""
        windows = self._windows
        return {
            **windows.fresh(series),
            **fresh_reservoir(series, self._size, len(windows.names)),
            "members": np.zeros(series, dtype=np.int64),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        series, columns = batch.values.shape
        scores = blank_scores(series, columns)
        if not batch.values.size:
            return state, scores
        pace = Pace(
            column=int(batch.times[0]) // batch.step,
            stride=math.ceil(self.refit / SPARE),
            early=4 if self.scope == "pooled" and series >= MANY else 1,
            patience=math.ceil(self.accept_after * 1000 / batch.step),
        )
        if isinstance(self.scope, GroupBy):
            groups = groups_by(batch.keys, self.scope.by)
        else:
            groups = np.arange(series) if self.is_independent else np.zeros(series, dtype=np.int64)
        vectors, ready = self._windows.advance(state, batch, groups)
        np.arcsinh(vectors, out=vectors)  # heavy tails become ordinary ones
        if isinstance(self.scope, GroupBy):
            scores = replace(scores, level=np.full((series, columns), np.nan))
            for members in members_of(groups):
                found = vectors[members], ready[members]
                told = self._advance_group(state, members, found, pace)
                scores.score[members] = told
                scores.level[members] = told * _shares(vectors[members])
        else:
            every = 1 if self.is_independent else series
            for start in range(0, series, every):
                rows = slice(start, start + every)
                own = reservoir_of({name: array[rows] for name, array in state.items()})
                scores.score[rows] = self._advance_pool(own, vectors[rows], ready[rows], pace)
        scores.score[~np.isfinite(batch.values)] = np.nan
        scores.level[~np.isfinite(batch.values)] = np.nan
        return state, scores

    def _advance_group(
        self, state: State, rows: Ints, found: tuple[Floats32, Bools], pace: Pace
    ) -> Floats:
        """Return the scores [1, T] of a group: of one series with all members' features.

        A member that is gone counts as ordinary; with another membership the group starts anew.
        """
        own = take_rows(state, rows)
        vectors, ready = found
        is_same = (own["members"] == len(rows)).all() and (own["taken"] == own["taken"][0]).all()
        if not is_same:
            for name in ("taken", "fitted", "held", "habit"):
                own[name][:] = 0
            own["members"][:] = len(rows)
        together = Reservoir(
            np.concatenate(list(own["vectors"]), 1)[None],
            *(own[name][:1] for name in ("taken", "fitted", "held", "habit")),
        )
        can_tell = 2 * ready.sum(0) >= len(rows)
        joined = np.concatenate(list(vectors), 1)[None]
        scores = self._advance_pool(together, joined, can_tell[None], pace)
        own["vectors"][:] = np.moveaxis(
            together.vectors.reshape(*together.vectors.shape[1:2], len(rows), -1), 1, 0
        )
        for name in ("taken", "fitted", "held", "habit"):
            own[name][:] = getattr(together, name)
        for name in ("vectors", "taken", "fitted", "held", "habit", "members"):
            state[name][rows] = own[name]
        return scores

    def _advance_pool(
        self, reservoir: Reservoir, vectors: Floats32, ready: Bools, pace: Pace
    ) -> Floats:
        """Return the scores [S, T] of series that share a model; the reservoir learns in place."""
        columns, size = ready.shape[1], self._size
        scores = np.full(ready.shape, np.nan)
        start = 0
        while start < columns:
            column = pace.column + start
            if column % self.refit == 0:
                self._refit(reservoir, 1)
            elif column % SPARE == 0 and reservoir.fitted.max() < size:
                self._refit(reservoir, 2)
            width = self.refit - column % self.refit
            if reservoir.fitted.max() < size:
                width = min(width, SPARE - column % SPARE)
            part = slice(start, min(columns, start + width))
            here = pace._replace(column=column)
            scores[:, part] = self._judge(reservoir, vectors[:, part], ready[:, part], here)
            start += width
        return scores

    def _refit(self, reservoir: Reservoir, growth: int) -> None:
        """Let the model from now on be that of all that has been learned, if that is enough.

        growth : by what factor there have to be more vectors than in the model in use
        """
        size = self._size
        held = np.minimum(reservoir.taken, size)
        least = min(LEAST_SAMPLE, size // 2)
        is_enough = held.sum() >= max(least, growth * np.minimum(reservoir.fitted, size).sum())
        if is_enough and held.max() >= min(LEAST_VECTORS, size // 2):
            reservoir.fitted[:] = reservoir.taken

    def _judge(self, reservoir: Reservoir, vectors: Floats32, ready: Bools, pace: Pace) -> Floats:
        """Do what `_advance_pool` does, while one model holds."""
        raw = np.where(ready, -np.inf, np.nan)
        if not ready.any():
            return np.full(ready.shape, np.nan)
        sample, guide = training_sample(reservoir, self.most, self.seed)
        if not len(sample):
            return judge(raw, vectors, reservoir, NO_RARITY, pace)
        is_young = reservoir.fitted.max() < 2 * self._size
        overlap = OVERLAP / (pace.early if is_young else 4)
        fitted = self._recipe(overlap).obtain(sample, guide)
        raw[ready] = fitted.rate(vectors[ready])
        return judge(raw, vectors, reservoir, fitted.rarity, pace)


def _shares(vectors: Floats32) -> Floats:
    """Return how far each series is off, relative to the farthest of its group, [S, T]."""
    size: Floats = np.sqrt(np.square(vectors, dtype=np.float64).sum(2))
    farthest = size.max(0)
    shares = np.zeros_like(size)
    np.divide(size, farthest, out=shares, where=farthest > 0.0)
    return shares
