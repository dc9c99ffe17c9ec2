"""Which facts does a message state, in which order?

The order is that of a phone's first screen; the words of each fact are those of core/present.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from webhook.core.facts import Digest, Reading
from webhook.core.message import Message
from webhook.core.present import (
    amount,
    breach_line,
    cause_line,
    history_line,
    moment,
    siblings_line,
    span,
)
from webhook.core.text import one_line

LONGEST_LINE = 900
DIGEST_ROWS = 15
# From here on "4 times as much" says something; below, the band says it better.
_NOTABLE_RATIO = 1.5
_LARGEST_RATIO = 100.0


@dataclass(frozen=True, slots=True)
class Line:
    """One fact: its name, "" where it needs none, and its words."""

    name: str
    words: str

    def plain(self) -> str:
        """Return name and words."""
        return f"{self.name}: {self.words}" if self.name else self.words


def incident_lines(message: Message, now: float) -> tuple[Line, ...]:
    """Return what is known of an incident, in reading order; the unknown is left out."""
    is_over = message.status == "resolved"
    breach, history, cause = message.breach, message.history, message.cause
    reading = message.reading
    has_numbers = breach is not None or (reading is not None and bool(_expected(reading)))
    test = "nothing is wrong, somebody ran anomaly-webhook send-test"
    found = {
        "forecast": "" if breach is None or is_over else breach_line(breach, message.zone),
        _name_of_value(message): _value(message),
        "lasted" if is_over else "since": _lasted(message, now)
        if is_over
        else _since(message, now),
        "why": message.why,
        "history": "" if history is None else history_line(history, message.zone),
        "cause": "" if cause is None else cause_line(cause),
        # Our own rules repeat there the numbers that stand above.
        "details": "" if has_numbers else message.annotations.get("description", ""),
        "test": test if message.is_test else "",
    }
    lines = (Line(name, one_line(words, LONGEST_LINE)) for name, words in found.items())
    return tuple(line for line in lines if line.words)


def digest_lines(
    digest: Digest, icons: Mapping[str, str], zone: str, now: float
) -> tuple[Line, ...]:
    """Return what was held back, the worst first; what is not listed is counted."""
    since, until = moment(digest.since, zone, now), moment(digest.until, zone, now)
    levels = ", ".join(f"{count} {level}" for level, count in digest.by_level.items() if count)
    lines = [Line("", f"{since} to {until}" + (f": {levels}" if levels else ""))]
    shown = digest.rows[:DIGEST_ROWS]
    for row in shown:
        times = f" ({row.count} times)" if row.count > 1 else ""
        state = "still firing" if row.is_open else "over"
        icon = icons.get(row.level, "")
        words = f"{icon} {row.level} {row.what}{times}, {state}; held back: {row.why_held}"
        lines.append(Line("", one_line(words, 300)))
    rest = digest.held - sum(row.count for row in shown)
    if rest > 0:
        lines.append(Line("", f"… and {rest} more"))
    return tuple(lines)


def _name_of_value(message: Message) -> str:
    if message.status == "resolved":
        return "last" if _peak(message) is None else "peak"
    return "now"


def _value(message: Message) -> str:
    """Return "1.84 s, expected 0.21 to 0.47 s (4.1 times as much)  ▁▁▂█"."""
    reading = message.reading
    if reading is None or reading.value is None or not isfinite(reading.value):
        return message.sparkline
    value = reading.value
    if message.status == "resolved" and (peak := _peak(message)) is not None:
        value = peak
    words = amount(value, reading.unit)
    if expected := _expected(reading):
        words += f", expected {expected}"
    if far := _far(value, reading):
        words += f" ({far})"
    return f"{words} {message.sparkline}"


def _expected(reading: Reading) -> str:
    unit = reading.unit
    if reading.lower is not None and reading.upper is not None:
        low, high = amount(reading.lower, unit), amount(reading.upper, unit)
        return low if low == high else f"{low} to {high}"
    return "" if reading.expected is None else amount(reading.expected, unit)


def _far(value: float, reading: Reading) -> str:
    expected = reading.expected
    if expected is not None and expected > 0 and value > 0:
        ratio = value / expected
        if _NOTABLE_RATIO <= ratio < _LARGEST_RATIO:
            return f"{ratio:.2g} times as much"
        if ratio >= _LARGEST_RATIO:
            return f"over {_LARGEST_RATIO:.0f} times as much"
    if reading.upper is not None and value > reading.upper:
        return "above"
    return "below" if reading.lower is not None and value < reading.lower else ""


def _peak(message: Message) -> float | None:
    """Return the value farthest from the expected one while the incident was open."""
    course, reading = message.course, message.reading
    if course is None or reading is None or reading.expected is None:
        return None
    middle = reading.expected
    ends_at = float("inf") if message.ends_at is None else message.ends_at
    inside = (
        value
        for at, value in zip(course.times, course.values, strict=False)
        if message.starts_at <= at <= ends_at and isfinite(value)
    )
    return max(inside, key=lambda value: abs(value - middle), default=None)


def _since(message: Message, now: float) -> str:
    words = f"{moment(message.starts_at, message.zone, now)} ({span(now - message.starts_at)})"
    siblings = message.siblings
    if siblings is not None and (siblings.affected > 1 or siblings.watched):
        words += f", {siblings_line(siblings)}"
    return words


def _lasted(message: Message, now: float) -> str:
    ends_at = now if message.ends_at is None else message.ends_at
    began, ended = (moment(at, message.zone, now) for at in (message.starts_at, ends_at))
    return f"{span(ends_at - message.starts_at)}, from {began} to {ended}"
