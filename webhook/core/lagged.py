"""Do series move together, and which of them moves first?"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

# Columns that two series must share; with fewer, chance correlates.
MIN_SHARED = 40
_CLIP = 4.0


def correlate(values: Floats, longest: int) -> tuple[Floats, NDArray[Any]]:
    """Return the strongest correlation of each pair over all lags, and that lag.

    Parameters
    ----------
    values : float64 [S, T]; NaN is "no sample". Deviations in sigmas are best: they have neither
        season nor unit. Beyond four counts as four: else two that merely jump in the same minutes
        would be as alike as cause and effect
    longest : columns that one series may run ahead of the other

    Returns
    -------
    strength : float64 [S, S], absolute Pearson correlation, symmetric, 1 on the diagonal; NaN where
        a series is constant or too little is shared
    lead : int [S, S], by how many columns the row runs ahead of the column; antisymmetric

    Notes
    -----
    Of equal strengths the shortest lag counts. The cost is S squared times T times the lags, in
    matrix products.
    """
    known = np.isfinite(values)
    mask = known.astype(np.float64)
    filled = np.where(known, np.clip(values, -_CLIP, _CLIP), 0.0)
    size = len(values)
    strength = np.full((size, size), np.nan)
    lead = np.zeros((size, size), dtype=np.int64)
    width = values.shape[1]
    for lag in range(min(longest, width - 1) + 1):
        here = _pearson(filled, mask, lag)
        for r, sign in ((here, lag), (here.T, -lag)):
            better = np.isfinite(r) & ~(r <= strength + 1e-9)
            strength[better] = r[better]
            lead[better] = sign
    np.fill_diagonal(strength, 1.0)
    np.fill_diagonal(lead, 0)
    return strength, lead


def _pearson(filled: Floats, mask: Floats, lag: int) -> Floats:
    """Return |r| of each row with each row `lag` columns later, float64 [S, S]."""
    width = filled.shape[1] - lag
    a, b = filled[:, :width], filled[:, lag:]
    ma, mb = mask[:, :width], mask[:, lag:]
    count = ma @ mb.T
    sum_a, sum_b = a @ mb.T, ma @ b.T
    product = count * (a @ b.T) - sum_a * sum_b
    spread_a = count * ((a * a) @ mb.T) - sum_a**2
    spread_b = count * (ma @ (b * b).T) - sum_b**2
    spread = spread_a * spread_b
    is_usable = (count >= MIN_SHARED) & (spread_a > 1e-9) & (spread_b > 1e-9)
    r = np.full(product.shape, np.nan)
    r[is_usable] = np.abs(product[is_usable]) / np.sqrt(spread[is_usable])
    capped: Floats = np.minimum(r, 1.0)
    return capped
