"""By what do verdicts move a threshold, and when?

Ten false alarms of a series raise its threshold by a tenth. Once a week the share of false alarms
among a query's judged incidents moves the threshold of the whole query. Both are factors on what is
configured; the exporter multiplies and bounds them. What these raises hid, and a person marks as
missed, takes them back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Reason = Literal["false_alarms", "weekly", "person", "undo", "missed"]

LOWEST, HIGHEST = 0.5, 1.5
BATCH = 10
UP, DOWN = 1.1, 0.9
# The share of false alarms that people put up with, and that tells of a threshold that is too high.
RAISE_ABOVE, LOWER_BELOW = 0.20, 0.05
# Fewer verdicts, or all of one bad day, say little about a rate.
JUDGED_AT_LEAST, DAYS_AT_LEAST = 20, 2
DAY = 86_400.0
WINDOWS = (7 * DAY, 28 * DAY)
CAUTION_SECONDS = 28 * DAY
REPLAY_SECONDS = 14 * DAY
_DIGITS = 6
# So much lower than a peak that was missed is the threshold that it takes back.
_HAIR = 0.001
_ROUNDING = 1e-8


def bounded(ratio: float) -> float:
    """Return a ratio within what is allowed, rounded so that ways there and back meet."""
    return round(min(max(ratio, LOWEST), HIGHEST), _DIGITS)


def undone(ratio: float, before: float, after: float) -> float:
    """Return what a ratio is without a change, those made since then left in force."""
    return before if ratio == after else bounded(ratio * before / after)


def threshold_today(threshold: float, then: float, now: float) -> float:
    """Return what a threshold is by now, whose ratios multiplied to `then` and do to `now`."""
    return threshold / bounded(then) * bounded(now)


def taken_down(
    series: float, query: float, peak: float, threshold_now: float
) -> tuple[float, float]:
    """Return the ratios of a series and of its query with which a missed peak would alert.

    The series' comes down first, and neither below 1. Both stay where the peak reaches the
    threshold as it is, where nothing is raised, and where taking all raises back is not enough.

    Parameters
    ----------
    series, query : the ratios in force
    peak : the highest score, 0 to 1
    threshold_now : of that series, with these ratios
    """
    product = bounded(series * query)
    if peak >= threshold_now or product <= 1.0:
        return series, query
    lowest = max(min(series, 1.0) * min(query, 1.0), LOWEST)
    wanted = peak / threshold_now * product
    if wanted < lowest * (1 - _ROUNDING):
        return series, query
    wanted = max(wanted * (1 - _HAIR), lowest)
    series = _down(series, wanted / query)
    return (series, query) if series > 1.0 else (series, _down(query, wanted / series))


def _down(ratio: float, wanted: float) -> float:
    """Return a ratio brought down to what is wanted, but not below 1."""
    return ratio if ratio <= 1.0 else bounded(max(1.0, min(ratio, wanted)))


def hidden_words(*, is_enabled: bool, has_prometheus: bool) -> str:
    """Say what follows for thresholds from a mark that an alert was missed."""
    if not is_enabled:
        return "marks move no thresholds here (tuning.enabled)"
    if not has_prometheus:
        return "no threshold is moved, since nobody can look up the scores (prometheus)"
    return "if a raised threshold hid it, that raise is taken back within some minutes"


@dataclass(frozen=True, slots=True)
class Tally:
    """What people said of a series; incidents by number.

    Parameters
    ----------
    false_alarms, otherwise : judged so now
    spent : those that a batch was made of; a verdict taken back since then is owed
    """

    false_alarms: frozenset[int] = frozenset()
    otherwise: frozenset[int] = frozenset()
    spent: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        """How many false alarms of the next batch there are."""
        owed = len(self.otherwise & self.spent)
        return max(0, len(self.false_alarms - self.spent) - owed)

    @property
    def batch(self) -> tuple[int, ...]:
        """The oldest ten of them; nothing while there are fewer."""
        return tuple(sorted(self.false_alarms - self.spent))[:BATCH] if self.count >= BATCH else ()


@dataclass(frozen=True, slots=True)
class Rated:
    """An incident that was confirmed or a false alarm; `opened_at` in unix seconds."""

    id: int
    opened_at: float
    is_false_alarm: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of false alarms among so many incidents of so many days."""

    false_alarms: int
    judged: int
    days: int
    window_days: int

    @property
    def factor(self) -> float:
        """What the threshold is to be multiplied by."""
        share = self.false_alarms / self.judged
        if share > RAISE_ABOVE:
            return UP
        return DOWN if share < LOWER_BELOW else 1.0


