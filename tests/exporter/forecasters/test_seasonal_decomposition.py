"""Does a season's profile with a damped trend tell how seasonal series go on?"""

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters import seasonal_decomposition
from exporter.forecasters.history import history_of
from exporter.forecasters.seasonal_decomposition import SeasonalDecomposition
from exporter.forecasters.seasonal_naive import SeasonalNaive

HOURS = np.arange(5 * 168)
DAILY = 10 * np.sin(2 * np.pi * HOURS / 24)
WEEKLY = np.where(HOURS % 168 >= 120, -30.0, 0.0)


def told(
    values: Floats, horizon: int = 48, damping: float = 0.5, multiplicative: bool = True
) -> Floats:
    """Return [H] forecast from the end minus `horizon` columns of one hourly series."""
    history = history_of(values[None], 24, 168)
    forecaster = SeasonalDecomposition(damping=damping, multiplicative=multiplicative)
    paths = forecaster.foretell(history, np.array([len(values) - horizon]), horizon)
    return np.asarray(paths[0, 0])


@pytest.mark.parametrize("horizon", [1, 24, 48])
def test_seasons_on_a_line_go_on_exactly_while_nothing_is_damped(horizon: int) -> None:
    for values in (DAILY, DAILY + WEEKLY, DAILY + 0.5 * HOURS, DAILY + WEEKLY - 3.0 * HOURS):
        np.testing.assert_allclose(told(values, horizon, damping=1), values[-horizon:], atol=1e-6)


def test_seasons_that_are_a_factor_go_on_as_one() -> None:
    values = np.exp(0.002 * HOURS + 0.1 * DAILY)
    np.testing.assert_allclose(told(values, damping=1), values[-48:], rtol=1e-6)
    added = told(values, damping=1, multiplicative=False)
    assert np.abs(added - values[-48:]).max() > 0.01 * values.max()


def test_samples_at_or_below_zero_have_no_logarithm_and_need_none() -> None:
    values = np.maximum(DAILY, 0.0)
    np.testing.assert_allclose(told(values), values[-48:], atol=1e-9)


def test_damping_is_the_share_of_the_trend_left_after_a_season() -> None:
    values = DAILY + 0.5 * HOURS
    growth = np.diff(told(values, damping=0.5) - DAILY[-48:])
    np.testing.assert_allclose(growth[[23]], 0.5 * 0.5 ** (25 / 24), rtol=1e-6)


def test_one_bad_day_is_not_what_the_next_will_be() -> None:
    rng = np.random.default_rng(1)
    values = 100 + DAILY + 0.1 * rng.standard_normal(len(HOURS))
    calm = told(values)
    values[-48 - 20 : -48 - 10] += 200.0
    assert np.abs(told(values) - calm).max() < 20
    naive = SeasonalNaive().foretell(history_of(values[None], 24), np.array([len(HOURS) - 48]), 48)
    assert np.abs(naive[0, 0] - calm).max() > 190


def test_it_is_clearly_better_than_seasonal_naive_on_noise_weeks_and_wandering_levels() -> None:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((40, len(HOURS)))
    values = 200 + DAILY + WEEKLY + noise + 0.3 * noise[::-1].cumsum(1)
    history = history_of(values, 24, 168)
    origins = np.array([24 * 28, 24 * 29 + 7, 24 * 31])
    came = np.stack([values[:, origin : origin + 24] for origin in origins], 1)
    own, naive = (
        np.abs(forecaster.foretell(history, origins, 24) - came).mean()
        for forecaster in (SeasonalDecomposition(), SeasonalNaive())
    )
    assert own < 0.5 * naive


def test_repeats_the_last_sample_until_a_season_was_seen_twice() -> None:
    history = history_of(np.arange(60.0)[None], 24)
    paths = SeasonalDecomposition(damping=1).foretell(history, np.array([47, 48]), 2)
    np.testing.assert_allclose(paths[0], [[46, 46], [48, 49]])
    without = SeasonalDecomposition().foretell(history_of(np.arange(9.0)[None]), np.array([9]), 2)
    assert without[0, 0].tolist() == [8, 8]


def test_the_kernels_agree_with_their_uncompiled_selves(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    values = np.exp(0.1 * rng.standard_normal((3, 140)) + np.sin(np.arange(140) * np.pi / 2))
    values[1, 70] = -1.0
    values[2, :130] = np.nan
    history = history_of(values, 4, 28)
    origins = np.array([20, 100, 138, 140])
    expected = SeasonalDecomposition(days=5).foretell(history, origins, 6)
    for name in ("decompose", "weigh", "follow", "middle"):
        kernel = uncompiled(getattr(seasonal_decomposition, name))
        monkeypatch.setattr(seasonal_decomposition, name, kernel)
    slow = SeasonalDecomposition(days=5).foretell(history, origins, 6)
    np.testing.assert_allclose(slow, expected, rtol=1e-9)
    assert np.isnan(expected[2, :2]).all()
    assert np.isfinite(expected[:2]).all()
