import numpy as np
import pytest
from scipy import integrate, stats

from exporter.core.kernels import uncompiled
from exporter.drift.base import CRITICAL, HIGH, MODERATE, NONE
from exporter.drift.samples import reference_of, samples_of
from exporter.drift.wasserstein import FARTHEST, Wasserstein, distances, spreads


def test_distances_are_as_scipy_has_them() -> None:
    rng = np.random.default_rng(1)
    for number in range(300):
        n, m = rng.integers(1, 90, 2)
        one, other = np.sort(rng.standard_t(2, n)), np.sort(rng.normal(1, 2, m))
        if number % 3 == 0:
            one, other = np.round(one), np.round(other)
        args = one[None], np.array([n]), other[None], np.array([m])
        expected = stats.wasserstein_distance(one, other)
        assert distances(*args)[0] == pytest.approx(expected, rel=1e-12)
        if number < 30:
            assert uncompiled(distances)(*args)[0] == pytest.approx(expected, rel=1e-12)


def test_the_deviation_of_normal_noise_is_its_own() -> None:
    ascending = np.sort(np.random.default_rng(2).normal(7, 3, (2, 20_000)))
    deviation, roughness = spreads(ascending, np.array([20_000, 20_000]))
    np.testing.assert_allclose(deviation, 3.0, rtol=0.02)
    law = stats.norm()
    expected, _ = integrate.quad(lambda x: np.sqrt(law.cdf(x) * law.sf(x)), -8, 8)
    np.testing.assert_allclose(roughness, 3.0 * expected, rtol=0.02)


def test_deviations_by_hand() -> None:
    ascending = np.array([[1.0, 2.0, 2.0, 5.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, np.nan, np.nan]])
    count = np.array([4, 4, 0])
    for function in (spreads, uncompiled(spreads)):
        deviation, roughness = function(ascending, count)
        assert deviation[0] == pytest.approx(np.sqrt(np.pi / 2))  # mean of 1, 0, 0 and 3 is 1
        assert roughness[0] == pytest.approx(np.sqrt(3 / 16) * (1 + 3))
        assert deviation[1] == 3e-12
        assert np.isnan(deviation[2])
    empty = np.array([0])
    assert np.isnan(uncompiled(distances)(ascending[:1], empty, ascending[:1], empty)[0])


def test_severity_follows_the_shift() -> None:
    rng = np.random.default_rng(3)
    one = rng.normal(0, 1, (4, 2016))
    other = rng.normal(0, 1, (4, 288)) + np.array([[0.0], [0.45], [0.75], [1.5]])
    drift = Wasserstein().compare(reference_of(one), samples_of(other))
    np.testing.assert_array_equal(drift.severity, [NONE, MODERATE, HIGH, CRITICAL])
    assert drift.statistic[3] == pytest.approx(1.5, abs=0.2)
    assert drift.statistic[0] < 0.1


def test_what_never_moved_is_beyond_measure_when_it_does() -> None:
    drift = Wasserstein().compare(reference_of(np.zeros((1, 99))), samples_of(np.ones((1, 9))))
    assert drift.statistic[0] == FARTHEST
    assert drift.severity[0] == CRITICAL
