"""The key `forecast`: defaults, bounds, cross-checks."""

import pytest

from exporter.config import QueryConfig, parse_config
from exporter.errors import ConfigError
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.planning import fingerprint, forecast_fingerprint, forecast_plan_of
from exporter.settings.forecast import ForecastConfig, lead_name, stride_of
from promkit.durations import format_duration

HOUR = 3_600.0
DAY = 24 * HOUR


def query_of(forecast: str, more: str = "") -> tuple[QueryConfig, ForecastConfig]:
    text = f"queries:\n- name: a\n  expr: up\n{more}  forecast: {forecast}\n"
    (query,) = parse_config(text, "c.yml").all_queries()
    assert query.forecast is not None
    return query, query.forecast


@pytest.mark.parametrize(
    ("given", "step", "horizon", "lookback", "horizons"),
    [
        ("{}", HOUR, DAY, 14 * DAY, (6 * HOUR, DAY)),
        ("{horizon: 6h}", 900.0, 6 * HOUR, 14 * DAY, (1.5 * HOUR, 6 * HOUR)),
        ("{horizon: 7d}", 6 * HOUR, 7 * DAY, 21 * DAY, (42 * HOUR, 7 * DAY)),
        ("{horizon: 61m}", 60.0, 3_660.0, 2_016 * 60.0, (900.0, 3_660.0)),
        ("{horizon: 5m}", 15.0, 300.0, 2_016 * 15.0, (75.0, 300.0)),
        ("{horizon: 60d}", DAY, 60 * DAY, 180 * DAY * 20_000 / 51_840, (15 * DAY, 60 * DAY)),
        ("{step: 1m}", 60.0, 1_440.0, 2_016 * 60.0, (360.0, 1_440.0)),
        ("{step: 1h, horizon: 1h}", HOUR, HOUR, 14 * DAY, (HOUR,)),
        ("{horizons: [24h, 1h, 1h], lookback: 3d}", HOUR, DAY, 3 * DAY, (HOUR, DAY)),
    ],
)
def test_the_defaults_follow_from_what_is_given(
    given: str, step: float, horizon: float, lookback: float, horizons: tuple[float, ...]
) -> None:
    _, forecast = query_of(given)
    assert (forecast.step, forecast.horizon) == (step, horizon)
    assert forecast.lookback == pytest.approx(lookback)
    assert forecast.horizons == horizons
    assert forecast.interval == 300.0


def test_a_plan_sees_every_so_manieth_column_and_each_renewal_has_a_new_one() -> None:
    query, forecast = query_of("{kind: seasonal_naive}", "  range: [0, null]\n")
    plan = forecast_plan_of(query, forecast)
    assert (plan.step, plan.fine, plan.stride, plan.columns) == (3_600_000, 300_000, 12, 336)
    assert (plan.horizon, plan.leads) == (24, {"6h": 6, "24h": 24})
    assert (plan.low, plan.direction, plan.forecaster) == (0.0, "up", SeasonalNaive())
    assert (stride_of(60.0, 300.0), stride_of(HOUR, 420.0), stride_of(20.0, 15.0)) == (1, 9, 2)
    assert [lead_name(lead) for lead in (DAY, 2 * DAY, 5_400.0)] == ["24h", "2d", "1h30m"]


def test_the_step_of_the_query_is_the_least() -> None:
    _, forecast = query_of("{}", "  step: 2h\n")
    assert (forecast.step, forecast.interval, forecast.horizon) == (2 * HOUR, 2 * HOUR, 2 * DAY)


@pytest.mark.parametrize(
    ("direction", "forecast", "side"),
    [
        ("both", "{limit: 1}", "up"),
        ("up", "{limit: 1}", "up"),
        ("down", "{limit: 1}", "down"),
        ("down", "{limit: 1, direction: up}", "up"),
    ],
)
def test_the_side_of_the_limit_is_that_of_the_query(
    direction: str, forecast: str, side: str
) -> None:
    query, resolved = query_of(forecast, f"  direction: {direction}\n")
    assert forecast_plan_of(query, resolved).direction == side


def test_a_limit_brings_the_capacity_along() -> None:
    def columns(forecast: str) -> tuple[int, float] | None:
        capacity = forecast_plan_of(*query_of(forecast)).capacity
        return None if capacity is None else (capacity.columns, capacity.coverage)

    assert columns("{}") is None
    assert columns("{limit: 1, capacity: false}") is None
    assert columns("{limit: 1}") == (336, 0.8)
    assert columns("{limit: 1, capacity: {window: 2d, coverage: 0.5}}") == (48, 0.5)


