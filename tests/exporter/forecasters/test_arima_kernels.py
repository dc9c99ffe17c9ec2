"""Do the filters of ARIMA do what their formulas say, compiled or not?"""

from collections.abc import Iterator
from types import ModuleType
from typing import Final

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from exporter.core.series import Floats
from exporter.forecasters import arima, arima_filters, arima_fit, arima_kernels
from exporter.forecasters.arima import Arima
from exporter.forecasters.arima_filters import (
    AUTOREGRESSION,
    DIFFERENCE,
    LEVEL,
    MOST_COEFFICIENTS,
    MOVING_AVERAGE,
    Chain,
    innovations,
    is_settled,
    unwind,
)
from exporter.forecasters.arima_fit import levinson, settle, solve
from exporter.forecasters.arima_kernels import calm
from exporter.forecasters.history import History, history_of

MODULES: Final[tuple[ModuleType, ...]] = (arima, arima_filters, arima_fit, arima_kernels)


@pytest.fixture
def interpreted() -> Iterator[None]:
    """Let the kernels be the Python that they are written in."""
    with pytest.MonkeyPatch.context() as patch:
        for module in MODULES:
            for name, kernel in list(vars(module).items()):
                if isinstance(kernel, Dispatcher):
                    patch.setattr(module, name, kernel.py_func)
        yield


def history() -> History:
    rng = np.random.default_rng(8)
    values = np.cumsum(rng.standard_normal((2, 90)), 1)
    values[1] += 20 * np.sin(np.pi * np.arange(90) / 3)
    values[0, :60] = np.nan
    values[1, 50] = 1e6
    return history_of(values, 6, 12)


SETTINGS: Final = {
    "auto": Arima(),
    "day": Arima(season="day"),
    "week": Arima(season="week"),
    "fixed": Arima(order=(3, 1, 2), seasonal=(1, 1, 1)),
    "bare": Arima(order=(0, 2, 0)),
}


@pytest.fixture(params=SETTINGS)
def told(request: pytest.FixtureRequest) -> tuple[Arima, Floats]:
    forecaster = SETTINGS[request.param]
    return forecaster, forecaster.foretell(history(), np.array([10, 70, 80, 90]), 7)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_compiled_or_not_the_forecasts_are_the_same(
    told: tuple[Arima, Floats], interpreted: None
) -> None:
    forecaster, compiled = told
    slow = forecaster.foretell(history(), np.array([10, 70, 80, 90]), 7)
    np.testing.assert_allclose(slow, compiled, rtol=1e-6)
    assert np.isfinite(compiled[1]).all()


def seasonal_chain() -> tuple[Chain, Floats]:
    stages = np.array(
        [
            (DIFFERENCE, 4, 1),
            (LEVEL, 0, 1),
            (AUTOREGRESSION, 4, 1),
            (AUTOREGRESSION, 1, 2),
            (MOVING_AVERAGE, 4, 1),
            (MOVING_AVERAGE, 1, 2),
        ]
    )
    coefficients = np.zeros((6, MOST_COEFFICIENTS))
    coefficients[:, 0] = 1.0, 0.3, 0.5, 0.4, -0.6, 0.2
    coefficients[3, 1], coefficients[5, 1] = 0.2, 0.1
    return Chain(*(stages[:, i].copy() for i in range(3))), coefficients


def test_innovations_are_what_the_polynomials_leave() -> None:
    chain, c = seasonal_chain()
    x = np.zeros((7, 60))
    x[0] = np.random.default_rng(1).standard_normal(60)
    begin = innovations(chain, c, 0, 0, 60, x)
    assert begin == 4 + 4 + 2
    w = x[0, 4:] - x[0, :-4] - 0.3
    ar = np.polymul([-0.5, 0, 0, 0, 1.0], [-0.2, -0.4, 1.0])[::-1]
    ma = np.polymul([-0.6, 0, 0, 0, 1.0], [0.1, 0.2, 1.0])[::-1]
    e = np.zeros(len(w))
    for t in range(6, len(w)):
        e[t] = ar @ w[t - 6 : t + 1][::-1] - ma[1:] @ e[t - 6 : t][::-1]
    np.testing.assert_allclose(x[-1, 4:], e, atol=1e-12)


def test_a_series_without_surprises_is_what_was_forecast() -> None:
    chain, c = seasonal_chain()
    x = np.zeros((7, 60))
    x[0] = np.random.default_rng(1).standard_normal(60)
    innovations(chain, c, 0, 0, 40, x)
    path = np.empty(20)
    unwind(chain, c, x, 40, np.empty((7, 20)), path)
    x[0, 40:] = path
    innovations(chain, c, 0, 0, 60, x)
    np.testing.assert_allclose(x[-1, 40:], 0.0, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_settled_means_that_all_roots_are_outside(seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(-1, 1, 3)
    roots = np.abs(np.roots([-weights[2], -weights[1], -weights[0], 1.0]))
    assert is_settled(weights, 1.0) == (roots.min() > 1.0)
    settle(weights, 1.0)
    assert is_settled(weights, 1.0)


def test_what_never_settles_is_dropped() -> None:
    weights = np.array([np.nan, 0.5])
    settle(weights, -1.0)
    assert weights.tolist() == [0.0, 0.0]


def test_the_long_autoregression_solves_the_yule_walker_equations() -> None:
    w = np.random.default_rng(6).standard_normal(300).cumsum()
    weights = np.zeros(4)
    levinson(w, 0, 300, weights)
    covariance = [w[lag:] @ w[: 300 - lag] for lag in range(5)]
    matrix = [[covariance[abs(i - j)] for j in range(4)] for i in range(4)]
    np.testing.assert_allclose(weights, np.linalg.solve(matrix, covariance[1:]), rtol=1e-4)


def test_only_systems_that_have_a_solution_are_solved() -> None:
    right = np.array([1.0, 2.0])
    assert solve(np.array([[4.0, 0.0], [1.0, 3.0]]), right)
    np.testing.assert_allclose(right, np.linalg.solve([[4.0, 1.0], [1.0, 3.0]], [1.0, 2.0]))
    assert not solve(np.ones((2, 2)), right)


def test_glitches_are_held_unless_they_stay_or_are_of_the_season() -> None:
    values = np.resize([1.0, 2.0, 3.0, 50.0], 60)
    values[30], values[41:45] = 1e4, 1e5
    out = np.empty(60)
    calm(values, 60, 60, 4, out)
    wanted = values.copy()
    wanted[30], wanted[41:43] = values[29], values[40]
    np.testing.assert_array_equal(out[:45], wanted[:45])
