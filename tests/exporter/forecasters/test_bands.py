"""Do bands hold what they promise, without being wider than they have to be?"""

import warnings
from typing import Final

import numpy as np
import pytest
from scipy.stats import norm, t

from exporter.core.series import Floats
from exporter.forecasters.auto import Auto
from exporter.forecasters.bands import (
    ERRORS_EACH,
    NEIGHBOURS,
    ORIGINS,
    OVERALL,
    forecast,
    passed_by,
    rolling_origins,
    surprise,
    weigh_errors,
)
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History, history_of
from exporter.forecasters.linear import Linear
from exporter.forecasters.seasonal_naive import SeasonalNaive
from tests.reference.forecasting import error_scale
from tests.reference.simulated import FAMILIES, PHI, simulated

NAN = np.nan
COLUMNS: Final = 336
HORIZON: Final = 24


def parts(family: str, rows: int) -> tuple[History, Floats]:
    """Return series of a family, and what comes after them."""
    values = simulated(family, rows, COLUMNS + HORIZON)
    return history_of(values[:, :COLUMNS], 24, 168), values[:, COLUMNS:]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("forecaster", "rows"), [(Auto(), 250), (SeasonalNaive(), 1000)], ids=lambda each: str(each)[:4]
)
def test_bands_hold_nine_in_ten(forecaster: Forecaster, rows: int, family: str) -> None:
    history, came = parts(family, rows)
    told = forecast(forecaster, history, HORIZON)
    assert 0.86 < ((came >= told.lower) & (came <= told.upper)).mean() < 0.94


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_bands_of_any_coverage_hold_it(coverage: float) -> None:
    history, came = parts("day and noise", 1000)
    told = forecast(SeasonalNaive(), history, HORIZON, coverage=coverage)
    assert abs(((came >= told.lower) & (came <= told.upper)).mean() - coverage) < 0.03


def test_bands_are_hardly_wider_than_who_knows_the_process_would_have_them() -> None:
    history, _ = parts("AR(1)", 250)
    told = forecast(Auto(), history, HORIZON)
    lead = np.arange(1, HORIZON + 1)
    true = 2 * norm.ppf(0.95) * np.sqrt((1 - PHI ** (2 * lead)) / (1 - PHI**2))
    assert (told.upper - told.lower).mean() / true.mean() < 1.25


@pytest.mark.parametrize("forecaster", [Auto(), SeasonalNaive(), Linear()], ids=lambda f: f.name)
def test_a_constant_has_a_band_without_width(forecaster: Forecaster) -> None:
    told = forecast(forecaster, history_of(np.full((2, 100), 3.5), 24), 24)
    for each in (told.mean, told.lower, told.upper, told.paths):
        np.testing.assert_allclose(each, 3.5, atol=1e-9)
    np.testing.assert_allclose(told.above, 0.0, atol=1e-9)


def test_errors_are_divided_by_their_scale_and_widened() -> None:
    rng = np.random.default_rng(2)
    errors = rng.standard_normal((2, 5, 20)) * np.sqrt(np.arange(1, 21))
    errors[:, 2:, 12:] = NAN
    errors[0, :, 15:] = NAN
    errors[1, 0] = NAN
    relative, scale, reach = weigh_errors(errors, 0.8)
    for row, seen in ((0, 5), (1, 4)):
        expected = error_scale(errors[row], NEIGHBOURS, OVERALL)
        np.testing.assert_allclose(scale[row], expected)
        wider = t.ppf(0.9, ERRORS_EACH * seen) / norm.ppf(0.9)
        divided = errors[row] / expected
        assert reach[row] == pytest.approx(wider * np.nanquantile(np.abs(divided), 0.8))
        known = ~np.isnan(divided)
        np.testing.assert_allclose(relative[row][known], wider * divided[known])
    np.testing.assert_array_equal(relative[0, 4, 12:], relative[0, 4, 11])  # stays what it was
    np.testing.assert_array_equal(relative[1, 0], 0.0)


@pytest.mark.parametrize(
    "errors",
    [
        np.array([[1.0] * 20, [NAN] * 20]),
        np.array([[1.0, 2.0], [1.0, 3.0]]),
        np.array([[np.inf] * 9, [1.0] * 9]),
    ],
    ids=["one-origin", "few", "overflow"],
)
def test_too_few_errors_tell_nothing(errors: Floats) -> None:
    with np.errstate(invalid="ignore"):
        for each in weigh_errors(errors[None], 0.9):
            assert np.isnan(each).all()


def test_paths_are_the_errors_on_either_side_of_the_mean() -> None:
    values = np.random.default_rng(4).standard_normal((3, 60))
    told = forecast(SeasonalNaive(), history_of(values), 5)
    assert told.paths.shape == (3, 2 * ORIGINS, 5)
    np.testing.assert_allclose(told.paths.mean(1), told.mean, atol=1e-12)
    # One step ahead the last sample was off by the difference to the next.
    origins = rolling_origins(60, 5, 0)
    off = values[:, origins] - values[:, origins - 1]
    wider = t.ppf(0.95, ERRORS_EACH * ORIGINS) / norm.ppf(0.95)
    np.testing.assert_allclose(told.paths[:, :ORIGINS, 0] - told.mean[:, :1], wider * off)


