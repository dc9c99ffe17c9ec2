"""Which seasons does a user ask for?"""

from typing import Annotated, Final, Literal

from annotated_types import Gt
from pydantic import BeforeValidator, PlainSerializer

from exporter.core.seasons import DAY, WEEK, Seasons
from promkit.durations import format_duration, parse_duration

_NAMES: Final = {"auto", "daily", "weekly", "none"}


def _read_period(value: object) -> object:
    if not isinstance(value, str) or value in _NAMES:
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        names = ", ".join(sorted(_NAMES))
        raise ValueError(f"found {value!r}, which is none of {names}, and no duration") from error


def _write_period(value: str | float) -> str:
    return value if isinstance(value, str) else format_duration(value)


Period = Annotated[
    Literal["auto", "daily", "weekly", "none"] | Annotated[float, Gt(0)],
    BeforeValidator(_read_period, json_schema_input_type=str),
    PlainSerializer(_write_period, return_type=str, when_used="json"),
]
"""Which seasons to learn: a name, or seconds."""


def seasons_of(period: Period) -> Seasons:
    """Return what to learn: one day and one week follow the wall clock, other durations UTC."""
    match period:
        case "auto":
            return Seasons()
        case "daily":
            return Seasons(has_week=False, finds_cycles=False)
        case "weekly":
            return Seasons(finds_cycles=False)
        case "none":
            return Seasons(cycle=0, has_week=False, finds_cycles=False)
        case seconds:
            cycle = round(seconds * 1000)
            if cycle == WEEK:
                return Seasons(cycle=DAY, finds_cycles=False)
            return Seasons(cycle=cycle, has_week=False, finds_cycles=False)
