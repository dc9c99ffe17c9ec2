"""Are the measures and rulers of the forecast benchmark those of the M4 competition?"""

import numpy as np
import pytest

from benchmarks.forecasts.measures import Accuracy, accuracy, scales
from benchmarks.forecasts.naive2 import is_seasonal, naive2, seasonal_indices

NAN = np.nan


def test_measures_by_hand() -> None:
    past = [np.array([1.0, 2.0, 3.0, 5.0]), np.array([10.0, 10.0, 20.0])]
    scale = scales(past, 2)
    assert scale.tolist() == [2.5, 10.0]  # (2 + 3) / 2 and 10
    came = np.array([[4.0, 6.0], [10.0, NAN]])
    mean = np.array([[4.0, 3.0], [30.0, 7.0]])
    told = accuracy(
        came,
        mean,
        scale,
        naive2=Accuracy(100.0, 1.0),
        lower=mean - 1,
        upper=mean + 1,
        coverage=0.9,
    )
    smape = ((0 + 200 * 3 / 9) / 2 + 200 * 20 / 40) / 2
    mase = ((0 + 3 / 2.5) / 2 + 20 / 10) / 2
    assert told.smape == pytest.approx(smape)
    assert told.mase == pytest.approx(mase)
    assert told.owa == pytest.approx((smape / 100 + mase) / 2)
    assert told.coverage == pytest.approx((0.5 + 0.0) / 2)
    # Width 2, and 2 / 0.1 = 20 for each unit outside: 2 above, 19 below.
    assert told.msis == pytest.approx(((2 + 2 + 20 * 2) / 2 / 2.5 + (2 + 20 * 19) / 10) / 2)


def test_two_zeros_are_no_percentage_error() -> None:
    assert accuracy(np.zeros((1, 2)), np.zeros((1, 2)), np.ones(1)) == pytest.approx(
        Accuracy(0.0, 0.0), nan_ok=True
    )


def test_a_series_without_scale_counts_in_all_that_needs_none() -> None:
    rounded = np.full(5, 1e9)
    rounded[2] = np.nextafter(1e9, np.inf)
    past = [np.ones(5), np.ones(2), rounded, np.arange(5.0)]
    np.testing.assert_array_equal(scales(past, 2), [NAN, NAN, NAN, 2.0])
    scale = np.array([NAN, NAN, 2.0])
    told = accuracy(np.full((3, 1), 2.0), np.array([[2.0], [6.0], [6.0]]), scale)
    assert told.smape == pytest.approx((0 + 100 + 100) / 3)
    assert told.mase == 2.0
    nothing = accuracy(np.ones((1, 1)), np.ones((1, 1)), np.array([NAN]))
    assert np.isnan(nothing.mase)


@pytest.mark.parametrize("season", [4, 5, 24])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_naive2_goes_on_with_a_season_that_is_a_factor(season: int, more: int) -> None:
    pattern = np.random.default_rng(season).uniform(50, 150, season)
    values = np.resize(pattern, 8 * season + more + 7)
    told = naive2([values[:-7]], season, 7)
    np.testing.assert_allclose(told, values[None, -7:])


def test_indices_are_ratios_to_a_centred_moving_average() -> None:
    values = np.array([1.0, 3.0, 2.0, 4.0, 3.0, 5.0, 4.0])
    # Averages 0.5 a + b + 0.5 c of neighbours, over 2, from the second value to the last but one.
    trend = [2.25, 2.75, 3.25, 3.75, 4.25]
    even = np.mean([2.0 / trend[1], 3.0 / trend[3]])
    odd = np.mean([3.0 / trend[0], 4.0 / trend[2], 5.0 / trend[4]])
    expected = np.array([even, odd]) / np.mean([even, odd])
    np.testing.assert_allclose(seasonal_indices(values, 2), expected)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(3).normal(100, 1, 200),
        np.full(200, 5.0),
        np.resize([1.0, 2.0, 3.0, 4.0], 11),
        np.resize([0.0, 0.0, 0.0, 1.0], 40),
        np.resize([-1.0, 1.0, -1.0, 1.5], 40),
    ],
    ids=["noise", "constant", "short", "zeros", "around-zero"],
)
def test_naive2_is_naive_where_no_season_can_be_told(values: np.ndarray) -> None:
    assert naive2([values], 4, 3).tolist() == [[values[-1]] * 3]


def test_the_season_is_tested_at_90_percent() -> None:
    rng = np.random.default_rng(5)
    found = np.mean([is_seasonal(rng.normal(size=240), 12) for _ in range(2000)])
    assert 0.07 < found < 0.12
    assert not is_seasonal(rng.normal(size=240), 1)
