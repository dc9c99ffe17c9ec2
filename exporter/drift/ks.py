"""Kolmogorov-Smirnov: how far two distributions are apart at the value where they are most."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Bools, Floats, Ints
from exporter.drift.base import Measure, SeriesTest
from exporter.drift.kslaw import tail
from exporter.drift.samples import Reference, Samples

LARGE: Final = 30.0
"""Independent samples, as n m / (n + m), from which a statistic of 0.3 is beyond chance: there its
p value is 0.01."""


@dataclass(frozen=True, kw_only=True)
class Ks(SeriesTest):
    """Find any change of a distribution: level, spread or shape.

    Parameters
    ----------
    alpha, moderate, high, critical : see DriftTest; the statistic is the greatest distance of the
        two distribution functions, 0 to 1. A normal law that moves by 0.8 of its deviations is at
        0.3, by 1.35 at 0.5

    Notes
    -----
    Drift is an adjusted p value below `alpha`, or a statistic above `high` where `alpha` for one
    series alone would be reached by it: from 30 independent samples. Up to `high` such drift is
    moderate. NaN and Inf are no samples; fewer than five independent ones cannot tell. The p value
    is exact for independent samples without ties and errs to the safe side with ties; what memory
    leaves of the samples is rounded down. On stationary noise the share of false drift stays below
    `alpha`. It misses changes of the tails alone, and of the order of samples.

    References
    ----------
    Hodges (1958), doi:10.1007/BF02589501, for the exact law. Weiss (1978),
    doi:10.1080/01621459.1978.10480106, for the correction by autocorrelation; here by ranks.
    """

    kind: Literal["ks"] = "ks"

    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        statistic = distances(
            reference.samples.ascending, reference.samples.count, recent.ascending, recent.count
        )
        here, there = reference.sizes(recent)
        p_value = np.full(len(statistic), np.nan)
        fill_tails(statistic, whole(here), whole(there), reference.tells(recent), p_value)
        return statistic, p_value

    def _stands_out(self, reference: Reference, recent: Samples, statistic: Floats) -> Bools:
        here, there = reference.sizes(recent)
        is_large = here * there / (here + there) >= LARGE
        certain: Bools = is_large & (statistic > self.high)
        return certain


def whole(size: Floats) -> Ints:
    """Return sizes rounded down; what is whole but for rounding is taken for it."""
    return np.floor(size + 1e-9).astype(np.int64)


@compiled
def fill_tails(statistic: Floats, here: Ints, there: Ints, tells: Bools, p_value: Floats) -> None:
    """Write the p values of series that can tell; all arrays [S]."""
    for row in range(len(statistic)):
        if tells[row]:
            p_value[row] = tail(statistic[row], here[row], there[row])


@compiled
def distances(one: Floats, count: Ints, other: Floats, others: Ints) -> Floats:
    """Return the greatest distance of two empirical distribution functions, float64 [S].

    one, other : float64 [S, N] and [S, M], ascending
    count, others : int64 [S], how many of them are samples
    """
    found = np.full(len(count), np.nan)
    for row in range(len(count)):
        n, m = count[row], others[row]
        if n == 0 or m == 0:
            continue
        i, j, greatest = 0, 0, 0
        while i < n and j < m:
            now = min(one[row, i], other[row, j])
            while i < n and one[row, i] <= now:
                i += 1
            while j < m and other[row, j] <= now:
                j += 1
            greatest = max(greatest, abs(i * m - j * n))
        found[row] = greatest / (n * m)
    return found
