"""Population stability index: how differently the samples fall into tenths of the reference."""

import math
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge
from scipy import special

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.drift.base import Measure, SeriesTest
from exporter.drift.samples import Reference, Samples

BINS: Final = 10
"""Quantile bins of the reference; a repeated value that holds a tenth of it has one of its own."""

SMOOTHING: Final = 5.0
"""Independent samples that both sides are given beside their own, distributed like both together:
half a sample for each of ten bins, so that an empty one is no infinite surprise."""


@dataclass(frozen=True, kw_only=True)
class Psi(SeriesTest):
    """Find changes of where samples usually are, as banks and model owners measure it.

    Parameters
    ----------
    alpha, moderate, high, critical : see DriftTest; the statistic is the index less what chance
        gives it. A normal law that moves by 0.32, 0.5 and 1 of its deviations is at 0.1, 0.25 and
        0.9

    Notes
    -----
    The index is the sum over the bins of (q - p) ln(q / p), p and q being the smoothed shares of
    reference and window. Without drift it is not zero but some (bins - 1) (1 / n + 1 / m): with 50
    independent samples in the window 0.2, which is commonly read as drift. This much, smoothing
    allowed for, is subtracted. The p value is that of Pearson's chi-squared test over the same
    bins, whose law holds with far fewer samples than that of the index. NaN and Inf are no samples;
    fewer than five independent ones cannot tell. It misses what happens within a bin: how far
    beyond the highest decile a sample is does not matter.

    References
    ----------
    Yurdakul and Naranjo (2020), doi:10.21314/JRMV.2020.227, for the index without drift; counting
    samples by their autocorrelation, and the smoothing, are ours.
    """

    kind: Literal["psi"] = "psi"
    moderate: Annotated[float, Ge(0)] = 0.1
    high: Annotated[float, Ge(0)] = 0.25
    critical: Annotated[float, Ge(0)] = 0.9

    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        here, there = reference.sizes(recent)
        index, surprise, bins = indices(
            reference.samples.ascending,
            reference.samples.count,
            recent.ascending,
            recent.count,
            here,
            there,
        )
        freedom = np.maximum(bins - 1, 1)
        noise = here / (here + SMOOTHING) ** 2 + there / (there + SMOOTHING) ** 2
        return np.maximum(index - freedom * noise, 0.0), special.chdtrc(freedom, surprise)


@compiled
def indices(
    one: Floats, count: Ints, other: Floats, others: Ints, here: Floats, there: Floats
) -> tuple[Floats, Floats, Ints]:
    """Return index and chi-squared of each series, float64 [S], and over how many bins, int64 [S].

    one, other : float64 [S, N] and [S, M], ascending
    count, others : int64 [S], how many of them are samples
    here, there : float64 [S], what these are worth
    """
    index = np.full(len(count), np.nan)
    surprise = np.zeros(len(count))
    bins = np.zeros(len(count), dtype=np.int64)
    for row in range(len(count)):
        n, m = count[row], others[row]
        if n == 0 or m == 0:
            continue
        index[row] = 0.0
        mine, theirs = one[row, :n], other[row, :m]
        before, before_other = 0, 0
        for tenth in range(1, BINS + 1):
            edge = mine[(tenth * n + BINS - 1) // BINS - 1]
            first, last = np.searchsorted(mine, edge), np.searchsorted(mine, edge, "right")
            is_own = (last - first) * BINS >= n and last - first > 1
            for turn in range(0 if is_own else 1, 3 if tenth == BINS else 2):
                if turn == 0:
                    until, until_other = first, np.searchsorted(theirs, edge)
                elif turn == 1:
                    until, until_other = last, np.searchsorted(theirs, edge, "right")
                    if tenth == BINS and not is_own:
                        until_other = m
                else:
                    until, until_other = n, m
                p, q = (until - before) / n, (until_other - before_other) / m
                if until >= before and until_other >= before_other and p + q > 0.0:
                    parts = index_and_surprise(p, q, here[row], there[row])
                    index[row] += parts[0]
                    surprise[row] += parts[1]
                    bins[row] += 1
                before, before_other = max(before, until), max(before_other, until_other)
    return index, surprise, bins


@compiled
def index_and_surprise(p: float, q: float, here: float, there: float) -> tuple[float, float]:
    """Return what one bin adds to the index, and to chi-squared.

    p, q : its shares on both sides, not both zero
    here, there : independent samples on both sides
    """
    both = (here * p + there * q) / (here + there)
    surprise = here * there / (here + there) * (q - p) ** 2 / both
    p = (here * p + SMOOTHING * both) / (here + SMOOTHING)
    q = (there * q + SMOOTHING * both) / (there + SMOOTHING)
    return (q - p) * math.log(q / p), surprise
