"""A shop in Munich: quiet on Sundays and holidays. Do forecasts know?"""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats, Ints
from exporter.core.spans import Special, inside, merged
from exporter.forecasters.bands import Forecast, forecast
from exporter.forecasters.history import Columns, History, history_of, wall_columns
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.special import Workdays, days_of, find_rhythm, workdays

HOUR = 3_600_000
DAY = 24 * HOUR
BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAYS = ("2025-11-01", "2025-12-25", "2025-12-26", "2026-01-01", "2026-01-06")


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def days(*dates: str) -> Special:
    return Special(merged((instant(date), instant(date) + DAY) for date in dates))


def shop(times: Ints, holidays: Special, seed: int = 0, growth: float = 0.0) -> Floats:
    """Return the requests per second, float64 [3, T], of three shops with AR(1) noise of 3 %."""
    rng = np.random.default_rng(seed)
    wall = times + HOUR
    hour, weekday = wall // HOUR % 24, (wall // DAY + 3) % 7
    is_quiet = (weekday == 6) | holidays.mask(times)
    busy = np.exp(-(((hour - 13) / 4.0) ** 2)) * np.where(is_quiet, 0.2, 1.0)
    level = (200.0 + 1000.0 * busy) * (1.0 + growth * np.arange(len(times)) / 168)
    noise = rng.normal(0.0, 0.018, (3, len(times)))
    for column in range(1, len(times)):
        noise[:, column] += 0.8 * noise[:, column - 1]
    return level * (1.0 + noise)


def scene(
    end: str, weeks: int = 9, holidays: Special | None = None, growth: float = 0.0
) -> tuple[Columns, Floats, Floats]:
    """Return the columns up to `end`, the samples on them, and those of the day after."""
    times = instant(end) + HOUR * np.arange(1 - 168 * weeks, 25)
    values = shop(times, days(*HOLIDAYS) if holidays is None else holidays, growth=growth)
    columns = wall_columns(times[:-24], HOUR, 24, BERLIN)
    return columns, values[:, :-24], values[:, -24:]


def seen_by(columns: Columns, values: Floats, special: Special) -> Workdays:
    return workdays(columns.history(values), days_of(special, columns))


def told(columns: Columns, values: Floats, special: Special) -> Forecast:
    seen = seen_by(columns, values, special)
    return seen.settle(forecast(SeasonalNaive(), seen.history, columns.horizon), low=0.0)


@pytest.mark.parametrize(
    ("end", "growth", "gain"),
    [
        ("2026-01-05T23:00", 0.0, 8),  # as New Year's Day was, which was a Thursday
        ("2026-01-05T23:00", 0.02, 8),
        ("2025-12-24T23:00", 0.0, 8),  # as the Sunday before: All Saints' is too long ago
        ("2026-01-06T23:00", 0.0, 8),  # an ordinary day after a holiday
        ("2026-01-06T11:00", 0.0, 5),  # half of each
    ],
)
def test_the_error_on_and_after_a_holiday_is_a_fraction(
    end: str, growth: float, gain: float
) -> None:
    columns, values, came = scene(end, weeks=6, growth=growth)
    without = forecast(SeasonalNaive(), columns.history(values), 24)
    knowing = told(columns, values, days(*HOLIDAYS))
    error = np.abs(knowing.mean - came).mean()
    assert error < np.abs(without.mean - came).mean() / gain
    assert ((knowing.lower <= came) & (came <= knowing.upper)).mean() > 0.8
    moved = knowing.mean - without.mean
    assert np.isfinite(knowing.paths).all()
    if "01-06" not in end:
        np.testing.assert_allclose(knowing.paths.mean(1), knowing.mean, atol=120)
        assert moved.min() < -500


