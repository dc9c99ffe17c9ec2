"""The laws of a forecaster, for every entry of the table."""

import warnings
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exporter.core.series import Floats, Ints
from exporter.forecasters import ALL
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History, history_of

SMALL: dict[str, dict[str, Any]] = {}
"""Settings under which a forecaster says something within 40 samples; default: its own."""

LEVEL_DEPENDENT: frozenset[str] = frozenset({"auto", "seasonal_decomposition"})
"""Forecasters to which a level means something, such as those that take logarithms."""

LEARNS_FROM_ORIGINS: frozenset[str] = frozenset({"auto"})
"""Forecasters whose newest forecast depends on how they would have done at the other origins."""

ROUNDING: Final = 1e-6
"""Share of a row's greatest value that the order of additions may make up."""

FITTING: Final = 0.01
"""Share of a row's spread by which two fits of one thing may differ."""

UNITS: Final = ((1000.0, 0.0), (1e-3, 0.0), (1.0, 1e4), (2.0, -300.0), (-1.0, 0.0))
"""Factors and levels that turn one unit into another."""

FORECASTERS: Final = [kind(**SMALL.get(kind().name, {})) for kind in ALL]

every_forecaster = pytest.mark.parametrize(
    "forecaster", FORECASTERS, ids=lambda forecaster: forecaster.name
)

ordinary = st.floats(-1e6, 1e6, allow_nan=False, width=32)
awkward = st.one_of(
    ordinary, st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324])
)
horizons = st.integers(1, 9)


@st.composite
def histories(draw: st.DrawFn, elements: st.SearchStrategy[float] = ordinary) -> History:
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 40)))
    values = draw(arrays(np.float64, shape, elements=elements))
    for row, late in enumerate(draw(st.lists(st.integers(0, shape[1]), max_size=shape[0]))):
        values[row, :late] = np.nan
    season, cycle = draw(st.sampled_from([(0, 0), (2, 0), (5, 0), (3, 9), (24, 168)]))
    return history_of(values, season, cycle)


def origins_in(data: st.DataObject, history: History) -> Ints:
    columns = st.integers(1, history.values.shape[1])
    return np.array(sorted(data.draw(st.sets(columns, min_size=1, max_size=4))), dtype=np.int64)


def lively(season: int = 24) -> Floats:
    """Return float64 [S, T]: random walks, seasons, slow and fast noise, all above zero."""
    rng = np.random.default_rng(11)
    rows, columns = 8, 10 * season
    noise = rng.standard_normal((rows, columns))
    wave = np.sin(2 * np.pi * np.arange(columns) / season)
    values = 100.0 + noise
    values[:2] += 0.5 * np.cumsum(noise[:2], 1)
    values[2:6] += 10 * wave
    values[4:6] += 0.1 * np.arange(columns)
    return values


def assert_close(one: Floats, other: Floats, history: History) -> None:
    """Compare forecasts [S, R, H] of one history."""
    told = np.where(np.isfinite(history.values), np.abs(history.values), 0.0)
    tolerance = ROUNDING * (told.max(1) + 1.0)[:, None, None]
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    assert (np.isnan(one) | (np.abs(one - other) <= tolerance)).all()


def test_every_kind_has_a_name_of_its_own() -> None:
    names = [kind().name for kind in ALL]
    assert all(names)
    assert len(set(names)) == len(names)


@every_forecaster
@given(history=histories(), horizon=horizons, data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_comes_later_is_not_known(
    forecaster: Forecaster, history: History, horizon: int, data: st.DataObject
) -> None:
    origins = origins_in(data, history)
    cut = int(data.draw(st.sampled_from(origins.tolist())))
    shape = history.values[:, cut:].shape
    later = data.draw(arrays(np.float64, shape, elements=st.one_of(ordinary, st.just(1e300))))
    changed = history.values.copy()
    changed[:, cut:] = np.where(np.isnan(changed[:, cut:]), np.nan, later)
    known = History(changed, history.first, history.season, history.cycle)
    one = forecaster.foretell(history, origins, horizon)[:, origins <= cut]
    two = forecaster.foretell(known, origins, horizon)[:, origins <= cut]
    assert_close(one, two, history)


@every_forecaster
@given(history=histories(), horizon=horizons, data=st.data())
@settings(max_examples=40, deadline=None)
def test_the_newest_forecast_does_not_depend_on_which_others_are_asked_for(
    forecaster: Forecaster, history: History, horizon: int, data: st.DataObject
) -> None:
    origins = origins_in(data, history)
    newest = origins[-1:]
    until = np.minimum(history.first, newest)
    values = np.ascontiguousarray(history.values[:, : newest[0]])
    shorter = History(values, until, history.season, history.cycle)
    among_others = forecaster.foretell(history, origins, horizon)[:, -1:]
    if forecaster.name in LEARNS_FROM_ORIGINS:
        assert_close(among_others, forecaster.foretell(shorter, origins, horizon)[:, -1:], history)
        return
    assert_close(among_others, forecaster.foretell(history, newest, horizon), history)
    assert_close(among_others, forecaster.foretell(shorter, newest, horizon), history)


@every_forecaster
@given(history=histories(), horizon=horizons, data=st.data())
@settings(max_examples=40, deadline=None)
def test_series_are_independent(
    forecaster: Forecaster, history: History, horizon: int, data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(len(history.values)))))
    origins = origins_in(data, history)
    season = history.season, history.cycle
    whole = forecaster.foretell(history, origins, horizon)
    moved = History(history.values[order], history.first[order], *season)
    assert_close(whole[order], forecaster.foretell(moved, origins, horizon), moved)
    alone = history.rows(0, 1)
    assert_close(whole[:1], forecaster.foretell(alone, origins, horizon), alone)


