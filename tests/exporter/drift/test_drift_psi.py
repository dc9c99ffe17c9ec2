import math

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.drift.base import CRITICAL, HIGH, MODERATE, NONE
from exporter.drift.psi import Psi, index_and_surprise, indices
from exporter.drift.samples import Reference, reference_of, samples_of
from tests.reference import drift as slow


def index_of(one: Floats, other: Floats) -> tuple[float, float, int]:
    """Return the index of two samples, chi-squared and the number of bins."""
    ascending = np.sort(one)[None], np.sort(other)[None]
    n, m = np.array([len(one)]), np.array([len(other)])
    args = ascending[0], n, ascending[1], m, n * 1.0, m * 1.0
    index, surprise, bins = indices(*args)
    for quick, plain in zip((index, surprise, bins), uncompiled(indices)(*args), strict=True):
        np.testing.assert_allclose(quick, plain, rtol=1e-12)
    return float(index[0]), float(surprise[0]), int(bins[0])


def test_two_bins_by_hand() -> None:
    # 90 + 10 against 15 + 5: both together 105 of 120 are low, so that 4.375 of 5 are added there.
    one, other = np.repeat([1.0, 2.0], [90, 10]), np.repeat([1.0, 2.0], [15, 5])
    p, q = 94.375 / 105, 19.375 / 25
    by_hand = (q - p) * math.log(q / p) + (p - q) * math.log((1 - q) / (1 - p))
    index, surprise, bins = index_of(one, other)
    assert index == pytest.approx(by_hand, rel=1e-12)
    assert bins == 2
    # Pearson: expected 87.5, 12.5, 17.5 and 2.5, each off by 2.5.
    assert surprise == pytest.approx(2.5**2 * (1 / 87.5 + 1 / 12.5 + 1 / 17.5 + 1 / 2.5), rel=1e-12)


def test_ten_bins_by_hand() -> None:
    # One sample in each tenth against all ten in the first.
    one, other = np.arange(10.0), np.zeros(10)
    low, high = (1 + 5 * 11 / 20) / 15, (10 + 5 * 11 / 20) / 15
    rest, none = (1 + 5 / 20) / 15, (5 / 20) / 15
    by_hand = (high - low) * math.log(high / low) + 9 * (none - rest) * math.log(none / rest)
    assert index_of(one, other)[0] == pytest.approx(by_hand, rel=1e-12)


def test_one_bin_by_hand() -> None:
    index, surprise = uncompiled(index_and_surprise)(0.5, 0.5, 20.0, 30.0)
    assert (index, surprise) == (0.0, 0.0)
    some, nothing = np.zeros((1, 3)), np.array([0])
    args = some, nothing, some, nothing, nothing * 1.0, nothing * 1.0
    assert np.isnan(uncompiled(indices)(*args)[0][0])


@pytest.mark.parametrize("n", [10, 33, 100, 2016])
def test_it_is_as_the_slow_twin_has_it(n: int) -> None:
    rng = np.random.default_rng(n)
    one, other = rng.normal(0, 1, n), rng.normal(0.5, 1.5, 57)
    assert index_of(one, other)[0] == pytest.approx(slow.psi(one.tolist(), other.tolist()))


def test_a_value_with_a_share_of_its_own_is_a_bin() -> None:
    one, other = np.repeat([0.0, 5.0], [900, 100]), np.repeat([-1.0, 0.0, 3.0, 5.0], [9, 81, 3, 7])
    _, _, bins = index_of(one, other)
    assert bins == 4  # below 0, 0, between, 5


def test_chance_alone_is_subtracted() -> None:
    rng = np.random.default_rng(5)
    reference = reference_of(rng.normal(0, 1, (500, 2000)))
    reference = Reference(reference.samples, np.ones(500))
    drift = Psi().compare(reference, samples_of(rng.normal(0, 1, (500, 50))))
    assert np.median(drift.statistic) < 0.03  # 0.2 if it were not
    assert (drift.severity == NONE).all()


def test_severity_follows_the_shift() -> None:
    rng = np.random.default_rng(6)
    one = rng.normal(0, 1, (4, 5000))
    other = rng.normal(0, 1, (4, 5000)) + np.array([[0.0], [0.4], [0.7], [1.2]])
    drift = Psi().compare(Reference(reference_of(one).samples, np.ones(4)), samples_of(other))
    np.testing.assert_array_equal(drift.severity, [NONE, MODERATE, HIGH, CRITICAL])
    assert drift.statistic[1] == pytest.approx(0.4**2, rel=0.15)