def test_holidays_leave_no_trace_in_the_history() -> None:
    holidays = days(*HOLIDAYS)
    columns, values, _ = scene("2026-01-07T23:00", growth=0.02)
    _, unheard_of, _ = scene("2026-01-07T23:00", holidays=Special(merged([])), growth=0.02)
    seen = seen_by(columns, values, holidays)
    special = holidays.mask(columns.times[:-24])
    given = seen.given.values
    np.testing.assert_array_equal(seen.history.values[:, ~special], given[:, ~special])
    gap = np.abs(seen.history.values - unheard_of)[:, special] / unheard_of[:, special]
    assert gap.mean() < 0.05
    assert np.abs(given - unheard_of)[:, special].max() > 700
    np.testing.assert_array_equal(given, columns.history(values).values)


def test_a_holiday_now_is_continued_from_what_it_should_have_been() -> None:
    """The run of special columns ends with the history: only the days before give its level."""
    holidays = days("2025-12-25", "2025-12-26")
    columns, values, came = scene("2025-12-25T11:00", holidays=holidays)
    seen = seen_by(columns, values, holidays)
    assert seen.history.values[:, -1].min() > 900 > seen.given.values[:, -1].max()
    assert np.abs(told(columns, values, holidays).mean - came).mean() < 60


def rows_without_rhythm() -> Floats:
    rng = np.random.default_rng(5)
    columns = 9 * 168
    disk = 20.0 + 0.03 * np.arange(columns)
    tidied = np.where(np.arange(columns) > 1400, disk - 30.0, disk)
    walk = 50.0 + np.cumsum(rng.normal(0, 1, columns))
    bent = (np.arange(columns) / 100.0) ** 2
    noise = rng.normal(0, 1, columns)
    return np.array(
        [disk, tidied, walk, bent, noise, np.full(columns, 3.0), np.full(columns, np.nan)]
    )


def test_a_disk_is_not_touched_by_holidays() -> None:
    holidays = days(*HOLIDAYS)
    columns, values, _ = scene("2026-01-05T23:00")
    values = np.concatenate([rows_without_rhythm(), values])
    seen = seen_by(columns, values, holidays)
    assert seen.periods.tolist() == [0] * 7 + [168] * 3
    assert seen.history.values[:7].tobytes() == seen.given.values[:7].tobytes()
    made = forecast(SeasonalNaive(), seen.history, 24)
    settled = seen.settle(made)
    for name in ("mean", "lower", "upper", "paths"):
        assert getattr(settled, name)[:7].tobytes() == getattr(made, name)[:7].tobytes()
        assert (getattr(settled, name)[7:] != getattr(made, name)[7:]).any()
    order = np.random.default_rng(0).permutation(len(values))
    again = seen_by(columns, values[order], holidays)
    np.testing.assert_array_equal(again.history.values, seen.history.values[order])


def test_a_forecast_without_rhythm_gets_none_from_a_holiday() -> None:
    columns, values, _ = scene("2026-01-05T23:00")
    seen = seen_by(columns, values, days(*HOLIDAYS))
    line = np.linspace(400.0, 500.0, 24) + np.zeros((3, 1))
    flat = Forecast(line, line - 1, line + 1, line[:, None], line[:, :0], line[:, :0])
    np.testing.assert_array_equal(seen.settle(flat).mean, line)


def test_the_range_holds_on_holidays_too() -> None:
    columns, values, _ = scene("2026-01-05T23:00")
    seen = seen_by(columns, values, days(*HOLIDAYS))
    made = forecast(SeasonalNaive(), seen.history, 24)
    settled = seen.settle(made, low=220.0, high=240.0)
    for name in ("mean", "lower", "upper", "paths"):
        assert np.ptp(getattr(settled, name)) <= 20.0


@pytest.mark.parametrize("special", [Special(merged([])), days("2025-01-01", "2027-01-01")])
def test_ordinary_times_cost_nothing(special: Special) -> None:
    columns, values, _ = scene("2025-12-10T23:00")
    assert days_of(special, columns) is None
    seen = seen_by(columns, values, special)
    assert seen.history is seen.given
    made = forecast(SeasonalNaive(), seen.history, 24)
    assert seen.settle(made) is made