def test_nothing_leaves_the_range() -> None:
    values = np.abs(np.random.default_rng(4).standard_normal((3, 90)))
    told = forecast(Linear(window=4), history_of(values), 20, low=0.0, high=1.5)
    for each in (told.mean, told.lower, told.upper, told.paths):
        assert each.min() >= 0.0
        assert each.max() <= 1.5
    assert told.paths.min() == 0.0
    assert told.paths.max() == 1.5


def test_origins_reach_back_over_seasons_or_horizons_and_half_of_the_history() -> None:
    assert rolling_origins(1000, 24, 192).tolist() == list(range(808, 1000, 24))
    assert rolling_origins(1000, 48, 24).tolist() == list(range(808, 1000, 24))
    assert rolling_origins(100, 48, 192).tolist() == list(range(52, 100, 6))
    assert rolling_origins(5, 24, 192).tolist() == [1, 2, 3, 4]
    assert rolling_origins(1, 24, 192).tolist() == []


def test_highest_values_are_compared_with_highest_forecasts() -> None:
    told = np.array([[[1.0, 5.0], [1.0, 2.0], [4.0, 9.0]], [[NAN] * 2, [0.0, 0.0], [1.0, 1.0]]])
    came = np.array([[[7.0, 1.0], [1.0, 1.0], [5.0, NAN]], [[0.0] * 2, [2.0, 3.0], [0.0, 0.5]]])
    # Of the first row's last origin one lead is known; nothing of the second row's first.
    np.testing.assert_array_equal(passed_by(told, came), [[2.0, -1.0, 1.0], [-0.5, 3.0, -0.5]])
    np.testing.assert_array_equal(passed_by(told[1:, :2], came[1:, :2]), [[NAN, NAN]])


@pytest.mark.parametrize("columns", [1, 2, 9, 60])
def test_whatever_comes_there_is_a_band_or_none(columns: int) -> None:
    values = np.resize([1e300, -1e300, 1e200, 0.0], (4, columns))
    values[1], values[2, :-1], values[3] = NAN, NAN, 2e-308
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = forecast(SeasonalNaive(), history_of(values, 6), 12)
        none = forecast(SeasonalNaive(), history_of(values[:0], 6), 12)
    assert none.mean.shape == (0, 12)
    for each in (told.lower, told.upper, told.paths):
        assert np.isnan(each[1:3]).all()
        assert not np.isinf(each).any()
    np.testing.assert_array_equal(told.mean[3], 2e-308)


def test_a_young_series_has_a_band_of_its_own_history() -> None:
    values = simulated("AR(1)", 6, COLUMNS)
    for row, age in enumerate((COLUMNS, 300, 40, 36, 12, 1)):
        values[row, : COLUMNS - age] = NAN
    together = forecast(SeasonalNaive(), history_of(values, 24, 168), HORIZON)
    assert np.isfinite(together.upper[:5]).all()
    assert np.isfinite(together.paths[:5]).all()
    assert np.isfinite(together.above[:5]).all()
    assert np.isfinite(together.mean[5]).all()
    assert np.isnan(together.upper[5]).all()
    for row in range(6):
        alone = forecast(SeasonalNaive(), history_of(values[row : row + 1], 24, 168), HORIZON)
        for name in ("mean", "lower", "upper", "paths", "above", "below"):
            one, other = getattr(together, name)[row], getattr(alone, name)[0]
            if row != 1:  # which is about as old as the first, whose origins it shares
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_forecast_that_went_astray_lately_is_a_surprise() -> None:
    errors = np.full((4, 3, 4), 1.0)
    errors[1, 2] = 4.0
    errors[2, 2, 2:] = NAN
    errors[3, :2] = NAN
    np.testing.assert_allclose(surprise(errors), [0.0, np.sqrt(12.0), 0.0, 1.0])
    assert surprise(errors[:, :1]).tolist() == [0.0] * 4
    assert surprise(errors[:, :0]).tolist() == [0.0] * 4


def test_nobody_is_sure_where_a_series_goes_that_has_just_begun_to_rise() -> None:
    """Ten hours after a flat fortnight the band knows that it has been wrong, and is wide."""
    hours = np.arange(COLUMNS + HORIZON)
    noise = np.random.default_rng(2).normal(0.0, 0.05, (100, len(hours)))
    values = 50.0 + np.maximum(hours - (COLUMNS - 10), 0.0) + noise
    told = forecast(Auto(), history_of(values[:, :COLUMNS], 24, 168), HORIZON)
    came = values[:, COLUMNS:]
    assert ((came >= told.lower) & (came <= told.upper)).mean() > 0.8
    assert ((told.upper - told.lower)[:, -1] > 2.0).all()
