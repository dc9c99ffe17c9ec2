"""Isolation forest: whether a group of series behaves together as it did."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge

from exporter.core.series import Bools, Floats
from exporter.core.tail import HUGE
from exporter.drift.base import GroupTest, Measure
from exporter.drift.hours import columns_a_day, columns_like, halves
from exporter.drift.ks import Ks
from exporter.drift.samples import (
    NORMAL,
    ROUNDING,
    Reference,
    autocorrelation_times,
    samples_of,
)
from exporter.drift.together import Together

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
class IsolationForest(GroupTest):
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
    The days of the baseline are halved, by turns; each half grows a forest, which says how odd it
    finds the other half, and the window's samples at the hours of that other half: as the share of
    the half that is less odd. So forests know both sides equally little, and all days tell how much
    days differ. The shares of the window, and of the baseline at its hours, are compared by `Ks`,
    with the memory of the shares of all days. A window of two days and more is compared without
    each of its days in turn, and the least of these changes counts, since one day is often odd; of
    a shorter one, odd days are drift. All series of a group have its result; one that lacks half of
    its samples cannot tell and is left out, and so is an instant at which another one lacks its
    sample. The axes are turned so that correlations count. It misses changes after which samples
    are as odd as before, such as a part of the usual days that has grown.

    References
    ----------
    Liu et al. (2008), doi:10.1109/ICDM.2008.17, for the forest. Comparing scores on held-out
    samples follows Lopez-Paz and Oquab (2017), arXiv:1610.06545.
    """

    kind: Literal["isolation_forest"] = "isolation_forest"
    trees: Annotated[int, Ge(1)] = 100
    seed: Annotated[int, Ge(0)] = 0
    largest: Annotated[int, Ge(1)] = 100

    def _measure(self, group: Together) -> Measure:
        cannot = np.full(len(group.past), np.nan)
        mine, theirs = _known(group.past), _known(group.recent)
        alike = columns_like(group.times, group.now, group.step)
        is_there = mostly(mine) & mostly(mine[:, alike]) & mostly(theirs)
        if len(mine) > self.largest or not is_there.any():
            return cannot, cannot
        found = self.oddness(replace(group, past=mine[is_there], recent=theirs[is_there]))
        if found is None:
            return cannot, cannot
        past, recent = found
        day = columns_a_day(group.step)
        reference = Reference(samples_of(past[:, alike]), autocorrelation_times(past, day))
        statistic, p_value = compared(reference, recent, day)
        return np.where(is_there, statistic, np.nan), np.where(is_there, p_value, np.nan)

    def oddness(self, group: Together) -> tuple[Floats, Floats] | None:
        """Return how odd baseline and window are, as shares float64 [1, N] and [1, M].

        NaN where a member has no sample. None if there are too few instants to grow forests.
        """
        mine, theirs = group.past.T, group.recent.T
        past, recent = np.full((1, len(mine)), np.nan), np.full((1, len(theirs)), np.nan)
        is_whole, are_whole = np.isfinite(mine).all(1), np.isfinite(theirs).all(1)
        half, other = halves(group.times, group.now, group.step)
        for chosen in (False, True):
            asked, grows = is_whole & (half == chosen), is_whole & (half != chosen)
            if min(asked.sum(), grows.sum()) < LEAST_FIT:
                return None
            rate = self._grown(mine[grows])
            known = rate(mine[asked])
            past[0, asked] = shares(known, known)
            new = are_whole & (other == chosen)
            recent[0, new] = shares(known, rate(theirs[new]))
        return past, recent

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


def shares(known: Floats, asked: Floats) -> Floats:
    """Return which share of `known` [N] is less than each of `asked` [M]; equals count half."""
    order = np.sort(known)
    less, most = (np.searchsorted(order, asked, side) for side in ("left", "right"))
    found: Floats = (less + most) / (2 * len(order))
    return found


def compared(reference: Reference, recent: Floats, day: int) -> tuple[float, float]:
    """Return statistic and p value of a window [1, M] without whichever day makes them least.

    day : columns of a day; a window of less than two is taken as it is
    """
    columns = recent.shape[1]
    parts = [recent]
    if 0 < 2 * day <= columns:
        starts = range(0, columns, day)
        parts = [np.delete(recent, slice(start, start + day), 1) for start in starts]
    found = [Ks().measure(reference, samples_of(part)) for part in parts]
    statistic = np.min([one.statistic for one in found])
    return float(statistic), float(np.max([one.p_value for one in found]))


def mostly(values: Floats) -> Bools:
    """Return which of the series [G, N] have at least half of their samples, and any."""
    count = np.isfinite(values).sum(1)
    enough: Bools = (2 * count >= values.shape[1]) & (count > 0)
    return enough


def _known(values: Floats) -> Floats:
    return np.where(np.abs(values) < HUGE, values, np.nan)
