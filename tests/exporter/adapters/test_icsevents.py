"""What an iCalendar file says, event by event."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from exporter.adapters.icsevents import expand, read_events, unix
from exporter.core.spans import Spans, Special
from exporter.errors import CalendarError

BERLIN = ZoneInfo("Europe/Berlin")


def calendar(*events: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:test"]
    for event in events:
        lines += ["BEGIN:VEVENT", *event.split(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def special(*events: str, start: str = "2026-11-01", end: str = "2027-01-31") -> Special:
    found, problems = read_events(calendar(*events))
    assert problems == ()
    window = [unix(datetime.fromisoformat(text), BERLIN) for text in (start, end)]
    return expand(found, window[0], window[1], BERLIN)


def shown(spans: Spans) -> list[str]:
    """Return the spans as Berlin's clocks show them."""
    return [
        " ".join(f"{datetime.fromtimestamp(at / 1000, BERLIN):%m-%dT%H:%M}" for at in pair)
        for pair in spans.tolist()
    ]


def test_days_are_those_of_who_asks_and_lengths_are_as_given() -> None:
    found = special(
        "UID:1 DTSTART;VALUE=DATE:20261224",
        "UID:2 DTSTART;VALUE=DATE:20261229 DTEND;VALUE=DATE:20270102",
        "UID:3 DTSTART;VALUE=DATE:20261115 DURATION:P2D",
    )
    expected = ["11-15T00:00 11-17T00:00", "12-24T00:00 12-25T00:00", "12-29T00:00 01-02T00:00"]
    assert shown(found.days) == expected
    assert not len(found.hours)


def test_times_are_on_the_events_clock_and_floating_ones_on_that_of_who_asks() -> None:
    found = special(
        "UID:1 DTSTART:20261201T100000Z DTEND:20261201T120000Z",
        "UID:2 DTSTART;TZID=America/New_York:20261202T090000 DURATION:PT90M",
        "UID:3 DTSTART:20261203T090000 DTEND:20261203T100000",
        "UID:4 DTSTART:20261204T090000",
    )
    expected = ["12-01T11:00 12-01T13:00", "12-02T15:00 12-02T16:30", "12-03T09:00 12-03T10:00"]
    assert shown(found.hours) == expected
    assert not len(found.days)


def test_what_recurs_stays_at_its_time_of_day_when_the_clocks_change() -> None:
    found = special(
        "UID:1 DTSTART;TZID=Europe/Berlin:20260901T090000 DURATION:PT1H RRULE:FREQ=WEEKLY;BYDAY=SA",
        start="2026-10-17",
        end="2026-10-31",
    )
    assert [span[:11] for span in shown(found.hours)] == [
        "10-17T09:00",
        "10-24T09:00",
        "10-31T09:00",  # an hour later in UTC; the window is a day longer than asked for
    ]


def test_exceptions_additions_and_ends_of_what_recurs() -> None:
    found = special(
        "UID:1 DTSTART;TZID=Europe/Berlin:20261103T090000 DTEND;TZID=Europe/Berlin:20261103T100000"
        " RRULE:FREQ=WEEKLY;UNTIL=20261201T225959Z EXDATE:20261110T080000Z"
        " EXDATE;VALUE=DATE:20261117 RDATE:20261205T090000Z"
        " RDATE;VALUE=PERIOD:20261206T090000Z/PT2H"
        " RDATE;VALUE=PERIOD:20261207T090000Z/20261207T093000Z",
        "UID:2 DTSTART;VALUE=DATE:20261220 RRULE:FREQ=DAILY;COUNT=4;INTERVAL=2"
        " EXDATE;VALUE=DATE:20261222",
        "UID:3 DTSTART;VALUE=DATE:20261101 RRULE:FREQ=MONTHLY;UNTIL=20261201",
        "UID:4 DTSTART;VALUE=DATE:20270110 RDATE;VALUE=DATE:20270112",
    )
    assert [span[:11] for span in shown(found.hours)] == [
        "11-03T09:00",
        "11-24T09:00",
        "12-01T09:00",
        "12-05T10:00",
        "12-06T10:00",
        "12-07T10:00",
    ]
    assert shown(found.hours)[-2:] == ["12-06T10:00 12-06T12:00", "12-07T10:00 12-07T10:30"]
    days = ["11-01", "12-01", "12-20", "12-24", "12-26", "01-10", "01-12"]
    assert [span[:5] for span in shown(found.days)] == days


