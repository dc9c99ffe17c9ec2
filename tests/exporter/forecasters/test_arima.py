"""Does ARIMA forecast what the models it stands for do, whatever happens to a few samples?"""

from typing import Final

import numpy as np
import pytest

from exporter.core.series import Floats
from exporter.forecasters.arima import Arima
from exporter.forecasters.history import History, history_of

FIXED: Final = Arima(order=(1, 1, 1))

STATSMODELS: Final = [
    [966.933, 967.66],
    [988.224, 988.174],
    [906.684, 906.685],
    [1055.944, 1055.967],
    [1000.895, 1001.436],
    [1045.819, 1045.453],
    [1007.361, 1007.194],
    [930.609, 930.574],
    [950.407, 950.422],
    [1072.102, 1072.075],
    [983.037, 983.041],
    [1007.259, 1007.247],
]
"""The 1st and the 24th value of `ARIMA(y, order=(1, 1, 1)).fit().forecast(24)` of
statsmodels.tsa.arima.model, version 0.14, for each y of `walks()`."""


def arma(rng: np.random.Generator, phi: float, theta: float, count: int) -> Floats:
    e = rng.standard_normal(count + 50)
    w = np.zeros(count + 50)
    for t in range(1, count + 50):
        w[t] = phi * w[t - 1] + e[t] + theta * e[t - 1]
    return w[50:]


def walks() -> Floats:
    """Return float64 [12, 2016]: integrated ARMA(1, 1) with all sorts of coefficients."""
    rows = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        e = rng.standard_normal(2066)
        phi, theta = rng.uniform(-0.8, 0.8, 2)
        w = np.zeros(2066)
        for t in range(1, 2066):
            w[t] = phi * w[t - 1] + e[t] + theta * e[t - 1]
        rows.append(1000.0 + np.cumsum(w[50:]))
    return np.array(rows)


def days(count: int, noise: float = 1.0) -> Floats:
    """Return hours with a day and a quiet weekend."""
    hour = np.arange(count)
    is_weekend = hour // 24 % 7 >= 5
    wave = 100.0 + 30.0 * np.sin(2 * np.pi * hour / 24) * np.where(is_weekend, 0.2, 1.0)
    return wave + noise * np.random.default_rng(5).standard_normal(count)


def ahead(forecaster: Arima, history: History, horizon: int = 24) -> Floats:
    """Return what comes after the end, float64 [S, H]."""
    end = np.array([history.values.shape[1]])
    return forecaster.foretell(history, end, horizon)[:, 0]


def test_forecasts_are_those_of_statsmodels() -> None:
    told = ahead(FIXED, history_of(walks()))[:, [0, 23]]
    np.testing.assert_allclose(told, STATSMODELS, rtol=1e-5)


def test_without_coefficients_it_is_seasonal_naive() -> None:
    values = days(24 * 20)
    forecaster = Arima(order=(0, 0, 0), seasonal=(0, 1, 0))
    told = ahead(forecaster, history_of(values[None], 24, 168), 30)
    np.testing.assert_allclose(told[0], np.resize(values[-24:], 30))
    weekly = Arima(order=(0, 0, 0), seasonal=(0, 1, 0), season="week")
    told = ahead(weekly, history_of(values[None], 24, 168), 30)
    np.testing.assert_allclose(told[0], values[-168:][:30])


def test_a_mean_is_returned_to_at_the_pace_of_the_coefficient() -> None:
    rng = np.random.default_rng(2)
    values = 50.0 + arma(rng, 0.8, 0.0, 5000)
    told = ahead(Arima(order=(1, 0, 0)), history_of(values[None]))[0]
    mean = values.mean()
    shares = (told[1:] - mean) / (told[:-1] - mean)
    np.testing.assert_allclose(shares, shares[0])
    assert shares[0] == pytest.approx(0.8, abs=0.03)


def test_a_ramp_goes_on() -> None:
    values = np.arange(500.0) + np.random.default_rng(3).standard_normal(500)
    told = ahead(Arima(), history_of(values[None]))[0]
    np.testing.assert_allclose(told, np.arange(500.0, 524.0), atol=2.0)


@pytest.mark.parametrize(
    ("weeks", "forecaster", "most"),
    [
        (4, Arima(), 1.5),
        (4, Arima(season="week"), 1.5),
        (2, Arima(season="week"), 2.0),
        (4, Arima(season="day"), 8.0),
    ],
    ids=["auto", "week", "two-weeks", "day"],
)
def test_the_weekend_is_foreseen(weeks: int, forecaster: Arima, most: float) -> None:
    values = days(24 * 7 * weeks + 24 * 5 + 48)
    told = ahead(forecaster, history_of(values[None, :-48], 24, 168), 48)[0]
    truth = days(len(values), 0.0)[-48:]
    error = np.abs(told - truth).mean()
    assert error < most
    naive = np.abs(np.resize(values[-72:-48], 48) - truth).mean()
    assert error < 0.5 * naive


def test_no_season_is_seen_where_none_is_wanted_or_known() -> None:
    values = days(24 * 21)[None]
    plain = ahead(Arima(season="none"), history_of(values, 24, 168))
    np.testing.assert_array_equal(plain, ahead(Arima(), history_of(values)))
    fixed = Arima(order=(1, 0, 1), seasonal=(0, 1, 1))
    np.testing.assert_array_equal(
        ahead(fixed, history_of(values)), ahead(Arima(order=(1, 0, 1)), history_of(values))
    )


@pytest.mark.parametrize("forecaster", [FIXED, Arima()], ids=["fixed", "auto"])
@pytest.mark.parametrize("place", [5, 300, 470, 503])
def test_one_glitch_of_a_million_turns_nothing(forecaster: Arima, place: int) -> None:
    values = days(504)
    spoilt = values.copy()
    spoilt[place] = 1e6
    history = history_of(np.array([values, spoilt]), 24, 168)
    clean, told = ahead(forecaster, history)
    assert np.abs(told - clean).max() < 20.0


def test_a_shift_is_followed_from_its_third_sample_on() -> None:
    values = np.random.default_rng(4).standard_normal(400)
    values[300:] += 1000.0
    origins = np.array([200, 302, 303, 400])
    told = Arima(order=(0, 1, 0)).foretell(history_of(values[None]), origins, 3)[0].mean(1)
    np.testing.assert_allclose(told, [values[199], values[299], values[302], values[399]])


def test_a_constant_stays_and_what_is_too_short_too() -> None:
    values = np.full((3, 400), np.nan)
    values[0] = 7.0
    values[1, -10:] = np.arange(10.0)
    for forecaster in (Arima(), FIXED, Arima(order=(2, 0, 2), seasonal=(1, 1, 1))):
        told = ahead(forecaster, history_of(values, 24, 168), 5)
        np.testing.assert_array_equal(told[0], 7.0)
        np.testing.assert_array_equal(told[1], 9.0)
        assert np.isnan(told[2]).all()


def test_a_season_waits_until_it_was_seen_often_enough() -> None:
    values = days(24 * 14)
    history = history_of(values[None], 24, 168)
    forecaster = Arima(order=(1, 0, 1), seasonal=(0, 1, 1))
    early = np.array([40])
    np.testing.assert_array_equal(
        forecaster.foretell(history, early, 12),
        Arima(order=(1, 0, 1)).foretell(history, early, 12),
    )


def test_an_automatic_order_has_no_seasonal_one_beside_it() -> None:
    with pytest.raises(ValueError, match=r"found seasonal: \[0, 1, 1\] beside order: auto"):
        Arima(seasonal=(0, 1, 1))
