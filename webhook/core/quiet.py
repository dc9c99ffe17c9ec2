"""Until when is a level kept quiet?

Times are those of a wall clock in a time zone. Where the clock is set back, a period begins at the
first and ends at the second of two equal times; a time that is skipped counts as the one after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from webhook.core.severity import Level

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

# Periods that follow each other without a gap; a week of them is for ever.
_LONGEST_DAYS = 7


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A period that comes every week.

    Parameters
    ----------
    days : those on which it begins
    start, end : times of day; an end at or before the start is on the next day
    zone : whose wall clock
    levels : which are kept quiet
    """

    days: frozenset[Day]
    start: time
    end: time
    zone: ZoneInfo
    levels: frozenset[Level]

    @property
    def ordered_days(self) -> tuple[Day, ...]:
        """The days, Monday first."""
        return tuple(day for day in DAYS if day in self.days)

    def until(self, now: float) -> float | None:
        """Return when the period that `now` lies in ends; None outside of it. Unix seconds."""
        today = datetime.fromtimestamp(now, self.zone).date()
        for day in (today - timedelta(days=1), today):
            if DAYS[day.weekday()] in self.days:
                start, end = self._on(day)
                if start <= now < end:
                    return end
        return None

    def _on(self, day: date) -> tuple[float, float]:
        last = day if self.end > self.start else day + timedelta(days=1)
        start = datetime.combine(day, self.start, self.zone)
        end = datetime.combine(last, self.end, self.zone).replace(fold=1)
        if datetime.fromtimestamp(end.timestamp(), self.zone).time() != self.end:
            # A skipped time: with fold 1 it would be taken for the one before it.
            end = end.replace(fold=0)
        return start.timestamp(), end.timestamp()


def quiet_until(periods: Sequence[QuietHours], level: Level, now: float) -> float | None:
    """Return when a level may be heard again; None when it may now. Unix seconds."""
    until = now
    horizon = now + _LONGEST_DAYS * 86_400
    while until < horizon:
        ends = (period.until(until) for period in periods if level in period.levels)
        latest = max((end for end in ends if end is not None), default=None)
        if latest is None:
            break
        until = latest
    return until if until > now else None