def test_a_changed_repetition_counts_once_and_a_cancelled_one_not_at_all() -> None:
    series = "UID:1 DTSTART:20261201T090000Z DURATION:PT1H RRULE:FREQ=DAILY;COUNT=4"
    moved = "UID:1 RECURRENCE-ID:20261202T090000Z DTSTART:20261202T150000Z DURATION:PT2H"
    cancelled = "UID:1 RECURRENCE-ID:20261203T090000Z DTSTART:20261203T090000Z STATUS:CANCELLED"
    found = special(series, moved, cancelled, "UID:2 STATUS:cancelled DTSTART:20261207T090000Z")
    expected = ["12-01T10:00 12-01T11:00", "12-02T16:00 12-02T18:00", "12-04T10:00 12-04T11:00"]
    assert shown(found.hours) == expected


def test_what_began_before_the_window_and_still_goes_on_is_part_of_it() -> None:
    event = "UID:1 DTSTART;VALUE=DATE:20250701 DTEND;VALUE=DATE:20250801 RRULE:FREQ=YEARLY"
    assert shown(special(event, start="2026-07-20", end="2026-07-22").days) == [
        "07-01T00:00 08-01T00:00"
    ]
    assert not len(special(event, start="2026-09-20", end="2026-09-22").days)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ("UID:1", "KeyError: 'DTSTART'"),
        ("UID:1 DTSTART:soon", "soon"),
        ("UID:1 DTSTART:20261201T090000Z RRULE:FREQ=SECONDLY", "found FREQ=SECONDLY; allowed"),
        ("UID:1 DTSTART:20261201T090000Z RRULE:FREQ=SOMETIMES", "SOMETIMES"),
        ("UID:1 DTSTART:20261201T090000Z DTEND;VALUE=DATE:20261202", "TypeError"),
        ("UID:1 DTSTART:20261201T090000Z DURATION:P9999999D", "allowed: 0 to 36525 days"),
        ("UID:1 DTSTART:20261201T090000Z DURATION:-P9999999D", "allowed: 0 to 36525 days"),
        (
            "UID:1 DTSTART:20261201T090000Z RDATE;VALUE=PERIOD:20261202T090000Z/P9999999D",
            "allowed: 0 to 36525 days",
        ),
        ("UID:1 DTSTART:20261201T090000Z RRULE:FREQ=DAILY;INTERVAL=0;BYMONTH=2", "INTERVAL=0"),
    ],
)
def test_an_event_that_makes_no_sense_costs_only_itself(event: str, problem: str) -> None:
    good = "UID:2 DTSTART;VALUE=DATE:20261224"
    events, problems = read_events(calendar(event, good))
    assert len(events) == 1
    assert len(problems) == 1
    assert problems[0].startswith("event 1 is left out: ")
    assert problem in problems[0]


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"BEGIN:VCALENDAR", b"\xff\xfe\x00"])
def test_what_is_no_calendar_is_an_error(content: bytes) -> None:
    with pytest.raises(CalendarError, match="is no iCalendar file"):
        read_events(content)


def test_a_calendar_without_events_is_one() -> None:
    assert read_events(calendar()) == ((), ())


def test_a_day_is_as_long_as_the_clock_says() -> None:
    spring = special("UID:1 DTSTART;VALUE=DATE:20260329", start="2026-03-01", end="2026-04-01")
    start, end = spring.days[0].tolist()
    assert end - start == 23 * 3_600_000
    events, _ = read_events(calendar("UID:1 DTSTART;VALUE=DATE:20260329"))
    everywhere = expand(events, start, end, None)
    assert datetime.fromtimestamp(everywhere.days[0][0] / 1000, UTC).hour == 0
