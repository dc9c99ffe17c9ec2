from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest

from exporter.core.series import QUARTER, SeriesBatch, empty_batch, utc_offsets

HOUR = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def instant(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "change", "before", "after"),
    [
        ("Europe/Berlin", "2026-03-29T01:00", 1.0, 2.0),
        ("Europe/Berlin", "2026-10-25T01:00", 2.0, 1.0),
        ("America/New_York", "2026-11-01T06:00", -4.0, -5.0),
        ("Australia/Lord_Howe", "2026-04-04T15:00", 11.0, 10.5),
        ("Asia/Kathmandu", "1985-12-31T18:30", 5.5, 5.75),
    ],
)
def test_offsets_change_at_the_very_millisecond(
    zone: str, change: str, before: float, after: float
) -> None:
    at = instant(change)
    times = np.array([at - HOUR, at - 1, at, at + 1, at + HOUR], dtype=np.int64)
    expected = [before * HOUR] * 2 + [after * HOUR] * 3
    assert utc_offsets(times, ZoneInfo(zone)).tolist() == expected


def test_the_wall_clock_skips_an_hour_in_spring_and_repeats_one_in_autumn() -> None:
    def clock(start: str) -> list[str]:
        times = instant(start) + np.arange(0, 3 * HOUR, HOUR // 2, dtype=np.int64)
        batch = empty_batch(times, HOUR // 2).on_clock(BERLIN)
        shown = [datetime.fromtimestamp(wall / 1000, UTC) for wall in batch.wall_times.tolist()]
        return [f"{time:%H:%M}" for time in shown]

    spring = ["01:00", "01:30", "03:00", "03:30", "04:00", "04:30"]
    assert clock("2026-03-29T00:00") == spring
    autumn = ["02:00", "02:30", "02:00", "02:30", "03:00", "03:30"]
    assert clock("2026-10-25T00:00") == autumn


def test_zones_change_on_quarters_of_an_hour() -> None:
    """What `utc_offsets` relies on. Antarctica/Casey last broke it, by a minute, in 2020."""
    start = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
    weeks = np.arange(start, start + 8 * 365 * 86_400, 7 * 86_400)
    seen = 0
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = [datetime.fromtimestamp(week, zone).utcoffset() for week in weeks]
        for week, one, other in zip(weeks, offsets, offsets[1:], strict=False):
            if one != other:
                assert _change(zone, week, week + 7 * 86_400) % (QUARTER // 1000) == 0, name
                seen += 1
    assert seen > 1000


def _change(zone: ZoneInfo, low: float, high: float) -> int:
    """Return the second at which the offset changes between two instants."""
    first = datetime.fromtimestamp(low, zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == first:
            low = middle
        else:
            high = middle
    return int(high)


def test_pieces_of_a_batch_keep_their_clock() -> None:
    times = instant("2026-03-28T23:00") + np.arange(0, 6 * HOUR, HOUR, dtype=np.int64)
    batch = SeriesBatch((b"a", b"b"), times, np.zeros((2, 6)), HOUR).on_clock(BERLIN)
    whole = batch.wall_times
    np.testing.assert_array_equal(batch.columns(1, 4).wall_times, whole[1:4])
    np.testing.assert_array_equal(batch.rows(np.array([1])).wall_times, whole)
    assert batch.on_clock(None) is batch
