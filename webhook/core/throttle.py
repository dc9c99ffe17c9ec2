"""Does a new incident go out now, or is it held back for a digest, why and until when?

What counts is the announcement of an incident, however many channels it goes to. A resolved is
neither held nor counted: there are never more of them than of announcements.
"""

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from promkit.durations import format_duration
from webhook.core import correlation as causes
from webhook.core.flapping import Flapping
from webhook.core.patterns import Silencing
from webhook.core.quiet import QuietHours, quiet_until
from webhook.core.severity import LEVELS, Level

HeldReason = Literal[
    "throttled_metric",
    "throttled_total",
    "flapping",
    "quiet_hours",
    "grouped",
    "missed",
    "harmless_pattern",
]

LEASE_SECONDS = 60.0
"""So long what follows a harmless pattern is held; whoever sees that it still does may renew it."""


@dataclass(frozen=True, slots=True)
class Total:
    """At most `count` (>= 2) announcements and digests in any `per` seconds.

    The last place is kept for a digest, so that what is held back can always be named.
    """

    count: int
    per: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds an announcement back; None where nothing does.

    Parameters
    ----------
    per_metric_and_severity : seconds between two of one metric and level at least
    total, flapping : limits over everything, and for one alert
    bypass : levels that none of these three holds, nor counts
    digest : seconds after which what is held is named in a digest
    quiet : when which levels wait, those that bypass the limits too
    correlation : what belongs together, so that one of it is enough
    ending : channels that are told when all of a digest is over
    patterns : what harmless patterns may silence
    """

    per_metric_and_severity: float | None = None
    total: Total | None = None
    flapping: Flapping | None = None
    bypass: frozenset[Level] = frozenset()
    digest: float = 300.0
    quiet: tuple[QuietHours, ...] = ()
    correlation: causes.Rules | None = None
    ending: frozenset[str] = frozenset()
    patterns: Silencing | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """A new incident.

    Parameters
    ----------
    incident : its number
    metric : the query, or the alert's name where there is none
    openings : when this alert opened, now included, ascending; unix seconds
    group : the group of one cause that it belongs to
    pattern : the harmless pattern of its series at this hour
    """

    incident: int
    metric: str
    level: Level
    openings: tuple[float, ...]
    group: int | None = None
    pattern: int | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an announcement is held back, and until when; unix seconds."""

    reason: HeldReason
    until: float


@dataclass(frozen=True, slots=True)
class Past:
    """What went out lately and counts; unix seconds.

    Parameters
    ----------
    metrics : when something of a metric and level was last announced
    total : when something was announced or a digest made, ascending
    groups : the levels of the members that were announced, whenever that was
    """

    metrics: dict[tuple[str, Level], float] = field(default_factory=dict)
    total: list[float] = field(default_factory=list)
    groups: dict[int, list[Level]] = field(default_factory=dict)


def decide(news: Sequence[Announcement], past: Past, rules: Rules, now: float) -> list[Hold | None]:
    """Return for each announcement why it is held back, or None where it goes out now.

    Earlier ones are served first. Those that go out are added to `past`.
    """
    decisions: list[Hold | None] = []
    for item in news:
        hold = hold_of(item, past, rules, now)
        decisions.append(hold)
        if hold is None and item.group is not None:
            past.groups.setdefault(item.group, []).append(item.level)
        if hold is None and item.level not in rules.bypass:
            past.metrics[item.metric, item.level] = now
            insort(past.total, now)
    return decisions


def hold_of(item: Announcement, past: Past, rules: Rules, now: float) -> Hold | None:
    """Return why one announcement is held back, or None."""
    if item.pattern is not None:
        return Hold("harmless_pattern", now + LEASE_SECONDS)
    until = quiet_until(rules.quiet, item.level, now)
    if until is not None:
        return Hold("quiet_hours", until)
    if item.level in rules.bypass:
        return None
    return _limited(item, past, rules, now)


def _limited(item: Announcement, past: Past, rules: Rules, now: float) -> Hold | None:
    named_at = now + rules.digest
    if item.group is not None:
        told = (-LEVELS.index(level) for level in past.groups.get(item.group, ()))
        if not causes.announces(-LEVELS.index(item.level), told):
            return Hold("grouped", named_at)
    if rules.flapping is not None:
        calm_at = rules.flapping.calm_at(item.openings)
        if calm_at is not None:
            # That it has begun to flap is news; that it goes on is not.
            is_new = rules.flapping.is_new(item.openings)
            return Hold("flapping", named_at if is_new else max(named_at, calm_at))
    if rules.per_metric_and_severity is not None:
        last = past.metrics.get((item.metric, item.level), -math.inf)
        if last + rules.per_metric_and_severity > now:
            return Hold("throttled_metric", named_at)
    if rules.total is not None and _free_at(past, rules.total, now, kept=1) > now:
        return Hold("throttled_total", named_at)
    return None


def digest_at(past: Past, rules: Rules, now: float) -> float:
    """Return the first instant at which the limits let a digest go out; unix seconds."""
    return now if rules.total is None else _free_at(past, rules.total, now, kept=0)


def _free_at(past: Past, total: Total, now: float, kept: int) -> float:
    """Return when fewer than `count - kept` lie in the window."""
    places = total.count - kept
    if len(past.total) < places:
        return now
    return max(now, past.total[-places] + total.per)


_PLAIN: Mapping[HeldReason, str] = {
    "quiet_hours": "quiet hours",
    "grouped": "one cause with what was told before",
    "missed": "it was over before we heard of it",
    "harmless_pattern": "as harmless as before",
}


def in_words(reason: HeldReason, rules: Rules) -> str:
    """Say what a reason means under these rules."""
    match reason:
        case "throttled_metric":
            every = format_duration(rules.per_metric_and_severity or 0.0)
            return f"one in {every} for a metric and severity"
        case "throttled_total":
            if rules.total is None:
                return "limit of all notifications"
            return f"limit of {rules.total.count} in {format_duration(rules.total.per)}"
        case "flapping":
            if rules.flapping is None:
                return "flapping"
            within = format_duration(rules.flapping.within)
            return f"flapping: {rules.flapping.changes} times or more in {within}"
        case _:
            return _PLAIN[reason]
