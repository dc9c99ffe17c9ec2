import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.series import Floats, Ints
from exporter.forecasters.bands import Forecast, forecast
from exporter.forecasters.breach import Breach, Side, breach, chance
from exporter.forecasters.history import history_of
from exporter.forecasters.seasonal_naive import SeasonalNaive
from tests.reference.breach import interval, when_crossed

NOW = 1_700_000_000_000
HOUR = 3_600_000


def hours(count: int) -> Ints:
    return NOW + HOUR * np.arange(1, count + 1, dtype=np.int64)


def forecast_of(mean: Floats, errors: Floats, width: float = 0.0) -> Forecast:
    """Return a forecast whose paths are the mean [S, H] and errors [S, P, H]."""
    return shaped(mean, mean - width, mean + width, mean[:, None] + errors)


def shaped(mean: Floats, lower: Floats, upper: Floats, paths: Floats) -> Forecast:
    """Return a forecast whose extremes are those of the paths [S, P, H]."""
    with np.errstate(all="ignore"):
        above = paths.max(2) - mean.max(1)[:, None]
        below = mean.min(1)[:, None] - paths.min(2)
    return Forecast(mean, lower, upper, paths, above, below)


def told(
    forecast: Forecast,
    now_value: list[float],
    limit: list[float],
    direction: Side = "up",
    coverage: float = 0.9,
) -> Breach:
    return breach(
        forecast,
        np.array(now_value),
        np.array(limit),
        hours(forecast.mean.shape[1]),
        NOW,
        direction=direction,
        coverage=coverage,
    )


def in_hours(seconds: Floats) -> list[float]:
    return [(each - NOW / 1000) / 3600 for each in seconds.tolist()]


def test_a_straight_way_up_is_crossed_between_two_columns() -> None:
    mean = np.array([[1.0, 2.0, 3.0, 4.0]])
    errors = np.array([[[-1.0] * 4, [0.0] * 4, [1.0] * 4]])
    result = told(forecast_of(mean, errors, width=1.0), [0.0], [2.5])
    assert in_hours(result.timestamp) == [2.5]
    # The path above goes 2, 3, 4, 5 and the one below 0, 1, 2, 3; the edges do likewise.
    assert in_hours(result.earliest) == pytest.approx([1.5])
    assert in_hours(result.latest) == pytest.approx([3.5])
    assert 0.8 < result.probability[0] < 1.0  # greatest heights 3, 4, 5


def test_the_first_column_counts_from_the_newest_sample_and_milliseconds_matter() -> None:
    mean = np.full((2, 2), 3.0)
    result = told(forecast_of(mean, np.zeros((2, 2, 2))), [0.0, np.nan], [1.0, 1.0])
    assert result.timestamp.tolist() == [NOW / 1000 + 1200.0, NOW / 1000 + 3600.0]
    third = told(forecast_of(mean[:1], np.zeros((1, 2, 2))), [0.0], [1.0 + 1 / 1200])
    assert third.timestamp.tolist() == [NOW / 1000 + 1201.0]
    odd = told(forecast_of(mean[:1], np.zeros((1, 2, 2))), [0.0], [1.00000057])
    assert odd.timestamp.tolist() == [NOW / 1000 + 1200.001]


def test_what_is_beyond_already_is_so_now_even_without_a_forecast() -> None:
    mean = np.array([[0.0, 0.0], [np.nan, np.nan], [0.0, 0.0]])
    result = told(forecast_of(mean, np.zeros((3, 4, 2))), [5.0, 5.0, 4.0], [5.0, 4.0, np.inf])
    for times in (result.timestamp, result.earliest, result.latest):
        assert times[:2].tolist() == [NOW / 1000] * 2
    assert result.probability.tolist() == [1.0, 1.0, 0.0]
    assert result.timestamp[2] == np.inf