def test_a_sale_of_some_hours_is_like_the_last_one() -> None:
    """And like nothing else: a Sunday tells nothing of it."""
    sales = Special(
        merged([]),
        merged(
            (instant(f"{date}T18:00"), instant(f"{date}T22:00"))
            for date in ("2025-11-20", "2025-12-11")
        ),
    )
    columns, values, came = scene("2025-12-10T23:00", weeks=5, holidays=Special(merged([])))
    for samples, times in ((values, columns.times[:-24]), (came, columns.times[-24:])):
        samples[:, inside(times, sales.hours)] += 3000.0
    made = told(columns, values, sales)
    plain = forecast(SeasonalNaive(), columns.history(values), 24)
    is_sale = sales.mask(columns.times[-24:])
    assert is_sale.sum() == 4
    np.testing.assert_array_equal(made.mean[:, ~is_sale], plain.mean[:, ~is_sale])
    assert np.abs(made.mean - came).mean() < 100
    first = Special(sales.days, sales.hours[1:])
    unheard_of = told(columns, values, first)
    np.testing.assert_array_equal(unheard_of.mean, plain.mean)


def test_a_shop_that_is_ten_days_old_has_days_but_no_weeks() -> None:
    columns, values, _ = scene("2025-12-25T23:00")
    young = values.copy()
    young[:, : -24 * 10] = np.nan
    holidays = days("2025-12-25", "2025-12-26")
    seen = seen_by(columns, young, holidays)
    assert seen.periods.tolist() == [24, 24, 24]
    usual = seen.history.values[:, -24:]
    np.testing.assert_allclose(usual, values[:, -48:-24], rtol=0.05)
    newborn = values.copy()
    newborn[:, : -24 * 2] = np.nan
    assert seen_by(columns, newborn, holidays).periods.tolist() == [0, 0, 0]


def test_rows_of_every_age_neither_raise_nor_warn() -> None:
    columns, values, _ = scene("2026-01-05T23:00")
    rows = np.repeat(values[:1], 200, 0)
    for row in range(200):
        rows[row, : row * 168 * 9 // 199] = np.nan
    rows[3] *= 1e100
    made = told(columns, rows, days(*HOLIDAYS))
    assert np.isfinite(made.mean[:100][np.arange(100) != 3]).all()
    short = wall_columns(columns.times[-60:-24], HOUR, 24, BERLIN)
    told(short, values[:, -36:], days(*HOLIDAYS))
    daily = wall_columns(instant("2026-01-05") + DAY * np.arange(-60, 1), DAY, 3, BERLIN)
    told(daily, shop(daily.times[:-3], days(*HOLIDAYS)), days(*HOLIDAYS))
    odd = wall_columns(columns.times[:100:7], 7 * HOUR, 3, BERLIN)
    told(odd, values[:, :100:7], days("2025-11-05", "2025-11-06"))


def test_all_of_the_history_may_be_special() -> None:
    columns, values, _ = scene("2026-01-05T23:00", weeks=3)
    always = Special(merged([(0, 2**60)]))
    seen = seen_by(columns, values, always)
    assert seen.history.values.tobytes() == seen.given.values.tobytes()


def test_compiled_and_uncompiled_agree() -> None:
    _, values, _ = scene("2026-01-05T23:00", weeks=3)
    history: History = history_of(values)
    ordinary = np.arange(values.shape[1]) % 100 != 0
    for period in (24, 168):
        fast, slow = np.zeros((2, 3), dtype=np.int64)
        find_rhythm(history.values, history.first, ordinary, period, fast)
        uncompiled(find_rhythm)(history.values, history.first, ordinary, period, slow)
        assert fast.tolist() == slow.tolist() == [period] * 3
