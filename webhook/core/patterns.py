"""Does this go as it went when people called it harmless: the same shape at the same hour?

A shape is what a series did from the onset of an incident to its end. An envelope lies around some
of them, and a course that is still going on fits as long as it stays inside.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal
from zoneinfo import ZoneInfo

from webhook.core.observation import Observation
from webhook.core.present import span
from webhook.core.severity import Level

Left = Literal["left", "longer", "unknown", "ended"]
"""It went another way; it lasted longer; nobody could say; the pattern itself was over."""

FEWEST = 3
"""So many incidents that people called harmless make a pattern."""

HARMLESS = ("false_alarm", "expected_change")

SLACK = 2
"""Steps by which a course may come sooner or later, and samples in a row that it may lack."""

LONGER = 1.5
"""How much longer than the envelope a course may last."""

ALIKE = 1.5
"""How much higher than the other one of two alike courses may rise above what was expected."""

HOUR_MINUTES = 30.0
LOOKED_AT = 12
_HALF_HOUR = 60 * HOUR_MINUTES
_DAY_MINUTES = 1_440.0


@dataclass(frozen=True, slots=True)
class Silencing:
    """Which alerts a pattern may silence.

    Parameters
    ----------
    levels : others always tell
    alertnames : those that a score above its threshold causes
    external_labels : names of labels that alerts have and series do not
    """

    levels: frozenset[Level]
    alertnames: frozenset[str]
    external_labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shape:
    """What a series did in one incident, every `step` seconds from its onset to its end.

    Parameters
    ----------
    values : float [T], in the unit of the series; NaN where there is no sample
    width : of the band of what is normal; NaN where that is unknown
    height : signed, by how much it was furthest from what was expected; NaN where that is unknown
    """

    step: float
    values: Sequence[float]
    width: float = math.nan
    height: float = math.nan


@dataclass(frozen=True, slots=True)
class Envelope:
    """Between what a harmless course stays, every `step` seconds from its onset; float [T]."""

    step: float
    lower: Sequence[float]
    upper: Sequence[float]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that people called harmless, and when on the clock it came, in minutes."""

    incident: int
    minute: float
    shape: Shape


def is_whole(values: Sequence[float]) -> bool:
    """Tell whether so few samples in a row are missing that the rest says what it did."""
    row = 0
    for value in values:
        row = row + 1 if math.isnan(value) else 0
        if row > SLACK:
            return False
    return True


def shape_of(seen: Observation, until: float) -> Shape | None:
    """Return what a series did from its onset to an instant; None where nobody knows.

    Parameters
    ----------
    until : when the incident ended, or now; unix seconds
    """
    course, began_at = seen.course, seen.began_at
    if course is None or began_at is None or until < began_at:
        return None
    first = max(0, round((began_at - course.start) / course.step))
    own = slice(first, first + int((until - began_at) / course.step) + 1)
    values = course.values[own]
    apart = [a - b for a, b in zip(values, course.expected[own], strict=True)]
    widths = [b - a for a, b in zip(course.lower, course.upper, strict=True)]
    heights = [each for each in apart if math.isfinite(each)]
    known = [width for width in widths if math.isfinite(width)]
    return Shape(
        course.step,
        tuple(values),
        width=median(known) if known else math.nan,
        height=max(heights, key=abs) if heights else math.nan,
    )


def envelope(shapes: Iterable[Shape]) -> Envelope:
    """Return what lies around some shapes (>= 1, each whole).

    At each step it is as high as they are apart, and on each side half of that wider, and half of
    the band of what is normal; then as wide as any of the `SLACK` steps before and after.
    """
    known = list(shapes)
    step = max(shape.step for shape in known)
    columns: defaultdict[int, list[float]] = defaultdict(list)
    for shape in known:
        for i, value in enumerate(shape.values):
            for column in _beside(i * shape.step / step):
                columns[column].append(value)
    widths = [shape.width for shape in known if math.isfinite(shape.width)]
    band = median(widths) / 2 if widths else 0.0
    sides = [
        _sides([each for each in columns[i] if math.isfinite(each)], band)
        for i in range(max(columns) + 1)
    ]
    lower, upper = [], []
    for i in range(len(sides)):
        near = sides[max(0, i - SLACK) : i + SLACK + 1]
        lower.append(min(low for low, _ in near))
        upper.append(max(high for _, high in near))
    return Envelope(step, tuple(lower), tuple(upper))