def test_there_is_no_telling_without_a_limit_a_forecast_or_a_band() -> None:
    mean = np.array([[1.0, 9.0], [np.nan, np.nan], [1.0, 9.0]])
    forecast = forecast_of(mean, np.zeros((3, 4, 2)))
    for array in (forecast.lower, forecast.upper, forecast.paths, forecast.above):
        array[2] = np.nan
    limit = [np.nan, 3.0, 5.0]
    result = told(forecast, [0.0] * 3, limit)
    for array in (result.timestamp, result.earliest, result.latest, result.probability):
        assert np.isnan(array[:2]).all()
    assert in_hours(result.timestamp[2:]) == [1.5]
    assert np.isnan([result.earliest[2], result.latest[2], result.probability[2]]).all()


def test_constants_are_certain_and_ends_of_what_is_possible_count() -> None:
    errors = np.zeros((3, 16, 4))
    errors[2] += np.linspace(0.1, 1.0, 16)[:, None]
    forecast = forecast_of(np.full((3, 4), 0.5), np.minimum(errors, 0.5))  # no ratio is above 1
    result = told(forecast, [0.4] * 3, [0.6, 0.5, 1.0])
    assert result.probability[:2].tolist() == [0.0, 1.0]
    at_the_end = (forecast.paths[2, :, 0] == 1.0).mean()
    assert result.probability[2] == pytest.approx(at_the_end, abs=0.06)


def test_an_interval_reaches_as_far_as_the_band_says_and_no_further() -> None:
    mean = np.array([[1.0, 2.0, 3.0, 4.0]])
    forecast = forecast_of(mean, np.zeros((1, 8, 4)), width=0.5)
    early = told(forecast, [0.0], [2.5])
    assert in_hours(early.earliest) == [2.0]  # the upper edge reaches 2.5 then, no path does
    assert in_hours(early.latest) == [2.5]
    wild = forecast_of(mean, np.array([[[-9.0] * 4] + [[0.0] * 4] * 7]), width=0.5)
    assert in_hours(told(wild, [0.0], [2.5]).latest) == [3.0]  # one path never gets there


def test_extremes_neither_raise_nor_warn() -> None:
    mean = np.array([[1e300, 1e300], [-1e300, 1e300], [0.0, 0.0], [1.0, 2.0]])
    errors = np.array([1e300, -1e300, 0.0, 1e-300])[:, None] * np.ones((4, 4, 2))
    result = told(
        forecast_of(mean, errors), [-1e300, -np.inf, 0.0, 0.0], [0.0, 1e299, 1e-9, -np.inf]
    )
    for array in (result.timestamp, result.earliest, result.latest, result.probability):
        assert not np.isnan(array).any()
    empty = breach(
        forecast_of(np.empty((0, 2)), np.empty((0, 4, 2))),
        np.empty(0),
        np.empty(0),
        hours(2),
        NOW,
        direction="up",
        coverage=0.9,
    )
    assert empty.timestamp.shape == empty.probability.shape == (0,)


courses = st.lists(
    st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4), min_size=2, max_size=9
)


@settings(max_examples=60, deadline=None)
@given(courses, st.floats(-5, 5, width=32), st.floats(-5, 5), st.sampled_from([0.5, 0.8, 0.9]))
def test_times_are_those_of_the_slow_twin_ordered_and_mirrored(
    paths: list[list[float]], start: float, limit: float, coverage: float
) -> None:
    many = np.array([paths])
    forecast = shaped(many[:, 0], many.min(1), many.max(1), many)
    result = told(forecast, [start], [limit], coverage=coverage)
    grid = [0.0, 1.0, 2.0, 3.0, 4.0]
    crossed = [when_crossed([start, *path], grid, limit) for path in paths]
    edges = [
        when_crossed([start, *edge], grid, limit)
        for edge in (many[0].min(0).tolist(), many[0].max(0).tolist())
    ]
    earliest, latest = interval(crossed, edges, coverage)
    assert in_hours(result.timestamp) == pytest.approx([crossed[0]], abs=1e-6)
    assert in_hours(result.earliest) == pytest.approx([min(earliest, crossed[0])], abs=1e-6)
    assert in_hours(result.latest) == pytest.approx([max(latest, crossed[0])], abs=1e-6)
    assert result.earliest[0] <= result.timestamp[0] <= result.latest[0]
    assert 0.0 <= result.probability[0] <= 1.0
    mirrored = shaped(-forecast.mean, -forecast.upper, -forecast.lower, -forecast.paths)
    down = told(mirrored, [-start], [-limit], "down", coverage)
    for name in ("timestamp", "earliest", "latest", "probability"):
        assert getattr(down, name).tolist() == getattr(result, name).tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=20),
    st.floats(-6, 6),
    st.floats(0, 3),
)
def test_a_higher_limit_is_never_likelier(peaks: list[float], limit: float, more: float) -> None:
    high = np.array([peaks, peaks])
    nearer, farther = chance(high, np.array([limit, limit + more]))
    assert farther <= nearer + 1e-12


