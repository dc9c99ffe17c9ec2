"""Until when a level is kept quiet, on wall clocks that jump."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.quiet import DAYS, Day, QuietHours, quiet_until

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = frozenset(DAYS)


def period(
    start: str,
    end: str,
    days: frozenset[Day] = EVERY_DAY,
    zone: ZoneInfo = BERLIN,
) -> QuietHours:
    first, last = time.fromisoformat(start), time.fromisoformat(end)
    return QuietHours(days, first, last, zone, frozenset({"low"}))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-21T20:59:59", None),
        ("2026-11-21T21:00:00", "2026-11-22T06:00:00"),
        ("2026-11-22T05:59:59", "2026-11-22T06:00:00"),
        ("2026-11-22T06:00:00", None),
    ],
)
def test_over_midnight_in_a_zone(now: str, until: str | None) -> None:
    found = quiet_until([period("22:00", "07:00")], "low", at(now))

    assert found == (None if until is None else at(until))
    assert quiet_until([period("22:00", "07:00")], "medium", at(now)) is None


def test_the_day_is_the_one_on_which_it_begins() -> None:
    friday = [period("22:00", "07:00", frozenset({"fri"}))]

    assert quiet_until(friday, "low", at("2026-11-21T05:00:00")) == at("2026-11-21T06:00:00")
    assert quiet_until(friday, "low", at("2026-11-21T21:30:00")) is None


def test_periods_that_touch_are_one() -> None:
    weekend = [
        period("22:00", "00:00", frozenset({"fri"})),
        period("00:00", "00:00", frozenset({"sat", "sun"})),
    ]

    assert quiet_until(weekend, "low", at("2026-11-20T21:30:00")) == at("2026-11-22T23:00:00")


def test_always_quiet_ends_some_day() -> None:
    now = at("2026-11-20T12:00:00")

    until = quiet_until([period("00:00", "00:00")], "low", now)

    assert until is not None
    assert 7 * 86_400 <= until - now <= 8 * 86_400


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        # Set forward on 29 March 2026: 02:00 is 03:00. A time that is skipped is the one after.
        ("01:30", "02:30", "2026-03-29T00:30:00", "2026-03-29T01:30:00"),
        ("02:30", "04:00", "2026-03-29T01:30:00", "2026-03-29T02:00:00"),
        ("22:00", "07:00", "2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        # Set back on 25 October 2026: 02:00 to 03:00 comes twice.
        ("02:30", "02:45", "2026-10-25T00:30:00", "2026-10-25T01:45:00"),
        ("22:00", "07:00", "2026-10-24T20:00:00", "2026-10-25T06:00:00"),
    ],
)
def test_when_the_clock_is_set(start: str, end: str, first: str, last: str) -> None:
    periods = [period(start, end)]

    assert quiet_until(periods, "low", at(first) - 1) is None
    assert quiet_until(periods, "low", at(first)) == at(last)
    assert quiet_until(periods, "low", at(last) - 1) == at(last)
    assert quiet_until(periods, "low", at(last)) is None


@given(
    start=st.times(),
    end=st.times(),
    days=st.frozensets(st.sampled_from(DAYS), min_size=1),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    now=st.floats(at("2026-01-01T00:00:00"), at("2027-01-01T00:00:00")),
)
def test_the_end_is_the_end(
    start: time, end: time, days: frozenset[Day], zone: str, now: float
) -> None:
    periods = [QuietHours(days, start, end, ZoneInfo(zone), frozenset({"low"}))]

    until = quiet_until(periods, "low", now)

    if until is not None:
        assert until > now
        if until < now + 7 * 86_400:
            assert quiet_until(periods, "low", until) is None
            assert quiet_until(periods, "low", (now + until) / 2) == until
