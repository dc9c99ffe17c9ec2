"""Is ridge the regression that it says, and does it stay near what was seen?"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from exporter.core.series import Floats
from exporter.forecasters import ridge as module
from exporter.forecasters.history import history_of
from exporter.forecasters.ridge import NEAR_ZERO, Ridge
from tests.reference.forecasting import ridge as slow_ridge

HOURS = np.arange(400)


def told(forecaster: Ridge, values: Floats, horizon: int = 24, season: int = 24) -> Floats:
    history = history_of(np.atleast_2d(values), season)
    return np.asarray(forecaster.foretell(history, np.array([values.shape[-1]]), horizon)[:, 0])


def wavy(rows: int, columns: int = 400) -> Floats:
    rng = np.random.default_rng(7)
    noise = np.cumsum(rng.standard_normal((rows, columns)), 1) * 0.3
    return np.asarray(50 + 10 * np.sin(np.pi * np.arange(columns) / 12) + noise)


@contextmanager
def interpreted() -> Iterator[None]:
    """Let the kernels be the Python that they are written in."""
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in list(vars(module).items()):
            if isinstance(kernel, Dispatcher):
                patch.setattr(module, name, kernel.py_func)
        yield


@pytest.mark.parametrize(
    ("lags", "season", "used", "back"),
    [(None, 24, 24, 24), (30, 7, 30, 7), (9, 24, 9, 1), (None, 0, 48, 1), (300, 24, 94, 24)],
)
def test_it_is_the_regression_of_leads_on_lags(
    lags: int | None, season: int, used: int, back: int
) -> None:
    values = wavy(3)
    paths = told(Ridge(lags=lags, penalty=0.1), values, 24, season)
    for row, path in zip(values, paths, strict=True):
        np.testing.assert_allclose(path, slow_ridge(row, 24, used, back, 0.1), rtol=1e-8)


def test_asinh_is_the_same_of_transformed_samples() -> None:
    values = np.exp(wavy(2) / 20)
    paths = told(Ridge(transform="asinh"), values)
    for row, path in zip(values, paths, strict=True):
        unit = NEAR_ZERO * np.median(row)
        slow = unit * np.sinh(slow_ridge(np.arcsinh(row / unit), 24, 24, 24, 0.03))
        np.testing.assert_allclose(path, slow, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("forecaster", [Ridge(), Ridge(transform="asinh"), Ridge(lags=5)])
def test_compiled_or_not_the_forecasts_are_the_same(forecaster: Ridge) -> None:
    values = wavy(5, 90)
    values[1, :60] = np.nan
    values[2] = 1e300 * (-1.0) ** np.arange(90)
    values[3] = 5.0
    values[4] = 1e164 + 1.2e154 * (-1.0) ** np.arange(90)
    history, origins = history_of(values, 6), np.array([10, 60, 61, 90])
    fast = forecaster.foretell(history, origins, 7)
    with interpreted():
        slow = forecaster.foretell(history, origins, 7)
    np.testing.assert_allclose(slow, fast, rtol=1e-8)
    assert np.isfinite(fast[0, 1:]).all()
    assert np.isnan(fast[:, 0]).all()


def test_near_origins_share_a_fit_and_the_newest_has_its_own() -> None:
    values = wavy(1)
    history = history_of(values, 24)
    both = Ridge().foretell(history, np.array([300, 305, 400]), 24)[0]
    alone = [Ridge().foretell(history, np.array([o]), 24)[0, 0] for o in (300, 305, 400)]
    np.testing.assert_array_equal(both[[0, 2]], [alone[0], alone[2]])
    assert 0 < np.abs(both[1] - alone[1]).max() < 0.1 * np.ptp(values)


def test_a_season_on_a_line_goes_on() -> None:
    values = 3.0 * HOURS + 100 * np.sin(np.pi * HOURS / 12)
    ahead = np.arange(400, 424)
    expected = 3.0 * ahead + 100 * np.sin(np.pi * ahead / 12)
    assert np.abs(told(Ridge(penalty=1e-6), values)[0] - expected).max() < 1.0


def test_logarithms_follow_growth_that_multiplies() -> None:
    values = np.exp(0.005 * HOURS) * (2 + np.sin(np.pi * HOURS / 12))
    ahead = np.arange(400, 424)
    expected = np.exp(0.005 * ahead) * (2 + np.sin(np.pi * ahead / 12))
    plain, curved = (
        np.abs(told(Ridge(transform=transform), values)[0] - expected).mean()
        for transform in ("none", "asinh")
    )
    assert curved < 0.7 * plain


@pytest.mark.parametrize("transform", ["none", "asinh"])
@pytest.mark.parametrize("columns", [40, 60, 120, 336])
def test_it_never_shoots_away(transform: str, columns: int) -> None:
    rng = np.random.default_rng(columns)
    noise = rng.standard_normal((200, columns))
    bursts = np.where(rng.random((200, columns)) < 0.6, 0.0, rng.pareto(0.7, (200, columns)))
    bursts[::2] = np.where(bursts[::2] == 0.0, 1e-3, bursts[::2])  # these have a median
    growing = np.exp(0.2 * np.cumsum(np.abs(noise), 1))
    for values in (noise, np.cumsum(noise, 1), bursts, growing):
        forecaster = Ridge(transform="asinh" if transform == "asinh" else "none", penalty=1e-6)
        paths = told(forecaster, values)
        width = np.ptp(values, 1)[:, None]
        is_told = ~np.isnan(paths)
        assert is_told.any()
        inside = paths >= values.min(1)[:, None] - width
        inside &= paths <= values.max(1)[:, None] + width
        assert inside[is_told].all()


def test_few_windows_make_no_habit_of_noise() -> None:
    values = np.random.default_rng(3).standard_normal((300, 360))
    history = history_of(values[:, :336], 24, 168)
    paths = Ridge().foretell(history, np.array([336]), 24)[:, 0]
    naive = np.abs(values[:, 312:336] - values[:, 336:]).mean()
    assert np.abs(paths - values[:, 336:]).mean() < naive


def test_more_zeros_than_anything_have_no_logarithm() -> None:
    values = np.where(HOURS % 3 == 0, 5.0, 0.0)
    assert np.isnan(told(Ridge(transform="asinh"), values)).all()
    assert np.isfinite(told(Ridge(), values)).all()
