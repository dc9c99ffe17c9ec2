import numpy as np
import pytest
from scipy import special, stats

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.drift.base import CRITICAL, HIGH, MODERATE, NONE
from exporter.drift.ks import Ks, distances, fill_tails
from exporter.drift.kslaw import inside, limit_law, tail
from exporter.drift.samples import Reference, reference_of, samples_of


def independent(values: Floats) -> Reference:
    """Return the reference whose samples are all taken for independent."""
    found = reference_of(values)
    return Reference(found.samples, np.ones(len(values)))


def test_a_thousand_random_pairs_are_as_scipy_has_them() -> None:
    rng = np.random.default_rng(1)
    for number in range(1000):
        n, m = rng.integers(5, 60, 2)
        one, other = rng.normal(0, 1, n), rng.normal(rng.normal(0, 0.5), 1, m)
        if number % 3 == 0:
            one, other = np.round(one, 1), np.round(other, 1)
        expected = stats.ks_2samp(one, other, method="exact")
        drift = Ks().compare(independent(one[None]), samples_of(other[None]))
        assert drift.statistic[0] == pytest.approx(expected.statistic, abs=1e-12)
        assert drift.p_value[0] == pytest.approx(expected.pvalue, abs=1e-12)


def test_a_week_against_a_day_is_as_scipy_has_it() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(0, 1, (3, 2016)), rng.normal([[0.0], [0.1], [0.3]], 1, (3, 288))
    drift = Ks().compare(independent(one), samples_of(other))
    for row in range(3):
        expected = stats.ks_2samp(one[row], other[row], method="exact")
        assert drift.p_value[row] == pytest.approx(expected.pvalue, abs=1e-12)


def test_huge_samples_follow_the_limiting_law() -> None:
    assert tail(0.03, 5000, 5000) == pytest.approx(stats.kstwo.sf(0.03, 2500), rel=0.02)
    assert tail(0.001, 5000, 5000) == 1.0
    for distance in (0.1, 0.3, 0.8, 1.5, 2.5):
        expected = special.kolmogorov(distance)
        assert uncompiled(limit_law)(distance) == pytest.approx(expected, abs=1e-12)


def test_what_is_next_to_impossible_has_the_probability_of_its_bound() -> None:
    assert uncompiled(tail)(0.5, 2016, 288) == pytest.approx(2 * np.exp(-2 * 252 * 0.25), rel=1e-9)
    assert uncompiled(tail)(0.5, 4, 4) == tail(0.5, 4, 4)
    assert uncompiled(tail)(0.03, 5000, 5000) == tail(0.03, 5000, 5000)


def test_machine_code_does_what_is_written() -> None:
    rng = np.random.default_rng(3)
    one, other = np.sort(rng.integers(0, 9, (4, 20)) * 1.0), np.sort(rng.normal(4, 2, (4, 7)))
    count, others = np.array([20, 20, 0, 11]), np.array([7, 3, 7, 7])
    found = distances(one, count, other, others)
    np.testing.assert_array_equal(uncompiled(distances)(one, count, other, others), found)
    assert np.isnan(found[2])
    for distance in (0.0, 0.1, 0.4, 1.0):
        assert uncompiled(inside)(distance, 9, 6) == inside(distance, 9, 6)
    assert inside(0.0, 9, 6) == 0.0
    sizes, p_value = np.array([9, 9]), np.full(2, np.nan)
    told = np.array([True, False])
    uncompiled(fill_tails)(np.array([0.4, 0.4]), sizes, sizes, told, p_value)
    np.testing.assert_array_equal(p_value, [tail(0.4, 9, 9), np.nan])


def test_severity_grows_with_the_distance() -> None:
    rng = np.random.default_rng(4)
    one = rng.normal(0, 1, (4, 2016))
    other = rng.normal(0, 1, (4, 288)) + np.array([[0.0], [0.5], [1.0], [2.0]])
    drift = Ks().compare(independent(one), samples_of(other))
    np.testing.assert_array_equal(drift.severity, [NONE, MODERATE, HIGH, CRITICAL])
    assert drift.severity.dtype == np.int8


def test_a_great_distance_is_drift_among_many_series_if_samples_are_many() -> None:
    one = np.tile(np.linspace(0, 1, 400), (2000, 1))
    other = np.tile(np.linspace(0, 1, 34), (2000, 1))
    other[0] += 0.31  # alone 0.004, among 2000 series not rare
    severity = Ks().compare(independent(one), samples_of(other)).severity
    assert severity[0] == HIGH
    few = np.tile(np.linspace(0, 1, 24), (2000, 1))
    few[0] += 0.36
    assert Ks().compare(independent(one), samples_of(few)).severity[0] == NONE


def test_degrees_must_not_descend() -> None:
    with pytest.raises(ValueError, match="must not descend"):
        Ks(moderate=0.4)
