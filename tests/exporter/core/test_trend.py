import numpy as np
import pytest

from exporter.core.trend import SLOTS, trend
from tests.exporter.detectors.simulated import remembering


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_fit_agrees_with_polyfit(degree: int) -> None:
    samples = np.random.default_rng(1).normal(size=30).cumsum()
    fit = trend(30, degree)
    polynomial = np.polynomial.Polynomial.fit(np.arange(30), samples, degree)
    parts = fit.basis @ samples
    np.testing.assert_allclose(parts @ fit.basis, polynomial(np.arange(30)))
    assert parts @ fit.slopes == pytest.approx(polynomial.deriv()(14.5))


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_doubt_is_what_simulation_finds(phi: float) -> None:
    """The variance of the difference of slopes over the residuals' sum of squares, 20,000 times."""
    fit = trend(50, 1)
    noise = remembering(np.random.default_rng(2).normal(size=(20_000, 300)), phi)[:, 200:]
    halves = noise.reshape(-1, 2, 50)
    parts = halves @ fit.basis.T
    rest = halves - parts @ fit.basis
    energy = (rest**2).sum((1, 2)).mean()
    again = (rest[..., 1:] * rest[..., :-1]).sum((1, 2)).mean() / energy
    slopes = parts @ fit.slopes
    found = (slopes[:, 1] - slopes[:, 0]).var() / energy
    asked = np.interp(max(again, 0.0), np.linspace(0.0, 1.0, SLOTS), fit.doubt)
    # White noise leaves residuals with a slightly negative autocorrelation, which counts as none.
    assert 0.95 * found < asked < (1.05 if phi else 1.15) * found


def test_doubt_grows_with_the_autocorrelation() -> None:
    doubt = trend(50, 2).doubt
    assert (np.diff(doubt) >= 0).all()
    assert doubt[-1] > 20 * doubt[0]


def test_windows_too_short_for_the_degree_are_refused() -> None:
    with pytest.raises(ValueError, match="at least degree \\+ 3"):
        trend(5, 3)
