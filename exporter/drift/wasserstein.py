"""Wasserstein distance: how far samples have moved in the mean, in deviations of the reference."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge
from scipy import special

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.drift.base import Measure, SeriesTest
from exporter.drift.samples import NORMAL, ROUNDING, Reference, Samples

FARTHEST: Final = 1e6
"""Greatest statistic: where the reference never moved, any change is beyond measure."""


@dataclass(frozen=True, kw_only=True)
class Wasserstein(SeriesTest):
    """Find changes by how far they carry the samples, those of the tails included.

    Parameters
    ----------
    alpha, moderate, high, critical : see DriftTest; the statistic is the mean way from the samples
        of the reference to those of the window, in its deviations, less what chance gives it. A
        law that moves by half a deviation is at 0.5

    Notes
    -----
    A deviation is the mean distance from the median times 1.25, as for a normal law. Without drift
    the distance is not zero but some sqrt(2 / pi (1 / n + 1 / m)) times the integral of
    sqrt(F (1 - F)), F being the reference's distribution function. This much is subtracted. The p
    value is that of a deviation of the mean as large as the distance, which errs to the safe side:
    the distance varies less than that. NaN and Inf are no samples; fewer than five independent
    ones cannot tell. One sample far away moves it, and it misses changes within a few hundredths
    of a deviation. Tails without a variance make the deviation itself a matter of chance.

    References
    ----------
    Vallender (1974), doi:10.1137/1118101, for the distance; del Barrio et al. (1999),
    doi:10.1214/aop/1022677394, for what is left of it without drift.
    """

    kind: Literal["wasserstein"] = "wasserstein"
    moderate: Annotated[float, Ge(0)] = 0.3
    high: Annotated[float, Ge(0)] = 0.5
    critical: Annotated[float, Ge(0)] = 1.0

    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        mine, count = reference.samples.ascending, reference.samples.count
        here, there = reference.sizes(recent)
        distance = distances(mine, count, recent.ascending, recent.count)
        deviation, roughness = spreads(mine, count)
        noise = np.sqrt(1.0 / here + 1.0 / there) * roughness
        share = (distance - math.sqrt(2.0 / math.pi) * noise) / deviation
        p_value = np.where(distance > 0.0, 2.0 * special.ndtr(-distance / noise), 1.0)
        return np.clip(np.where(distance > 0.0, share, 0.0), 0.0, FARTHEST), p_value


@compiled
def distances(one: Floats, count: Ints, other: Floats, others: Ints) -> Floats:
    """Return the area between two empirical distribution functions, float64 [S].

    one, other : float64 [S, N] and [S, M], ascending
    count, others : int64 [S], how many of them are samples
    """
    found = np.full(len(count), np.nan)
    for row in range(len(count)):
        n, m = count[row], others[row]
        if n == 0 or m == 0:
            continue
        i, j, area = 0, 0, 0.0
        before = min(one[row, 0], other[row, 0])
        while i < n or j < m:
            is_mine = j == m or (i < n and one[row, i] <= other[row, j])
            now = one[row, i] if is_mine else other[row, j]
            area += abs(i / n - j / m) * (now - before)
            before = now
            if is_mine:
                i += 1
            else:
                j += 1
        found[row] = area
    return found


@compiled
def spreads(ascending: Floats, count: Ints) -> tuple[Floats, Floats]:
    """Return the deviation and the integral of sqrt(F (1 - F)) of each series, float64 [S].

    ascending, count : float64 [S, N], int64 [S], samples of each
    """
    deviation = np.full(len(count), np.nan)
    roughness = np.zeros(len(count))
    for row in range(len(count)):
        n = count[row]
        if n == 0:
            continue
        middle = ascending[row, n // 2]
        gaps = 0.0
        for place in range(n):
            gaps += abs(ascending[row, place] - middle)
            if place > 0 and ascending[row, place] > ascending[row, place - 1]:
                share = place / n
                step = ascending[row, place] - ascending[row, place - 1]
                roughness[row] += math.sqrt(share * (1.0 - share)) * step
        deviation[row] = max(NORMAL * gaps / n, ROUNDING * abs(middle))
    return deviation, roughness