def _beside(place: float) -> Iterable[int]:
    """Return the steps before and after a sample; one where it lies on a step."""
    return {math.floor(place), math.ceil(place)}


def _sides(values: Sequence[float], band: float) -> tuple[float, float]:
    # Where none has a sample, those beside it say what may be.
    if not values:
        return math.inf, -math.inf
    low, high = min(values), max(values)
    margin = (high - low) / 2 + band
    return low - margin, high + margin


def fits(around: Envelope, shape: Shape) -> bool:
    """Tell whether a course stays in an envelope so far."""
    return left(around, shape) is None


def left(around: Envelope, shape: Shape | None) -> Left | None:
    """Return how a course came to leave an envelope; None while it stays inside.

    After the last step of the envelope its last bounds hold.
    """
    if shape is None or not any(map(math.isfinite, shape.values)):
        return "unknown"
    last = len(around.lower) - 1
    for i, value in enumerate(shape.values):
        near = [min(each, last) for each in _beside(i * shape.step / around.step)]
        if value < min(around.lower[each] for each in near):
            return "left"
        if value > max(around.upper[each] for each in near):
            return "left"
    if (len(shape.values) - 1) * shape.step > LONGER * len(around.lower) * around.step:
        return "longer"
    return None if is_whole(shape.values) else "unknown"


def agreeing(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return incidents that make a pattern, the newest of them first; none if there are too few.

    They came within `HOUR_MINUTES` of the first of them, are about as high, and each fits what lies
    around the others.

    Parameters
    ----------
    candidates : of one series, the newest first; each whole
    """
    looked_at = candidates[:LOOKED_AT]
    for i, first in enumerate(looked_at):
        near = [
            each
            for each in looked_at[i:]
            if minutes_apart(each.minute, first.minute) <= HOUR_MINUTES
            and _is_as_high(each.shape.height, first.shape.height)
        ]
        while len(near) >= FEWEST:
            odd = [each for each in near if not _fits_others(each, near)]
            if not odd:
                return near
            if odd == [first]:
                break
            near.remove(odd[-1])
    return []


def _is_as_high(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return False
    low, high = sorted((abs(one), abs(other)))
    return one * other > 0 and high <= ALIKE * low


def _fits_others(one: Candidate, all_of_them: Sequence[Candidate]) -> bool:
    others = envelope(each.shape for each in all_of_them if each is not one)
    return fits(others, one.shape)


def minute_of(at: float, zone: str) -> float:
    """Return what a clock on the wall shows at an instant, in minutes since midnight."""
    then = datetime.fromtimestamp(at, ZoneInfo(zone))
    return then.hour * 60 + then.minute + then.second / 60


def clock_words(minute: float) -> str:
    """Write minutes since midnight as a clock shows them: 02:10."""
    return f"{int(minute) // 60:02d}:{int(minute) % 60:02d}"


def minutes_apart(one: float, other: float) -> float:
    """Return how far apart two times of day are, the shorter way round the clock."""
    apart = abs(one - other) % _DAY_MINUTES
    return min(apart, _DAY_MINUTES - apart)


def is_its_hour(minute: float, zone: str, at: float) -> bool:
    """Tell whether an instant is within `HOUR_MINUTES` of a time of day."""
    return minutes_apart(minute, minute_of(at, zone)) <= HOUR_MINUTES


def has_its_hour(minute: float, zone: str, start: float, end: float) -> bool:
    """Tell whether a time of day comes, give or take `HOUR_MINUTES`, within a span of time."""
    instants = [start + i * _HALF_HOUR for i in range(int((end - start) / _HALF_HOUR) + 1)]
    return any(is_its_hour(minute, zone, at) for at in (*instants, end))


def left_words(how: Left, seconds: float) -> str:
    """Say how an incident came to leave its pattern, so long after it opened."""
    match how:
        case "left":
            return f"left the pattern after {span(seconds)}"
        case "longer":
            return f"still went on after {span(seconds)}, longer than the pattern"
        case "unknown":
            return "Prometheus did not say how it goes"
        case "ended":
            return "the pattern was over"


def began_words(pattern: int, how: Left) -> str:
    """Say in a message what an incident was taken for at first."""
    match how:
        case "left":
            return f"began like harmless pattern {pattern}, then left it"
        case "longer":
            return f"began like harmless pattern {pattern}, and lasts longer"
        case "unknown":
            return f"may be harmless pattern {pattern}; Prometheus did not say how it goes"
        case "ended":
            return f"was silent as harmless pattern {pattern} until that was over"
