"""What slope has a window of samples, and how sure is that when its noise remembers?

Least squares on an even grid needs no refit: a polynomial's coefficients are the samples times a
fixed orthonormal basis. Noise that is correlated with itself makes slopes of two windows differ
far more than their residuals suggest, and the residuals themselves look less correlated than the
noise is, because the polynomial has followed it. Both follow exactly from the basis for noise with
the autocorrelations r^lag, so the correction is a table over what is seen in the residuals.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from exporter.core.series import Floats

_STICKIEST: Final = 0.995
_GRID: Final = 64
"""Autocorrelations of the noise for which the table is computed."""

SLOTS: Final = 256
"""Entries of the table, evenly over the autocorrelations 0 to 1 of residuals."""


@dataclass(frozen=True, slots=True, eq=False)
class Trend:
    """Least squares of one degree over two adjacent windows of W samples.

    Parameters
    ----------
    basis : float64 [degree + 1, W], orthonormal polynomials; the first is the constant
    slopes : float64 [degree + 1], slope per sample of each in the middle of the window
    doubt : float64 [SLOTS], variance of the difference of the two slopes in units of the sum of
        squared residuals of both windows, by the residuals' lag-one autocorrelation
    """

    basis: Floats
    slopes: Floats
    doubt: Floats


@lru_cache(maxsize=16)
def trend(window: int, degree: int) -> Trend:
    """Return the fit for windows of `window` samples.

    Raises
    ------
    ValueError
        The window has not two samples more than the polynomial has coefficients.
    """
    if window < degree + 3:
        raise ValueError(
            f"found a window of {window} samples for degree {degree}; at least degree + 3"
        )
    place = np.linspace(-1.0, 1.0, window)
    powers = np.vander(place, degree + 1, increasing=True)
    basis, triangle = np.linalg.qr(powers)
    at_the_middle = np.zeros(degree + 1)
    at_the_middle[1] = 2.0 / (window - 1)  # of x^1; odd powers above vanish there
    slopes = np.linalg.solve(triangle.T, at_the_middle)
    return Trend(np.ascontiguousarray(basis.T), slopes, _doubt(basis, basis @ slopes))


def _doubt(basis: Floats, weights: Floats) -> Floats:
    """Return the table of `Trend.doubt` for a basis [W, degree + 1] and the weights [W]."""
    window = len(weights)
    lags = np.abs(np.subtract.outer(np.arange(window), np.arange(window)))
    seen, doubt = np.empty(_GRID), np.empty(_GRID)
    for place, likeness in enumerate(_STICKIEST * np.sin(np.linspace(0.0, np.pi / 2, _GRID))):
        noise = likeness**lags
        across = basis.T @ noise
        left = noise - basis @ across
        left -= (left @ basis) @ basis.T  # covariance of the residuals
        energy = 2.0 * np.trace(left)
        seen[place] = 2.0 * np.trace(left, 1) / energy
        behind = likeness ** np.arange(window)
        between = (weights @ behind[::-1]) * (weights @ behind) * likeness
        doubt[place] = 2.0 * (weights @ noise @ weights - between) / energy
    return np.interp(np.linspace(0.0, 1.0, SLOTS), seen, doubt)
