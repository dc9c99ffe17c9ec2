"""After how many samples does a series repeat itself?"""

from typing import Final

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from exporter.core.series import Floats, Ints

SHORTEST: Final = 3
"""Samples of the shortest period that is looked for."""

CLEAR: Final = 0.35
"""Autocorrelation from which a repetition counts. Over 240 samples of noise the largest of 80 lags
stays below 0.27 in 99 of 100 cases."""

PROMINENT: Final = 0.2
"""By how much a peak stands above the valley before it; wandering series have no such peaks."""

FUNDAMENTAL: Final = 0.85
"""A peak of this share of the highest is taken first: twice a period is a period, too."""

ROUNDING: Final = 1e-20
"""Variance, in units of the largest value squared, that rounding leaves of a constant."""


def autocorrelation(values: Floats, longest: int) -> Floats:
    """Return the autocorrelation [S, longest + 1] of each row around its straight line.

    NaN is left out; of every lag only the pairs with both samples count. The line is taken off
    because a series that drifts is like itself at every lag. Rows without variation give 0.

    Parameters
    ----------
    values : float64 [S, N], oldest first
    longest : largest lag, less than N
    """
    is_there = np.isfinite(values)
    here = is_there.astype(np.float64)
    flat = np.where(is_there, values, 0.0)
    top = np.abs(flat).max(1, initial=0.0)
    flat /= np.where(top > 0.0, top, 1.0)[:, None]  # squares of large values would overflow
    flat = _without_line(flat, here)
    product = _against_itself(flat, longest)
    gappy = ~is_there.all(1)
    pairs = np.tile(values.shape[1] - np.arange(longest + 1.0), (len(values), 1))
    if gappy.any():
        pairs[gappy] = np.rint(_against_itself(here[gappy], longest))
    variance = product[:, :1] / np.maximum(pairs[:, :1], 1.0)
    is_flat = variance <= ROUNDING
    scale = np.where(is_flat | (pairs < 1.0), np.inf, pairs * variance)
    return np.clip(product / scale, -1.0, 1.0)


def find_period(likeness: Floats) -> tuple[Ints, Floats]:
    """Return the period in samples, 0 for none, and the autocorrelation there, both [S].

    The shortest lag that is a clear and prominent peak and nearly as high as the highest such.

    Parameters
    ----------
    likeness : float64 [S, L + 2] from `autocorrelation`; periods of 3 to L samples are looked for
    """
    valley = np.minimum.accumulate(likeness, 1)
    inner = likeness[:, SHORTEST:-1]
    is_peak = (
        (inner > likeness[:, SHORTEST - 1 : -2])
        & (inner >= likeness[:, SHORTEST + 1 :])
        & (inner >= CLEAR)
        & (inner - valley[:, SHORTEST:-1] >= PROMINENT)
    )
    heights = np.where(is_peak, inner, 0.0)
    is_high = is_peak & (heights >= FUNDAMENTAL * heights.max(1, initial=0.0)[:, None])
    first = np.argmax(is_high, 1)
    found = is_high.any(1)
    lags = np.where(found, first + SHORTEST, 0).astype(np.int64)
    return lags, np.where(found, heights[np.arange(len(lags)), first], 0.0)


def _without_line(flat: Floats, here: Floats) -> Floats:
    """Return the rows [S, N] less their least-squares lines; 0 where there is no sample."""
    count = np.maximum(here.sum(1), 1.0)
    place = np.linspace(-1.0, 1.0, here.shape[1])[None, :] * here
    center = place.sum(1) / count
    place = (place - center[:, None]) * here
    mean = flat.sum(1) / count
    flat = (flat - mean[:, None]) * here
    square = np.einsum("sn,sn->s", place, place)
    slope = np.einsum("sn,sn->s", place, flat) / np.where(square > 0.0, square, 1.0)
    straightened: Floats = flat - slope[:, None] * place
    return straightened


def _against_itself(rows: Floats, longest: int) -> Floats:
    """Return the sum of products [S, longest + 1] of each row [S, N] with itself, shifted."""
    size = next_fast_len(rows.shape[1] + longest, real=True)
    power = np.square(np.abs(rfft(rows, size)))
    shifted: Floats = irfft(power, size)[:, : longest + 1]
    return shifted
