"""How are numbers, times and facts written for people, whichever channel carries them?"""

import math
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from webhook.core.facts import Breach, Cause, History, Reading, Siblings
from webhook.core.message import Message

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0

_DECIMAL = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BINARY = ((2.0**50, "Pi"), (2.0**40, "Ti"), (2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki"))

VERDICTS = {
    "confirmed": "confirmed",
    "false_alarm": "false alarm",
    "expected_change": "expected change",
    "maintenance": "maintenance",
}
"""Each verdict as people read it."""


def amount(number: float, unit: str = "") -> str:
    """Write a number with its unit in at most four digits: 1.234k, 1.5 GiB, 34 %, 2h 10m.

    unit : bytes, ratio, seconds, any other word, or nothing
    """
    if not math.isfinite(number):
        return "infinite" if math.isinf(number) else "unknown"
    match unit:
        case "bytes":
            text = _scaled(number, _BINARY)
            return f"{text[:-2]} {text[-2:]}B" if text.endswith("i") else f"{text} B"
        case "ratio":
            return f"{100 * number:.4g} %"
        case "seconds":
            return f"{number:.4g} s" if abs(number) < 2 * MINUTE else span(number)
        case _:
            text = _scaled(number, _DECIMAL)
            return f"{text} {unit}" if unit else text


def _scaled(number: float, sizes: tuple[tuple[float, str], ...]) -> str:
    for size, suffix in sizes:
        if abs(number) >= size:
            return f"{number / size:.4g}{suffix}"
    return f"{number:.4g}"


def span(seconds: float) -> str:
    """Write how long something lasts, in its two greatest units: 45 s, 11 min, 2 h 10 min, 3 d."""
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    if rest < MINUTE:
        return f"{sign}{rest:.0f} s"
    if rest < HOUR:
        return f"{sign}{rest // MINUTE:.0f} min"
    large, name, small, below = (DAY, "d", HOUR, "h") if rest >= DAY else (HOUR, "h", MINUTE, "min")
    count, left = divmod(rest, large)
    text = f"{sign}{count:.0f} {name}"
    return f"{text} {left // small:.0f} {below}" if left >= small else text


def moment(at: float, zone: str = "UTC", near: float | None = None) -> str:
    """Write an instant on the clock of a zone: 03:12 UTC, or 21 Nov 03:12 UTC.

    near : an instant of the same text that has its date; on the same day, the time is enough
    """
    clock = ZoneInfo(zone)
    then = datetime.fromtimestamp(at, clock)
    is_same_day = near is not None and datetime.fromtimestamp(near, clock).date() == then.date()
    date = "" if is_same_day else f"{then.day} {then:%b} "
    return f"{date}{then:%H:%M} {then:%Z}"


def day(at: float, zone: str = "UTC") -> str:
    """Write the day of an instant: 9 Nov."""
    then = datetime.fromtimestamp(at, ZoneInfo(zone))
    return f"{then.day} {then:%b}"


def reading_line(reading: Reading) -> str:
    """Return "is 1.84 s; expected 0.31 s, normal from 0.21 s to 0.47 s", as far as it is known."""
    unit = reading.unit
    parts = []
    if reading.expected is not None:
        parts.append(f"expected {amount(reading.expected, unit)}")
    if reading.lower is not None and reading.upper is not None:
        low, high = amount(reading.lower, unit), amount(reading.upper, unit)
        parts.append(f"normal from {low} to {high}")
    if reading.value is None:
        return ", ".join(parts)
    text = f"is {amount(reading.value, unit)}"
    return f"{text}; {', '.join(parts)}" if parts else text


def since_line(message: Message) -> str:
    """Return when it began, and when it ended and how long it took."""
    began = moment(message.starts_at, message.zone)
    if message.ends_at is None:
        return f"since {began}"
    ended = moment(message.ends_at, message.zone, near=message.starts_at)
    return f"from {began} to {ended} ({span(message.ends_at - message.starts_at)})"


def siblings_line(siblings: Siblings) -> str:
    """Return "3 of 12 series: pod-4, pod-7, pod-9"."""
    of = f" of {siblings.watched}" if siblings.watched else ""
    text = f"{siblings.affected}{of} series"
    if not siblings.names:
        return text
    more = siblings.affected - len(siblings.names)
    return f"{text}: {', '.join(siblings.names)}{f' and {more} more' if more > 0 else ''}"


def history_line(history: History, zone: str = "UTC") -> str:
    """Return how often it was so before, and what people said of it."""
    if history.count == 0:
        text = f"first time in {history.days} days"
    else:
        text = f"{history.count} earlier in {history.days} days"
        if history.last_at is not None:
            text += f", the last on {day(history.last_at, zone)}"
    if history.last_verdict is None:
        return text
    text += f"; last verdict: {VERDICTS.get(history.last_verdict, history.last_verdict)}"
    if history.last_verdict_by:
        text += f" by {history.last_verdict_by}"
    if history.last_verdict_at is not None:
        text += f", {day(history.last_verdict_at, zone)}"
    return text


def breach_line(breach: Breach, zone: str = "UTC") -> str:
    """Return when the limit is reached, between when and when, and how likely."""
    text = f"reaches its limit at {moment(breach.at, zone)}"
    is_known = breach.earliest is not None and math.isfinite(breach.earliest)
    if breach.earliest is not None and is_known and breach.latest is not None:
        earliest = moment(breach.earliest, zone, near=breach.at)
        is_never = math.isinf(breach.latest)
        latest = "not within the horizon" if is_never else moment(breach.latest, zone, breach.at)
        text += f", at the earliest {earliest}, at the latest {latest}"
    if breach.probability is not None:
        text += f"; probability {100 * breach.probability:.0f} %"
    return text


def cause_line(cause: Cause) -> str:
    """Return which group the incident belongs to, and what moved first."""
    text = f"one of {cause.size} incidents of group {cause.group}"
    if cause.is_first:
        text += "; this one moved first"
    elif cause.first:
        text += f"; {cause.first} moved first (incident {cause.first_incident})"
    return f"{text}; {cause.why}" if cause.why else text


def facts_of(message: Message) -> Iterator[tuple[str, str]]:
    """Yield name and text of every known fact about an incident, in the order of reading."""
    if message.reading is not None and (line := reading_line(message.reading)):
        yield "Value", line
    if message.sparkline:
        yield "Last hours", message.sparkline
    yield "When", since_line(message)
    if message.siblings is not None and message.siblings.affected > 1:
        yield "Affected", siblings_line(message.siblings)
    if message.why:
        yield "Why", message.why
    if message.breach is not None:
        yield "Forecast", breach_line(message.breach, message.zone)
    if message.cause is not None:
        yield "Cause", cause_line(message.cause)
    if message.history is not None:
        yield "History", history_line(message.history, message.zone)
