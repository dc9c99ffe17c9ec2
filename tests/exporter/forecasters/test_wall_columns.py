"""Do forecasts keep to office hours when the clocks change?"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core.series import Floats, Ints, utc_offsets
from exporter.forecasters.bands import forecast
from exporter.forecasters.history import Columns, history_of, seasons_of, wall_columns
from exporter.forecasters.seasonal_naive import SeasonalNaive

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = "2026-03-29T01:00", "2026-10-25T01:00"


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def grid(end: str, columns: int, step: int = HOUR) -> Ints:
    return instant(end) + step * np.arange(1 - columns, 1, dtype=np.int64)


def office(times: Ints) -> Floats:
    """Return what an office in Berlin would need at those instants: 100 from 8 to 18, else 10."""
    hour = (times + utc_offsets(times, BERLIN)) // 1000 % 86_400 / 3600
    return np.where((hour >= 8) & (hour < 18), 100.0, 10.0)


def told(columns: Columns, values: Floats) -> Floats:
    history = columns.history(values)
    mean = forecast(SeasonalNaive(), history, columns.horizon).mean
    return columns.in_utc(mean)


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
@pytest.mark.parametrize("minutes", [15, 30, 60])
@pytest.mark.parametrize("since", [-40, -24, -7, -2, -1, 0, 1, 2, 10, 40])
def test_office_hours_stay_office_hours_across_both_changes(
    change: str, minutes: int, since: int
) -> None:
    """From `since` hours after the change, for the 36 hours after that."""
    step = minutes * 60_000
    per_hour = 60 // minutes
    times = grid(change, 24 * 14 * per_hour, step) + since * HOUR
    ahead = times[-1] + step * np.arange(1, 36 * per_hour + 1)
    columns = wall_columns(times, step, 36 * per_hour, BERLIN)
    made = told(columns, office(times)[None])
    assert made.shape == (1, 36 * per_hour)
    np.testing.assert_array_equal(made[0], office(ahead))
    if -36 < since < 36:  # what it would be without
        utc = forecast(SeasonalNaive(), history_of(office(times)[None], *seasons_of(step)), 1)
        assert utc.mean.shape == (1, 1)
        plain = wall_columns(times, step, 36 * per_hour, None)
        assert (told(plain, office(times)[None])[0] != office(ahead)).any()


@pytest.mark.parametrize("change", [SPRING, AUTUMN])
@pytest.mark.parametrize("quarters", range(-6, 7))
def test_around_the_very_change_every_lead_has_its_time(change: str, quarters: int) -> None:
    step = HOUR // 4
    times = grid(change, 400, step) + quarters * step
    columns = wall_columns(times, step, 12, BERLIN)
    assert columns.sources is not None
    assert columns.leads is not None
    seen = len(columns.sources)
    assert columns.sources[-1] == len(times) - 1
    assert len(columns.times) == len(columns.wall) == seen + columns.horizon
    np.testing.assert_array_equal(np.diff(columns.wall), step)
    taken = columns.sources[columns.sources >= 0]
    assert np.unique(taken).size == taken.size
    np.testing.assert_array_equal(columns.times[:seen][columns.sources >= 0], times[taken])
    ahead = times[-1] + step * np.arange(1, 13)
    wall = ahead + utc_offsets(ahead, BERLIN)
    expected = np.maximum(wall, columns.wall[seen])  # 02:00 for the second time, at 02:30
    np.testing.assert_array_equal(columns.wall[seen + columns.leads], expected)


def test_by_hand() -> None:
    values = np.arange(6.0)[None]
    spring = wall_columns(grid("2026-03-29T02:00", 6), HOUR, 2, BERLIN)  # wall 22 23 0 1 3 4
    assert spring.sources is not None
    assert spring.sources.tolist() == [0, 1, 2, 3, -1, 4, 5]
    assert spring.history(values).values.tolist() == [[0, 1, 2, 3, 3.5, 4, 5]]
    autumn = wall_columns(grid("2026-10-25T02:00", 6), HOUR, 2, BERLIN)  # wall 23 0 1 2 2 3
    assert autumn.history(values).values.tolist() == [[0, 1, 2, 4, 5]]
    ahead = wall_columns(grid("2026-10-25T00:00", 6), HOUR, 3, BERLIN)  # at 2, then 2 3 4
    assert ahead.horizon == 2
    assert ahead.in_utc(np.array([7.0, 8.0])).tolist() == [7, 7, 8]


@pytest.mark.parametrize("zone", [None, BERLIN, ZoneInfo("Asia/Tokyo")])
def test_where_nothing_changes_nothing_is_touched(zone: ZoneInfo | None) -> None:
    times = grid("2026-11-21T12:00", 24 * 14)
    columns = wall_columns(times, HOUR, 24, zone)
    assert columns.sources is None
    assert columns.leads is None
    mean = np.arange(24.0)
    assert columns.in_utc(mean) is mean
    np.testing.assert_array_equal(columns.times[: len(times)], times)
    np.testing.assert_array_equal(
        columns.wall - columns.times,
        utc_offsets(columns.times, BERLIN) if zone is BERLIN else (0 if zone is None else 9 * HOUR),
    )
    values = office(times)[None]
    made, plain = columns.history(values), history_of(values, *seasons_of(HOUR))
    assert made.values.tobytes() == plain.values.tobytes()
    assert (made.season, made.cycle) == (24, 168)


def test_steps_longer_than_the_change_stay_as_they_are() -> None:
    columns = wall_columns(grid(SPRING, 100, 6 * HOUR), 6 * HOUR, 4, BERLIN)
    assert columns.sources is None
