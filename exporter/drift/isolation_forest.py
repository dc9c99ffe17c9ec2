"""Isolation forest: whether a group of series behaves together as it did."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge

from exporter.core.groups import members_of
from exporter.core.pieces import Mapper
from exporter.core.series import Bools, Floats, Ints
from exporter.core.tail import HUGE
from exporter.drift.base import DriftTest, Measure
from exporter.drift.ks import Ks
from exporter.drift.samples import (
    NORMAL,
    ROUNDING,
    Piece,
    Reference,
    Samples,
    reference_of,
    samples_of,
)
from exporter.errors import DriftError

BLOCKS: Final = 8
"""Stretches of the reference that in turn grow the forest and are compared, if it has no season."""

PICKED: Final = 256
"""Samples that each tree is grown on, as Liu et al. have it."""

LEAST_FIT: Final = 32
"""Fewer samples than this grow no forest."""

LEAST_VARIANCE: Final = 0.05
"""Directions in which a group varies less than this count as if it varied so much."""

GRAIN: Final = 0.1
"""Normal noise, in deviations, that is laid over what grows the forest."""

NOTHING: Final = 1e-290
"""Deviations below this stand for zero; they only keep divisions defined."""

FARTHEST: Final = 1e6
"""Deviations beyond count as this many."""


@dataclass(frozen=True, kw_only=True)
class IsolationForest(DriftTest):
    """Find changes of how series are together, which none of them may show alone.

    Parameters
    ----------
    trees : trees in the forest
    seed : of what is drawn by lot
    largest : series in a group; a larger one cannot tell
    alpha, moderate, high, critical : see DriftTest; the statistic is that of `ks`, of how odd the
        forest finds the samples

    Notes
    -----
    Every second eighth of the reference grows the forest, or every second season if it has one.
    How odd it finds the rest and the window, which it knows equally little, is compared by `Ks`,
    whose p value thus stays honest, with the autocorrelation of these scores. All series of a group
    have its result; one that lacks half of its samples cannot tell and is left out, and so is an
    instant at which another one lacks its sample. The axes are turned so that correlations count.
    It misses changes after which samples are as odd as before, such as a part of the usual days
    that has grown.

    References
    ----------
    Liu et al. (2008), doi:10.1109/ICDM.2008.17, for the forest. Comparing scores on held-out
    samples follows Lopez-Paz and Oquab (2017), arXiv:1610.06545.
    """

    kind: Literal["isolation_forest"] = "isolation_forest"
    trees: Annotated[int, Ge(1)] = 100
    seed: Annotated[int, Ge(0)] = 0
    largest: Annotated[int, Ge(1)] = 100

    is_independent = False

    def _whole(
        self, reference: Reference, recent: Samples, groups: Ints | None, each: Mapper
    ) -> Measure:
        before, now = reference.samples.values, recent.values
        if before is None or now is None:
            raise DriftError(self.name, "needs samples in order; make them with in_order=True")
        mine, theirs = (np.where(np.abs(values) < HUGE, values, np.nan) for values in (before, now))
        series = len(theirs)
        rows = members_of(np.zeros(series, dtype=np.int64) if groups is None else groups)

        def work(piece: Piece) -> Measure:
            members = rows[piece[0]]
            return self._group(mine[members], theirs[members], reference.season)

        statistic, p_value = np.full(series, np.nan), np.full(series, np.nan)
        found = each(work, [(number, number + 1) for number in range(len(rows))])
        for row, (one, p) in zip(rows, found, strict=True):
            statistic[row], p_value[row] = one, p
        return statistic, p_value

    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        """Compare the scores of one group as if they were a series."""
        return Ks()._some(reference, recent)

    def _group(self, mine: Floats, theirs: Floats, season: int) -> Measure:
        """Measure one group, [G, N] and [G, M]; NaN for members left out, or for all."""
        cannot = np.full(len(mine), np.nan)
        is_there = mostly(mine) & mostly(theirs)
        if len(mine) > self.largest or not is_there.any():
            return cannot, cannot
        mine, theirs = mine[is_there].T, theirs[is_there].T
        has_season = 0 < 2 * season <= len(mine)
        grows = np.arange(len(mine)) // (season if has_season else -(-len(mine) // BLOCKS)) % 2 == 0
        whole, others = np.isfinite(mine).all(1), np.isfinite(theirs).all(1)
        sample = mine[grows & whole]
        if len(sample) < LEAST_FIT:
            return cannot, cannot
        rate = self._grown(sample)
        scores, recent = np.full((1, len(mine)), np.nan), np.full((1, len(theirs)), np.nan)
        tested = whole & ~grows
        scores[0, tested] = rate(mine[tested])
        recent[0, others] = rate(theirs[others])
        rest = reference_of(scores[:, ~grows], season=season)
        statistic, p_value = self._measure(rest, samples_of(recent))
        return np.where(is_there, statistic, np.nan), np.where(is_there, p_value, np.nan)

    def _grown(self, sample: Floats) -> Callable[[Floats], Floats]:
        """Return what a forest grown on `sample` [N, G] says of how odd others are."""
        from sklearn.ensemble import IsolationForest as Grower

        middle = np.median(sample, 0)
        deviation = NORMAL * np.abs(sample - middle).mean(0)
        deviation = np.maximum(deviation, ROUNDING * np.abs(middle) + NOTHING)

        def scaled(vectors: Floats) -> Floats:
            away: Floats = np.clip((vectors - middle) / deviation, -FARTHEST, FARTHEST)
            return away

        # Trees cannot cut where nothing ever moved.
        grain = np.random.default_rng(self.seed).normal(0.0, GRAIN, sample.shape)
        rough = scaled(sample) + grain
        variance, turn = np.linalg.eigh(np.atleast_2d(np.cov(rough, rowvar=False)))
        matrix = turn / np.sqrt(np.maximum(variance, LEAST_VARIANCE))
        forest = Grower(
            n_estimators=self.trees,
            max_samples=min(PICKED, len(sample)),
            random_state=self.seed,
        ).fit(rough @ matrix)

        def rate(vectors: Floats) -> Floats:
            if not len(vectors):
                return np.empty(0)
            odd: Floats = -forest.score_samples(scaled(vectors) @ matrix)
            return odd

        return rate


def mostly(values: Floats) -> Bools:
    """Return which of the series [G, N] have at least half of their samples, and any."""
    count = np.isfinite(values).sum(1)
    enough: Bools = (2 * count >= values.shape[1]) & (count > 0)
    return enough