def test_a_limit_may_be_promql() -> None:
    _, forecast = query_of("{limit: 'sum(rate(x[$__rate_interval]))'}")
    assert forecast.limit == "sum(rate(x[1m]))"


@pytest.mark.parametrize(
    ("forecast", "expected"),
    [
        ("{kind: sesonal_naive}", [".kind: found 'sesonal_naive', did you mean seasonal_naive"]),
        ("{horizn: 2h}", [".horizn: found an unknown key, did you mean horizon"]),
        ("{kind: linear, windw: 2h}", [".windw: ", "did you mean window"]),
        ("{horizon: 24}", [".horizon: found 24 without a unit"]),
        ("{horizon: 2h, step: 7m}", [".horizon: found 2h, which is no multiple", "7m"]),
        ("{horizon: 2d, step: 15s}", [".horizon: ", "11520 steps", "500 steps"]),
        ("{step: 1s}", [".step: found 1s", "the query's step of 15s"]),
        ("{interval: 1s}", [".interval: found 1s", "the query's step of 15s"]),
        ("{interval: 2d}", [".interval: found 2d, which is more than the horizon of 1d"]),
        (
            "{limit: 1, capacity: {window: 1h}}",
            [".capacity.window: found 1h; allowed: 12h, ", "2w"],
        ),
        (
            "{limit: 1, capacity: {window: 3w}}",
            [".capacity.window: found 3w; allowed: 12h, ", "2w"],
        ),
        ("{kind: ridge, lags: 2}", [".lags: found 2; allowed: greater than or equal to 4"]),
        (
            "{kind: arima, order: [1, 1, 9]}",
            [".order: found [1, 1, 9]; allowed: 'auto', or: less than or equal to 5"],
        ),
        ("{kind: arima, seasonal: [1, 1, 1]}", [": found seasonal: [1, 1, 1] beside order: auto"]),
        ("{lookback: 1h}", [".lookback: found 1h; allowed: 2h"]),
        ("{lookback: 1y}", [".lookback: found 1y", "20000 columns"]),
        ("{horizons: [1h, 90m]}", [".horizons[1]: found 1h30m; allowed: multiples of"]),
        ("{horizons: [2d]}", [".horizons[0]: found 2d", "up to the horizon of 1d"]),
        ("{horizons: []}", [".horizons"]),
        ("{limit: [1]}", [".limit: found a list of 1; a number is wanted"]),
        ("{direction: up}", [".direction: found without a `limit`"]),
        ("{direction: sideways}", [".direction: ", "'up' or 'down'"]),
        ("{capacity: {}}", [".capacity: found without a `limit`"]),
        ("{limit: 1, capacity: true}", [".capacity: found true; leave it out"]),
        ("{limit: 1, capacity: {coverge: 1}}", [".capacity.coverge: ", "did you mean coverage"]),
        ("{coverage: 1}", [".coverage: found the number 1; allowed: less than 1"]),
        ("{calendars: [feasts]}", [".calendars[0]: found 'feasts', which is no calendar"]),
    ],
)
def test_what_is_wrong_is_said_with_its_place(forecast: str, expected: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        query_of(forecast)
    for part in [f"c.yml:4: queries[0].forecast{expected[0]}", *expected[1:]]:
        assert part in str(raised.value)


def test_settings_of_a_forecaster_stand_beside_its_kind_and_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"queries\[0\]\.forecast\.window: "):
        query_of("{kind: linear, window: [1]}")


def test_a_changed_forecast_does_not_cool_the_detectors() -> None:
    one, _ = query_of("{kind: seasonal_naive}")
    other, _ = query_of("{kind: seasonal_naive, horizon: 2d, limit: 3}")
    renewed, _ = query_of("{kind: seasonal_naive, interval: 10m, lookback: 3d}")
    assert fingerprint(one) == fingerprint(other)
    marks = [forecast_fingerprint(query) for query in (one, other, renewed)]
    assert marks[0] == marks[2] != marks[1]


def test_calendars_have_names_of_their_own() -> None:
    text = (
        "calendars:\n- {name: de, country: DE}\n- {name: de, country: FR}\n"
        "queries: [{name: a, expr: up, forecast: {calendars: [de]}}]\n"
    )
    with pytest.raises(ConfigError, match=r"c\.yml:3: .*a second time"):
        parse_config(text, "c.yml")
    parse_config(text.replace("name: de, country: FR", "name: fr, country: FR"), "c.yml")


def test_every_setting_survives_being_shown() -> None:
    query, forecast = query_of("{limit: 0.9}")
    assert f'"step":"{format_duration(forecast.step or 0)}"' in query.model_dump_json()