def test_sixteen_paths_make_no_sixteenths() -> None:
    peaks = np.repeat(np.random.default_rng(1).normal(size=(1, 16)), 400, 0)
    smooth = chance(peaks, np.linspace(-3.0, 3.0, 400))
    assert np.abs(np.diff(smooth)).max() < 1 / 64
    assert smooth[0] > 0.98
    assert smooth[-1] < 0.02


@pytest.mark.parametrize("process", ["random walk", "trend and noise"])
@pytest.mark.parametrize(("innovations", "tolerance"), [("normal", 0.06), ("heavy-tailed", 0.1)])
def test_probabilities_are_kept(process: str, innovations: str, tolerance: float) -> None:
    """Of what is said to have probability p a share of p happens, in every tenth of p."""
    rng = np.random.default_rng(5)
    series, origins, leads = 12_000, 8, 24
    shape = (series, origins + 1, leads)
    draws = rng.normal(size=shape) if innovations == "normal" else rng.standard_t(3, size=shape)
    errors = draws.cumsum(2) if process == "random walk" else draws
    mean = rng.normal(0.0, 0.3, size=(series, 1)) * np.arange(1, leads + 1)
    past = errors[:, :-1]
    limit = np.maximum(mean.max(1), 0.0) + errors.std() * rng.normal(0.0, 1.5, size=series)
    is_below = limit > 0
    chances = told(
        forecast_of(mean[is_below], past[is_below]),
        [0.0] * int(is_below.sum()),
        list(limit[is_below]),
    ).probability
    came = ((mean + errors[:, -1]).max(1) >= limit)[is_below]
    tenth = np.minimum(chances * 10, 9).astype(np.int64)
    for each in range(10):
        there = tenth == each
        assert there.sum() > 100
        assert came[there].mean() == pytest.approx(chances[there].mean(), abs=tolerance)
    assert came.mean() == pytest.approx(chances.mean(), abs=0.02)


@pytest.mark.parametrize("process", ["random walk", "trend and noise", "season and noise"])
def test_probabilities_are_kept_by_real_forecasts(process: str) -> None:
    """Even of a forecast that repeats noise, to which its paths add noise again."""
    rng = np.random.default_rng(6)
    series, columns, horizon = 4000, 336, 24
    when = np.arange(columns + horizon)
    values = rng.normal(size=(series, columns + horizon))
    if process == "random walk":
        values = values.cumsum(1)
        usual, spread = values[:, columns - 1], np.sqrt(horizon)
    else:
        trend = rng.normal(0.0, 0.02, size=(series, 1)) * when
        season = 2.0 * np.sin(2 * np.pi * when / 24)
        course = trend if process == "trend and noise" else season + np.zeros((series, 1))
        values += course
        usual, spread = course[:, columns:].max(1) + 1.0, 1.0
    limit = usual + spread * rng.normal(0.3, 1.0, size=series)
    past, came = values[:, :columns], values[:, columns:].max(1) >= limit
    seasons = (0, 0) if process == "random walk" else (24, 168)
    made = forecast(SeasonalNaive(), history_of(past, *seasons), horizon)
    chances = told(made, past[:, -1].tolist(), limit.tolist()).probability
    is_below = past[:, -1] < limit
    chances, came = chances[is_below], came[is_below]
    fifth = np.minimum(chances * 5, 4).astype(np.int64)
    for each in range(5):
        there = fifth == each
        assert there.sum() > 100
        assert came[there].mean() == pytest.approx(chances[there].mean(), abs=0.12)