@every_forecaster
@pytest.mark.parametrize("cut", [80, 150, 200])
def test_long_series_are_independent_of_the_future_and_of_each_other(
    forecaster: Forecaster, cut: int
) -> None:
    history = history_of(lively(), 24, 168)
    origins = np.array([80, 150, 200, 240])
    changed = history.values.copy()
    changed[:, cut:] = -10 * changed[:, cut:][:, ::-1]
    later = History(changed[::-1].copy(), history.first, 24, 168)
    one = forecaster.foretell(history, origins, 30)[:, origins <= cut]
    two = forecaster.foretell(later, origins, 30)[::-1][:, origins <= cut]
    assert np.isfinite(one).all()
    assert_close(one, two, history)


@every_forecaster
@given(history=histories(awkward), horizon=horizons, data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_comes_it_tells_or_cannot_tell(
    forecaster: Forecaster, history: History, horizon: int, data: st.DataObject
) -> None:
    origins = origins_in(data, history)
    before = history.values.copy(), history.first.copy(), origins.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = forecaster.foretell(history, origins, horizon)
    for array, kept in zip((history.values, history.first, origins), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert told.shape == (len(history.values), len(origins), horizon)
    assert told.dtype == np.float64
    is_told = np.isfinite(told)
    assert (is_told.all(2) | np.isnan(told).all(2)).all()
    assert not is_told[origins - history.first[:, None] < forecaster.least].any()


@every_forecaster
@pytest.mark.parametrize(
    "values",
    [
        np.full((2, 60), np.nan),
        np.full((2, 60), np.inf),
        np.array([[1.0]]),
        np.array([[1.0, 2.0], [np.nan, 1.0], [np.nan, np.nan]]),
        np.zeros((1, 60)),
        np.full((2, 60), 1e300),
        np.resize([1e300, -1e300], (1, 60)),
        np.resize([0.0, 5e-324], (1, 60)),
        np.eye(1, 60, 40),
        np.eye(1, 60, 59),
        np.empty((0, 60)),
    ],
    ids=[
        "all-nan",
        "inf",
        "one-sample",
        "hardly-any",
        "zeros",
        "huge",
        "overflowing",
        "tiny",
        "one-spike",
        "spike-at-the-end",
        "no-series",
    ],
)
@pytest.mark.parametrize("season", [(0, 0), (6, 0), (6, 42)], ids=["none", "day", "week"])
def test_degenerate_series_hurt_nobody(
    forecaster: Forecaster, values: Floats, season: tuple[int, int]
) -> None:
    columns = values.shape[1]
    history = history_of(values, *season)
    origins = np.unique(np.linspace(1, columns, 5).astype(np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told = forecaster.foretell(history, origins, 2 * columns)
    assert told.shape == (len(values), len(origins), 2 * columns)
    nothing = history.first == columns
    assert np.isnan(told[nothing]).all()


@every_forecaster
@pytest.mark.parametrize("constant", [0.0, 7.0, -0.3, 1e12])
@pytest.mark.parametrize("season", [(0, 0), (6, 0), (6, 42)], ids=["none", "day", "week"])
def test_a_constant_stays_what_it_is(
    forecaster: Forecaster, constant: float, season: tuple[int, int]
) -> None:
    history = history_of(np.full((3, 120), constant), *season)
    told = forecaster.foretell(history, np.array([60, 120]), 24)
    np.testing.assert_allclose(told, constant, rtol=ROUNDING, atol=ROUNDING)


@every_forecaster
def test_ordinary_series_have_a_forecast_from_every_origin(forecaster: Forecaster) -> None:
    values = lively()
    told = forecaster.foretell(history_of(values, 24, 168), np.array([80, 160, 240]), 24)
    assert np.isfinite(told).all()
    # Nowhere near where nothing has ever been.
    reach = 3 * np.ptp(values, axis=1)[:, None, None]
    assert (np.abs(told - values.mean(1)[:, None, None]) < reach).all()


@pytest.mark.parametrize(
    ("forecaster", "factor", "level"),
    [
        pytest.param(forecaster, factor, level, id=f"{forecaster.name}-{factor}-{level}")
        for forecaster in FORECASTERS
        for factor, level in UNITS
        if (factor > 0 and not level) or forecaster.name not in LEVEL_DEPENDENT
    ],
)
def test_units_do_not_matter(forecaster: Forecaster, factor: float, level: float) -> None:
    values = lively()
    origins = np.array([120, 200, 240])
    one = forecaster.foretell(history_of(values, 24, 168), origins, 24)
    other = forecaster.foretell(history_of(factor * values + level, 24, 168), origins, 24)
    tolerance = FITTING * values.std(1)[:, None, None]
    assert (np.abs(one - (other - level) / factor) <= tolerance).all()
