"""Which samples does the configuration call maintenance?"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from exporter.config import milliseconds
from exporter.core.masks import Mask
from exporter.core.spans import Spans, merged
from exporter.loops.forecastrunner import SpecialDays
from exporter.settings.maintenance import WEEKDAYS, MaintenanceConfig
from promkit.labels import parse_matchers

DAY = timedelta(days=1)


def masks_of(entries: Iterable[MaintenanceConfig], special: SpecialDays) -> list[Mask]:
    """Return the masks of configured maintenance.

    special : knows the calendars
    """
    return [
        Mask(_spans_of(entry, special), _concerns(entry), entry.mute, entry.queries)
        for entry in entries
    ]


def _spans_of(entry: MaintenanceConfig, special: SpecialDays) -> Callable[[int, int], Spans]:
    zone = None if entry.timezone is None else ZoneInfo(entry.timezone)
    if entry.calendars:
        return partial(_in_calendars, entry, special, zone)
    if entry.between is not None:
        return partial(scheduled, entry, zone or UTC)
    start, end = (
        milliseconds(0.0 if one is None else one.timestamp()) for one in (entry.start, entry.end)
    )
    once = merged([(start, end)])
    return lambda first, last: once


def _in_calendars(
    entry: MaintenanceConfig, special: SpecialDays, zone: tzinfo | None, start: int, end: int
) -> Spans:
    told = special(entry.calendars, start, end, zone)
    return merged([*told.days.tolist(), *told.hours.tolist()])


def scheduled(entry: MaintenanceConfig, zone: tzinfo, start: int, end: int) -> Spans:
    """Return the spans of `between` and `days` that overlap [start, end), unix milliseconds.

    A time that clocks skip is taken as an hour later, one that comes twice as the first.
    """
    if entry.between is None:
        raise ValueError(f"maintenance {entry.name}: found no `between`")
    first, last = entry.between
    day = datetime.fromtimestamp(start / 1000, zone).date() - DAY
    until = datetime.fromtimestamp(end / 1000, zone).date()
    spans = []
    while day <= until:
        if WEEKDAYS[day.weekday()] in entry.days:
            ends_on = day if last > first else day + DAY
            begins = datetime.combine(day, first, zone)
            ends = datetime.combine(ends_on, last, zone)
            spans.append((milliseconds(begins.timestamp()), milliseconds(ends.timestamp())))
        day += DAY
    return merged(spans)


def _concerns(entry: MaintenanceConfig) -> Callable[[Mapping[str, str]], bool]:
    matchers = parse_matchers(entry.matchers)

    def concerns(labels: Mapping[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in matchers)

    return concerns
