"""What does an iCalendar file (RFC 5545) say about a window of time?

Reading, and expanding what recurs, are apart from fetching: both are pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any, Final, TypeAlias

from dateutil.rrule import rrule, rrulestr
from icalendar import Calendar

from exporter.core.spans import Special, merged
from exporter.errors import CalendarError

MOST_REPEATS: Final = 50_000
"""Repetitions of one event that are followed, from its first one: more than a century of days."""

LONGEST: Final = timedelta(days=36_525)
"""An event may last; an end beyond the year 9999 could not even be told."""

_SLOWEST: Final = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_READ: Final = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
_A_DAY: Final = timedelta(days=1)

Occurrence: TypeAlias = tuple[datetime, timedelta]


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something that happens once or again and again.

    Parameters
    ----------
    first : when it starts, as a wall clock shows it; midnight for whole days
    length : of each time
    is_day : whether it is of whole days, on whoever's wall clock
    zone : of the wall clock; None is that of who asks
    rules : how it recurs
    more : further times, likewise as the wall clock shows them
    without : times, or days, at which it does not happen
    """

    first: datetime
    length: timedelta
    is_day: bool
    zone: tzinfo | None
    rules: tuple[rrule, ...]
    more: tuple[Occurrence, ...]
    without: frozenset[datetime | date]

    def between(self, start: datetime, end: datetime) -> Iterator[Occurrence]:
        """Yield what happens in a window, given as this event's wall clock shows it."""
        for begin, length in self._all(end):
            if begin < end and begin + length > start:
                yield begin, length

    def _all(self, end: datetime) -> Iterator[Occurrence]:
        if not self.rules:
            yield self.first, self.length
        for rule in self.rules:
            for begin in islice(rule, MOST_REPEATS):
                if begin >= end:
                    break
                if begin not in self.without and begin.date() not in self.without:
                    yield begin, self.length
        yield from self.more


def read_events(content: bytes) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Return the events of an iCalendar file, and what is wrong with those that are left out.

    Cancelled events are none; of a changed repetition the last version counts.

    Raises
    ------
    CalendarError
        This is no iCalendar file.
    """
    try:
        calendars = Calendar.from_ical(content, multiple=True)
    except (ValueError, LookupError, TypeError) as error:
        raise CalendarError(f"is no iCalendar file: {_brief(error)}") from error
    # Which properties there are is known at run time only.
    components: list[Any] = [event for each in calendars for event in each.walk("VEVENT")]
    if not calendars:
        raise CalendarError("is no iCalendar file: found no BEGIN:VCALENDAR")
    changed: dict[str, list[Any]] = {}
    for component in components:
        if "RECURRENCE-ID" in component and "UID" in component:
            changed.setdefault(str(component["UID"]), []).append(component["RECURRENCE-ID"])
    events, problems = [], []
    for place, component in enumerate(components, 1):
        try:
            if str(component.get("STATUS", "")).upper() != "CANCELLED":
                is_change = "RECURRENCE-ID" in component
                own = [] if is_change else changed.get(str(component.get("UID")), [])
                events.append(_event(component, [each.dt for each in own]))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            problems.append(f"event {place} is left out: {_brief(error)}")
    return tuple(events), tuple(problems)


def expand(events: tuple[Event, ...], start: int, end: int, zone: tzinfo | None) -> Special:
    """Return what happens in a window.

    Parameters
    ----------
    events : from `read_events`
    start, end : unix milliseconds
    zone : whose days whole days are, None is UTC
    """
    asking = zone or UTC
    days, hours = [], []
    for event in events:
        clock = event.zone or asking
        # A day more on both sides, since wall clocks of two zones are compared.
        window = [
            datetime.fromtimestamp(at / 1000, clock).replace(tzinfo=None) + sign * _A_DAY
            for at, sign in ((start, -1), (end, 1))
        ]
        for begin, length in event.between(window[0], window[1]):
            if event.is_day:
                days.append((unix(begin, asking), unix(begin + length, asking)))
            else:
                since = unix(begin, clock)
                hours.append((since, since + length // timedelta(milliseconds=1)))
    return Special(merged(days), merged(hours))


def unix(shown: datetime, zone: tzinfo) -> int:
    """Return when a wall clock shows that, in unix milliseconds."""
    return round(shown.replace(tzinfo=zone).timestamp() * 1000)


def _event(component: Any, changed: list[Any]) -> Event:
    for name, why in component.errors:  # the library keeps what it cannot read as text
        if name in _READ:
            raise ValueError(f"{name}: {why}")
    start = component["DTSTART"].dt
    is_day = not isinstance(start, datetime)
    zone = start.tzinfo if isinstance(start, datetime) else None
    if "DTEND" in component:
        length = component["DTEND"].dt - start
    elif "DURATION" in component:
        length = component["DURATION"].dt
    else:
        length = _A_DAY if is_day else timedelta(0)
    first = _shown(start, zone)
    more = []
    for added in _dates(component, "RDATE"):
        begin, until = added if isinstance(added, tuple) else (added, length)
        lasts = until if isinstance(until, timedelta) else until - begin
        more.append((_shown(begin, zone), lasts))
    without = {_excepted(each, zone) for each in (*_dates(component, "EXDATE"), *changed)}
    for lasts in (length, *(each[1] for each in more)):
        if not timedelta(0) <= lasts <= LONGEST:
            raise ValueError(f"lasts {lasts}; allowed: 0 to {LONGEST.days} days")
    rules = tuple(_rule(each, first, zone) for each in _listed(component.get("RRULE")))
    if more and not rules:
        more.append((first, length))
    left = tuple(each for each in more if not {each[0], each[0].date()} & without)
    return Event(first, length, is_day, zone, rules, left, frozenset(without))


def _rule(recurs: Any, first: datetime, zone: tzinfo | None) -> rrule:
    """Return a recurrence on the event's own wall clock, so that 09:00 stays 09:00."""
    kind = str(recurs["FREQ"][0]).upper()
    if kind not in _SLOWEST:
        raise ValueError(f"found FREQ={kind}; allowed: {', '.join(sorted(_SLOWEST))}")
    if min(recurs.get("INTERVAL", [1])) < 1:  # would never get on
        raise ValueError(f"found INTERVAL={recurs['INTERVAL'][0]}; allowed: 1 or more")
    until = recurs.pop("UNTIL", None)
    text = recurs.to_ical().decode()
    if until is not None:
        last = until[0]
        end = _shown(last, zone)
        if not isinstance(last, datetime):
            end = datetime.combine(end, time.max)
        return _single(rrulestr(text, dtstart=first)).replace(until=end)
    return _single(rrulestr(text, dtstart=first))


def _single(rule: Any) -> rrule:
    if not isinstance(rule, rrule):
        raise TypeError("found several rules in one RRULE")
    return rule


def _shown(value: date, zone: tzinfo | None) -> datetime:
    """Return what the event's wall clock shows then."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    if value.tzinfo is not None and zone is not None:
        value = value.astimezone(zone)
    return value.replace(tzinfo=None)


def _excepted(value: date, zone: tzinfo | None) -> date:
    return _shown(value, zone) if isinstance(value, datetime) else value


def _dates(component: Any, name: str) -> list[Any]:
    return [each.dt for listed in _listed(component.get(name)) for each in listed.dts]


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
