"""Does exponential smoothing follow level, trend, day and week, and no glitch?"""

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters import smoothing
from exporter.forecasters.exponential_smoothing import ExponentialSmoothing
from exporter.forecasters.history import history_of
from exporter.forecasters.smoothing_fit import fit, foretell_rows, keep
from exporter.forecasters.smoothing_models import MOVES, Model, starts
from exporter.forecasters.smoothing_start import begin, take_shape, usual_step

NO_CLIP = 1e300


def smoothed(
    samples: Floats,
    parameters: Floats,
    start: Floats,
    day: Floats,
    week: Floats,
    horizon: int,
    clip: float = NO_CLIP,
) -> Floats:
    """Return the forecast [H] of given parameters, those of one lane among others."""
    z = np.full((smoothing.LANES, smoothing.PARAMETERS), 0.4)
    z[3] = parameters
    parts = np.ones((smoothing.LANES, smoothing.PARTS))
    sizes = np.array([len(day), len(week)])
    bench = np.zeros(smoothing.QUANTITIES * smoothing.LANES)
    in_day, in_week = np.empty(len(day) * smoothing.LANES), np.empty(len(week) * smoothing.LANES)
    for lane in range(smoothing.LANES):
        uncompiled(smoothing.set_parameters)(bench, lane, z[lane], parts[lane])
    uncompiled(smoothing.set_state)(bench, in_day, in_week, parts, start, day, week)
    floor = smoothing.LEAST_SCALE * start[2]
    uncompiled(smoothing.smooth)(bench, in_day, in_week, sizes, 0, samples, floor, clip)
    out = np.empty(horizon)
    uncompiled(smoothing.path)(bench, in_day, in_week, sizes, len(samples), 3, out)
    return out


