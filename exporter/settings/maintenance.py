"""When is nothing to be learned, or not even judged? The `maintenance` of the YAML as models."""

from datetime import time
from typing import Annotated, Final, Literal, Self

from annotated_types import Len
from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from exporter.settings.zones import TimeZone
from promkit.errors import FieldProblem
from promkit.labels import parse_matchers
from promkit.strictyaml import StrictModel

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_KINDS: Final = ("start", "between", "calendars")


def _readable(text: str) -> str:
    parse_matchers(text)
    return text


class MaintenanceConfig(StrictModel):
    """Times of some series that nothing is learned from."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_.-]*$", max_length=128)]
    """What the log and `check-config` call it."""
    start: AwareDatetime | None = None
    """When it begins, once, such as 2026-11-21T20:00:00Z."""
    end: AwareDatetime | None = None
    """When it ends."""
    between: tuple[time, time] | None = None
    """From when to when on some days, such as ["22:00", "02:00"]; the end may be the day after."""
    days: Annotated[tuple[Weekday, ...], Len(1)] = WEEKDAYS
    """The days of the week on which `between` begins."""
    calendars: tuple[str, ...] = ()
    """Names from `calendars`: whole days and hours in them."""
    timezone: TimeZone = None
    """Whose clock `between` and whole days follow; default: UTC."""
    queries: tuple[str, ...] = ()
    """Names of the queries that are meant; default: all."""
    matchers: Annotated[str, AfterValidator(_readable)] = ""
    """Labels of the series that are meant, such as instance=~"db.*"; default: all."""
    mute: bool = False
    """Do not judge them either: their scores are withdrawn meanwhile."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        given = [key for key in _KINDS if getattr(self, key)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            message = f"found {found} of start, between and calendars; set one of them"
            raise FieldProblem((), message)
        if (self.start is None) != (self.end is None):
            raise FieldProblem((), "found one of start and end; set both")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise FieldProblem(("end",), f"found {self.end}, which is not after start; correct it")
        if self.between is not None:
            for place, one in enumerate(self.between):
                if one.tzinfo is not None:
                    message = f"found {one}; write it without a zone, and set `timezone`"
                    raise FieldProblem(("between", place), message)
            if self.between[0] == self.between[1]:
                message = "found the same time twice, which is no span; make them two, or use days"
                raise FieldProblem(("between",), message)
        if "days" in self.model_fields_set and self.between is None:
            raise FieldProblem(("days",), "found without `between`; add it, or leave this out")
        return self


def check_maintenance(
    entries: tuple[MaintenanceConfig, ...], queries: set[str], calendars: set[str]
) -> None:
    """Refuse names that are not there, or that are there twice.

    Raises
    ------
    FieldProblem
        Says which, below `maintenance`.
    """
    for position, entry in enumerate(entries):
        if entry.name in [one.name for one in entries[:position]]:
            message = f"found {entry.name!r} a second time; names of maintenance are unique"
            raise FieldProblem(("maintenance", position, "name"), message)
        for key, names, known in (
            ("queries", entry.queries, queries),
            ("calendars", entry.calendars, calendars),
        ):
            for place, name in enumerate(names):
                if name not in known:
                    allowed = ", ".join(sorted(known)) or f"none, since `{key}` is empty"
                    message = f"found {name!r}, which is none of {key}; allowed: {allowed}"
                    raise FieldProblem(("maintenance", position, key, place), message)


def maintenance_in_words(entry: MaintenanceConfig) -> str:
    """Return what it means, for people."""
    zone = entry.timezone or "UTC"
    if entry.between is not None:
        first, last = (f"{one:%H:%M}" for one in entry.between)
        when = f"{', '.join(entry.days)} from {first} to {last} {zone}"
    elif entry.calendars:
        when = f"whenever {' or '.join(entry.calendars)} says so, days as in {zone}"
    else:
        when = f"{entry.start} to {entry.end}"
    whose = ", ".join(entry.queries) or "all queries"
    which = f" where {entry.matchers}" if entry.matchers else ""
    muted = ", nor judged" if entry.mute else ""
    return f"{when}: {whose}{which} not learned from{muted}"
