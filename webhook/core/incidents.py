"""What does an alert change about its series: does an incident open, go on, or close?

An incident is one alert fingerprint from opening to closing. Deliveries come late, twice and in any
order (Alertmanager pairs, retries of a frozen snapshot), and `startsAt` of one incident differs
between them, so neither arrival order nor `startsAt` identifies anything. What holds is: a firing
that started at or before the last known end belongs to the past.
"""

from dataclasses import dataclass
from enum import StrEnum

from webhook.core.alerts import Alert, Status


class Change(StrEnum):
    """What one alert did to its series."""

    OPENED = "opened"  # a new incident is open
    REPEATED = "repeated"  # the open incident goes on
    CLOSED = "closed"  # the open incident ended
    MISSED = "missed"  # ended before we heard that it had begun: a new incident, closed at once
    STALE = "stale"  # news about the past: nothing to do


@dataclass(frozen=True, slots=True)
class Span:
    """The latest incident of a fingerprint; unix seconds, `ends_at` is None while it is open."""

    starts_at: float
    ends_at: float | None = None


def transition(last: Span | None, alert: Alert) -> tuple[Change, Span]:
    """Return what `alert` does, given the latest incident, and the latest incident afterwards.

    OPENED and MISSED make a new incident; the other changes are about `last`.
    """
    if alert.ends_at is None:
        return _firing(last, alert.starts_at)
    return _resolved(last, alert.starts_at, alert.ends_at)


def _firing(last: Span | None, starts_at: float) -> tuple[Change, Span]:
    if last is None:
        return Change.OPENED, Span(starts_at)
    if last.ends_at is None:
        # The latest start wins: if we missed an end in between, its late news must not close us.
        return Change.REPEATED, Span(max(last.starts_at, starts_at))
    if starts_at <= last.ends_at:
        return Change.STALE, last
    return Change.OPENED, Span(starts_at)


def _resolved(last: Span | None, starts_at: float, ends_at: float) -> tuple[Change, Span]:
    if last is None:
        return Change.MISSED, Span(starts_at, ends_at)
    if last.ends_at is None:
        if ends_at < last.starts_at:
            return Change.STALE, last
        return Change.CLOSED, Span(last.starts_at, ends_at)
    if starts_at > last.ends_at:
        return Change.MISSED, Span(starts_at, ends_at)
    return Change.STALE, Span(last.starts_at, max(last.ends_at, ends_at))


def announces(change: Change) -> Status | None:
    """Return which notification a change calls for, if any."""
    if change is Change.OPENED:
        return "firing"
    return "resolved" if change is Change.CLOSED else None
