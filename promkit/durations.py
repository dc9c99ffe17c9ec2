"""How long is "1h30m"? Prometheus' grammar for durations, in seconds."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo

GRAMMAR = (
    "allowed: 0, or whole numbers with a unit (y, w, d, h, m, s, ms), largest unit first, "
    "such as 5m, 1h30m or 250ms"
)
# Largest unit first, as Prometheus wants them; a year is 365 days there.
_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,18}}){unit})?" for unit in _MILLISECONDS))
_LONGEST = 2**63 // 10**6  # Prometheus keeps nanoseconds in an int64, some 292 years
_ONLY_WHEN_EXACT = ("y", "w", "d")  # 90m reads better as 1h30m, but 36h better than 1d12h


def parse_duration(text: str) -> float:
    """Return the seconds that a Prometheus duration stands for.

    Raises
    ------
    ValueError
        If the text is not of that grammar, or longer than Prometheus can hold.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"found {text!r}, which is no duration; {GRAMMAR}")
    pairs = zip(match.groups(), _MILLISECONDS.values(), strict=True)
    milliseconds = sum(int(count) * size for count, size in pairs if count)
    if milliseconds > _LONGEST:
        raise ValueError(f"found {text!r}, which is longer than 292 years; write a shorter one")
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Write seconds in Prometheus' grammar, rounded to whole milliseconds."""
    rest = round(seconds * 1000)
    if rest < 0:
        raise ValueError(f"found {seconds} seconds; a duration cannot be negative")
    parts = []
    for unit, size in _MILLISECONDS.items():
        if unit in _ONLY_WHEN_EXACT and rest % size:
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _from_config(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a duration is wanted; {GRAMMAR}")
    # A file's 15 may mean minutes to its author; our own code means seconds.
    if value and info.mode == "json":
        raise ValueError(f"found {value} without a unit, did you mean {value}s? {GRAMMAR}")
    return float(value)


Duration = Annotated[
    float,
    BeforeValidator(_from_config, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]
"""Seconds; text such as ``5m`` in a configuration, a plain float in Python."""

PositiveDuration = Annotated[Duration, Field(gt=0)]
"""A duration of more than nothing: intervals, steps, timeouts."""