def rate_of(rated: Iterable[Rated], now: float, since: float, zone: str) -> Rate | None:
    """Return the rate of the last week, or of four where a week has too few; None without enough.

    Parameters
    ----------
    since : when the threshold was changed last: what was before says nothing of it as it is now
    zone : whose days are counted
    """
    known = list(rated)
    tz = ZoneInfo(zone)
    for window in WINDOWS:
        chosen = [each for each in known if max(now - window, since) <= each.opened_at <= now]
        days = {datetime.fromtimestamp(each.opened_at, tz).date() for each in chosen}
        if len(chosen) >= JUDGED_AT_LEAST and len(days) >= DAYS_AT_LEAST:
            wrong = sum(each.is_false_alarm for each in chosen)
            return Rate(wrong, len(chosen), len(days), int(window // DAY))
    return None


def last_sunday(now: float, zone: str) -> float:
    """Return the last Sunday, 03:00 by that zone's clock, at or before an instant."""
    tz = ZoneInfo(zone)
    local = datetime.fromtimestamp(now, tz)
    sunday = (local - timedelta(days=local.isoweekday() % 7)).date()
    while True:
        due = datetime(sunday.year, sunday.month, sunday.day, 3, tzinfo=tz).timestamp()
        if due <= now:
            return due
        sunday -= timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Step:
    """A change that was made before: when (unix seconds), from which ratio to which."""

    at: float
    before: float
    after: float


def ratio_at(steps: Sequence[Step], current: float, at: float) -> float:
    """Return the ratio that was in force at an instant; `steps` in order of time."""
    return next((step.before for step in steps if step.at > at), current)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a change would have done to the alarms of the last 14 days; incidents by number.

    Parameters
    ----------
    alarms : how many there were
    gone : those that would not have come
    lost : those among them that people confirmed
    unknown : confirmed ones of which there are no samples
    """

    alarms: int
    gone: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The same for people."""
        text = f"of {self.alarms} alarms in 14 days {len(self.gone)} would not have come"
        text += f", {len(self.lost)} of them confirmed"
        return text + (f"; {len(self.unknown)} confirmed without samples" if self.unknown else "")


def is_safe(replay: Replay | None, confirmed_lately: int) -> tuple[bool, str]:
    """Tell whether a threshold may be raised without asking, and why.

    Parameters
    ----------
    replay : None where none was possible
    confirmed_lately : incidents that people confirmed in 28 days
    """
    if replay is None:
        words = f"no replay was possible, {confirmed_lately} confirmed incidents in 28 days"
        return confirmed_lately == 0, words
    return not (replay.lost or replay.unknown), replay.words


def progress_words(count: int) -> str:
    """Say how far a series is from a higher threshold."""
    return f"{count} of {BATCH} false alarms for this series; its threshold stays"


def change_words(before: float, after: float) -> str:
    """Say what happened to a threshold."""
    if after == before:
        return f"the threshold stays at {after:g} times what is configured, which is its limit"
    verb = "raised" if after > before else "lowered"
    percent = abs(after / before - 1) * 100
    to = "what is configured" if after == 1.0 else f"{after:g} times what is configured"
    return f"the threshold is {verb} by {percent:.3g} %, to {to}"