@pytest.mark.parametrize(
    ("parameters", "slope", "day", "expected"),
    [
        ((0.3, 0.0, 1.0, 0.0), 0.0, (), (65.07269598,) * 4),
        ((0.3, 0.1, 1.0, 0.0), 0.5, (), (65.89773527, 65.99866909, 66.09960291, 66.20053672)),
        ((0.3, 0.1, 0.9, 0.0), 0.5, (), (65.37191861, 65.3335926, 65.29909919, 65.26805511)),
        (
            (0.3, 0.1, 0.9, 0.2),
            0.5,
            (1.0, 3.0, 2.0, -1.0, -3.0, -2.0),
            (67.38920111, 71.55685622, 71.30132843, 67.45639207),
        ),
    ],
    ids=["simple", "holt", "damped", "holt-winters"],
)
def test_the_recursion_is_that_of_statsmodels(
    parameters: tuple[float, ...], slope: float, day: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    """Compare with statsmodels 0.15.0.

    `ExponentialSmoothing(y, trend="add", damped_trend=True, seasonal="add", seasonal_periods=6,
    initialization_method="known", initial_level=48.0, initial_trend=0.5, initial_seasonal=day)
    .fit(smoothing_level=0.3, smoothing_trend=0.1, damping_trend=0.9, smoothing_seasonal=0.2,
    optimized=False).forecast(4)`, and without what a model has not.
    """
    i = np.arange(60)
    y = 50 + 0.3 * i + 5 * np.sin(2 * np.pi * i / 6) + ((i * 37) % 11 - 5) * 0.4
    alpha, beta, phi, gamma = parameters
    z = np.array([alpha, beta, phi, gamma / (1 - alpha), 0.0, 0.0])
    start = np.array([48.0, slope, 1.0])
    told = smoothed(y, z, start, np.array(day or (0.0,)), np.zeros(1), 4)
    np.testing.assert_allclose(told, expected, atol=1e-6)


def test_double_seasonal_is_taylors() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(10.0, 2.0, 70)
    alpha, gamma, omega, rho = 0.1, 0.2, 0.3, 0.6
    day, week = rng.normal(size=4), rng.normal(size=12)
    z = np.array([alpha, 0.0, 1.0, gamma / (1 - alpha), omega / (1 - alpha), rho])
    told = smoothed(y, z, np.array([9.0, 0.0, 1.0]), day, week, 20)

    level, error = 9.0, 0.0
    d, w = list(day), list(week)  # what belongs to column t stands at place t
    for t, sample in enumerate(y):
        error = sample - (level + d[t] + w[t])
        level += alpha * error
        d.append(d[t] + gamma * error)
        w.append(w[t] + omega * error)
    n = len(y)
    expected = [level + d[n + h % 4] + w[n + h % 12] + rho ** (h + 1) * error for h in range(20)]
    np.testing.assert_allclose(told, expected, atol=1e-9)


def test_a_sample_far_away_counts_as_three_errors_until_six_were_not_believed() -> None:
    z = np.array([0.5, 0.0, 1.0, 0.0, 0.0, 0.0])
    start = np.array([0.0, 0.0, 1.0])
    none = np.zeros(1)

    def level(samples: list[float]) -> float:
        return float(smoothed(np.array(samples), z, start, none, none, 1, smoothing.CLIP)[0])

    assert level([100.0]) == pytest.approx(0.5 * smoothing.CLIP)
    assert level([-1e6, 0.0]) == pytest.approx(-0.25 * smoothing.CLIP)
    assert level([1e3] * smoothing.PATIENCE) < 50.0
    assert level([1e3] * (smoothing.PATIENCE + 1)) > 450.0


def wave(columns: int, season: int = 24, cycle: int = 168) -> Floats:
    """Return days that swing by 10 and weekends that lie 8 lower."""
    t = np.arange(columns)
    return 100.0 + 10 * np.sin(2 * np.pi * t / season) - 8.0 * (t % cycle >= cycle * 5 // 7)


def off(model: Model, values: Floats, truth: Floats) -> float:
    """Return the mean absolute error of the newest forecast."""
    columns = np.array([values.shape[1]])
    forecaster = ExponentialSmoothing(model=model)
    told = forecaster.foretell(history_of(values, 24, 168), columns, truth.shape[1])
    return float(np.abs(told[:, 0] - truth).mean())


def test_each_model_knows_what_the_one_before_does_not() -> None:
    rng = np.random.default_rng(1)
    t = np.arange(700)
    noise = rng.normal(0, 0.5, (10, 700))
    slope = noise + 0.2 * t
    assert off("holt", slope[:, :-48], slope[:, -48:]) < 0.3 * off(
        "simple", slope[:, :-48], slope[:, -48:]
    )
    day = noise + wave(700, cycle=10**6)
    assert (
        off("holt_winters", day[:, :-48], day[:, -48:])
        < 1.0
        < off("damped", day[:, :-48], day[:, -48:])
    )
    week = noise + wave(700)
    assert off("double_seasonal", week[:, :-48], week[:, -48:]) < 0.6 * off(
        "holt_winters", week[:, :-48], week[:, -48:]
    )


def test_auto_is_about_as_good_as_the_best_for_each_kind_of_series() -> None:
    noise = np.random.default_rng(2).normal(0, 1.0, (160, 748))
    noise[:40] = noise[:40].cumsum(1)
    noise[40:80] += wave(748)
    noise[80:120] += 0.1 * np.arange(748)
    values, truth = noise[:, :-48], noise[:, -48:]
    models: tuple[Model, ...] = ("simple", "holt", "damped", "holt_winters", "double_seasonal")
    for rows in np.split(np.arange(160), 4):
        best = min(off(model, values[rows], truth[rows]) for model in models)
        assert off("auto", values[rows], truth[rows]) < 1.1 * best


@pytest.mark.parametrize("model", ["auto", "simple", "holt", "holt_winters", "double_seasonal"])
@pytest.mark.parametrize("place", [100, 600, 690, 699])
def test_a_glitch_carries_nothing_away(model: Model, place: int) -> None:
    rng = np.random.default_rng(4)
    clean = wave(700) + rng.normal(0, 1, (5, 700))
    odd = clean.copy()
    odd[:, place] = 1e6
    now = np.array([700])
    forecaster = ExponentialSmoothing(model=model)
    one = forecaster.foretell(history_of(clean, 24, 168), now, 24)
    two = forecaster.foretell(history_of(odd, 24, 168), now, 24)
    assert np.abs(one - two).max() < 15.0


def test_a_new_level_is_believed_soon() -> None:
    values = np.random.default_rng(5).normal(0, 1, (10, 400))
    values[:, 380:] += 500.0
    told = ExponentialSmoothing().foretell(history_of(values), np.array([400]), 12)
    assert np.abs(told - 500.0).max() < 30.0
    constant = np.full((1, 400), 7.0)
    constant[:, 380:] = 3.0
    told = ExponentialSmoothing().foretell(history_of(constant), np.array([400]), 12)
    np.testing.assert_allclose(told, 3.0, atol=0.5)


def test_a_season_is_believed_once_it_was_seen_twice() -> None:
    values = wave(168 * 2)[None] + np.random.default_rng(6).normal(0, 0.1, (1, 336))
    history = history_of(values, 24, 168)
    origins = np.array([24, 47, 48, 335, 336])
    # A season of one column, or none, is none.
    plain = ExponentialSmoothing().foretell(history_of(values, 1, 0), origins, 24)
    told = ExponentialSmoothing().foretell(history, origins, 24)
    np.testing.assert_allclose(told[:, :2], plain[:, :2])
    day = np.abs(told[:, 2] - wave(72)[48:]).mean()
    assert day < 0.5 < np.abs(plain[:, 2] - wave(72)[48:]).mean()
    monday = wave(360)[336:]
    assert np.abs(told[:, 4] - monday).mean() < 1.0 < np.abs(told[:, 3, 1:] - monday[:-1]).mean()


def test_a_start_is_read_past_glitches() -> None:
    clean = wave(336)
    for place in (5, 200):
        odd = clean.copy()
        odd[place] = 1e6
        start, day, week = np.empty(3), np.empty(24), np.empty(168)
        uncompiled(begin)(odd, np.array([24, 168]), start, day, week)
        assert abs(start[1]) < 1e-9
        assert np.abs(start[0] + np.tile(day, 7) + week - clean[:168]).max() < 1e-9
    rest = np.tile([1.0, 3.0], 3)
    shape = np.empty(2)
    assert uncompiled(take_shape)(rest, shape) == 2.0
    assert shape.tolist() == [-1.0, 1.0]
    assert not rest.any()
    assert uncompiled(take_shape)(rest, np.empty(1)) == 0.0
    # Of two that disagree, the one that is nothing special is right.
    uncompiled(take_shape)(np.array([1.0, 9e6, -1.0, 1.1, 2.0, -1.1]), shape := np.empty(3))
    assert np.abs(shape).max() < 3.0
    start, none = np.empty(3), np.empty(1)
    uncompiled(begin)(np.arange(5.0, 65.0, 2.0), np.ones(2, dtype=np.int64), start, none, none)
    assert start.tolist() == [3.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([1.0, 3.0, 5.0, 4.0], 2.0),
        ([0.0] * 9 + [1.0, 2.0, 3.0, 9.0], 4 / 12),
        ([5.0] * 9 + [1e6, 5.0], 0.0),
    ],
)
def test_the_usual_step_is_no_glitch(samples: list[float], expected: float) -> None:
    assert uncompiled(usual_step)(np.array(samples)) == pytest.approx(expected)


def test_the_kernels_do_the_same_uncompiled() -> None:
    rng = np.random.default_rng(7)
    values = 5.0 + np.sin(np.arange(40) * np.pi / 2) + rng.normal(0, 0.1, (2, 40))
    history = history_of(np.where(np.arange(40) < [[0], [25]], np.nan, values), 4, 8)
    origins = np.array([9, 18, 19, 40])
    z, parts = starts("auto")
    slow = np.empty((2, 4, 5))
    uncompiled(foretell_rows)(
        history.values, history.first, np.array([4, 8]), origins, z, parts, MOVES, slow
    )
    fast = ExponentialSmoothing().foretell(history, origins, 5)
    np.testing.assert_allclose(fast, slow, rtol=1e-6)
    assert np.isnan(fast[1, :3]).all()
    assert np.isfinite(fast[1, 3]).all()

    sizes, start, day, week = np.array([4, 8]), np.empty(3), np.empty(4), np.empty(8)
    begin(values[0], sizes, start, day, week)
    found = []
    for kernel in (fit, uncompiled(fit)):
        bench, best = np.zeros(smoothing.QUANTITIES * smoothing.LANES), np.empty(11)
        memory = np.empty(4 * smoothing.LANES), np.empty(8 * smoothing.LANES)
        where = sizes, start, day, week, z[1], parts[1], MOVES
        kernel(values[0], 5, *where, bench, *memory, best)
        found.append(best)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)


def test_a_loss_is_how_far_forecasts_are_off() -> None:
    rng = np.random.default_rng(8)
    lanes = smoothing.LANES
    bench = rng.uniform(0.0, 1.0, smoothing.QUANTITIES * lanes)
    bench[smoothing.LOSS : smoothing.LOSS + lanes] = 0.0
    day, week, sizes = rng.normal(size=3 * lanes), rng.normal(size=6 * lanes), np.array([3, 6])
    told = np.empty(7)
    smoothing.path(bench, day, week, sizes, 11, 2, told)
    uncompiled(smoothing.look_ahead)(bench, day, week, sizes, 11, np.full(7, 4.0))
    weights = np.arange(12, 19)
    assert bench[smoothing.LOSS + 2] == pytest.approx((weights * np.abs(told - 4.0)).sum())
    best = np.empty(smoothing.PARAMETERS + smoothing.PARTS)
    uncompiled(keep)(np.arange(6.0), np.arange(6.0, 11.0), best)
    assert best.tolist() == list(range(11))
