"""What does the user want forecast? The key `forecast` of a query, its defaults and its bounds."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Gt, Len, Lt
from pydantic import ConfigDict, StrictBool, TypeAdapter, ValidationError, model_validator

from exporter.forecasters import ALL, AnyForecaster
from exporter.forecasters.base import Forecaster
from exporter.forecasters.breach import Side
from exporter.forecasters.capacity import LEAST
from promkit.durations import Duration, PositiveDuration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel

STEPS: Final = 24
"""Columns ahead, unless told otherwise."""

MOST_STEPS: Final = 500
"""Columns ahead at most: what is mixed of them takes 2 MB per series, two dozen at a time."""

LOOKBACK_STEPS: Final = 2_016
"""Columns of history that a forecaster sees, unless told otherwise: a week of 5 minutes."""

MOST_COLUMNS: Final = 20_000
"""Columns of history at most, those between the steps included: 160 kB per series."""

TWO_WEEKS: Final = 14 * 86_400.0

NICE: Final = tuple(
    count * unit
    for unit, counts in (
        (86_400.0, (1,)),
        (3_600.0, (12, 8, 6, 4, 3, 2, 1)),
        (60.0, (30, 15, 10, 5, 2, 1)),
        (1.0, (30, 15, 10, 5, 2, 1)),
    )
    for count in counts
)
"""Seconds that a step is made of unless told otherwise, largest first."""


class CapacityConfig(StrictModel):
    """How the rate is measured at which a limit is approached."""

    window: PositiveDuration | None = None
    """History that the rate is taken from; default: all of `lookback`."""
    coverage: Annotated[float, Gt(0), Lt(1)] = 0.8
    """Share of cases in which the interval is to hold the time of exhaustion."""


class ForecastConfig(StrictModel):
    """How a query's series go on; the settings of the `kind` stand beside these keys."""

    model_config = ConfigDict(extra="allow")

    kind: str = "auto"
    """Which forecaster."""
    horizon: PositiveDuration | None = None
    """How far ahead; default: 24 steps, one day without a `step`."""
    step: Annotated[Duration, Ge(1)] | None = None
    """Time between the columns of the forecast; default: a round part of the horizon."""
    interval: Annotated[Duration, Ge(1)] | None = None
    """How often it is renewed; default: 5m, or the query's step if that is longer; at most the
    horizon."""
    lookback: PositiveDuration | None = None
    """History that the forecaster sees; default: 2,016 steps, bounded."""
    limit: float | Annotated[str, Len(1)] | None = None
    """What the series should not cross: a number, or PromQL evaluated per series."""
    direction: Side | None = None
    """`up`: crossed from below; `down`: from above; default: the query's, up for both."""
    coverage: Annotated[float, Gt(0), Lt(1)] = 0.9
    """Share of the values that the band promises to hold."""
    horizons: Annotated[tuple[PositiveDuration, ...], Len(1, 8)] | None = None
    """How far ahead values are published; default: a quarter of the horizon, and all of it."""
    calendars: tuple[str, ...] = ()
    """Names of `calendars` whose days are special."""
    capacity: CapacityConfig | StrictBool = True
    """When the limit is reached at the present rate; false turns it off."""

    @property
    def forecaster(self) -> Forecaster:
        """What `kind` and its settings say."""
        settings = {"kind": self.kind, **(self.model_extra or {})}
        # As JSON, for the same reason as the file itself.
        made: Forecaster = _FORECASTERS.validate_json(json.dumps(settings), strict=True)
        return made

    @model_validator(mode="after")
    def _check(self) -> Self:
        for problem in self._problems():
            raise problem
        return self

    def _problems(self) -> Iterator[FieldProblem]:
        kinds = {kind().name: kind for kind in ALL}
        if self.kind not in kinds:
            hint = _nearest(self.kind, list(kinds))
            allowed = ", ".join(kinds)
            yield FieldProblem(("kind",), f"found {self.kind!r}{hint}; allowed: {allowed}")
            return
        own = [field.name for field in fields(kinds[self.kind]) if field.name != "kind"]
        for key in self.model_extra or {}:
            if key not in own:
                known = [*type(self).model_fields, *own]
                message = f"found an unknown key{_nearest(key, known)}; allowed: "
                yield FieldProblem((key,), message + ", ".join(sorted(known)))
        try:
            _ = self.forecaster
        except ValidationError as error:
            yield _about_setting(error, self.model_extra or {})
        if self.limit is None:
            for key in ("direction", "capacity"):
                if key in self.model_fields_set and getattr(self, key) is not False:
                    yield FieldProblem((key,), "found without a `limit`, which it is about; add it")
        if self.capacity is True and "capacity" in self.model_fields_set:
            message = "found true; leave it out, or give `window` and `coverage`, or false"
            yield FieldProblem(("capacity",), message)


def _about_setting(error: ValidationError, settings: Mapping[str, Any]) -> FieldProblem:
    """Return the first problem with the settings of a forecaster, in all forms it might have."""
    details = error.errors(include_url=False)
    (_, *path), cause = details[0]["loc"], details[0].get("ctx", {}).get("error")
    if cause or not path:
        return FieldProblem(tuple(path), str(cause or details[0]["msg"]))
    key = str(path[0])
    allowed = [
        one["msg"].removeprefix("Input should be ") for one in details if one["loc"][1] == key
    ]
    message = f"found {settings[key]!r}; allowed: {', or: '.join(dict.fromkeys(allowed))}"
    return FieldProblem((key,), message)


_FORECASTERS: TypeAdapter[Any] = TypeAdapter(AnyForecaster)


def resolve(given: ForecastConfig, query_step: float) -> ForecastConfig:
    """Return the forecast with nothing left to default but what its query says.

    query_step : seconds between the columns that detectors see

    Raises
    ------
    FieldProblem
        Two of its keys, or one and the query's step, do not go together.
    """
    step = given.step or _default_step(given.horizon, query_step)
    if step < query_step:
        raise FieldProblem(
            ("step",),
            f"found {format_duration(step)}, which is less than the query's step of "
            f"{format_duration(query_step)}; take that or more",
        )
    horizon = given.horizon or STEPS * step
    if not is_multiple(horizon, step):
        raise FieldProblem(
            ("horizon",),
            f"found {format_duration(horizon)}, which is no multiple of the forecast's step of "
            f"{format_duration(step)}; change one of the two",
        )
    if horizon > MOST_STEPS * step:
        raise FieldProblem(
            ("horizon",),
            f"found {format_duration(horizon)}, which is {horizon / step:.0f} steps of "
            f"{format_duration(step)}; allowed: {MOST_STEPS} steps, set a longer `step`",
        )
    interval = given.interval or max(min(300.0, horizon), query_step)
    if interval < query_step:
        raise FieldProblem(
            ("interval",),
            f"found {format_duration(interval)}, which is less than the query's step of "
            f"{format_duration(query_step)}; take that or more",
        )
    if interval > horizon:
        raise FieldProblem(
            ("interval",),
            f"found {format_duration(interval)}, which is more than the horizon of "
            f"{format_duration(horizon)}: forecasts would end before they are renewed; take that "
            "or less",
        )
    for position, lead in enumerate(given.horizons or ()):
        if not is_multiple(lead, step) or lead > horizon:
            raise FieldProblem(
                ("horizons", position),
                f"found {format_duration(lead)}; allowed: multiples of the step of "
                f"{format_duration(step)} up to the horizon of {format_duration(horizon)}",
            )
    fine = step / stride_of(step, interval)
    most = MOST_COLUMNS * fine
    default = min(LOOKBACK_STEPS * step, max(TWO_WEEKS, 3 * horizon), most)
    lookback = given.lookback or max(default, 2 * step)
    if not 2 * step <= lookback <= most:
        raise FieldProblem(
            ("lookback",),
            f"found {format_duration(lookback)}; allowed: {format_duration(2 * step)}, which is "
            f"two steps, to {format_duration(most)}, which is {MOST_COLUMNS} columns",
        )
    window = given.capacity.window if isinstance(given.capacity, CapacityConfig) else None
    if window is not None and not LEAST * step <= window <= lookback:
        raise FieldProblem(
            ("capacity", "window"),
            f"found {format_duration(window)}; allowed: {format_duration(LEAST * step)}, which is "
            f"{LEAST} steps, to {format_duration(lookback)}, which is the look-back",
        )
    quarter = max(1, round(horizon / step / 4)) * step
    return given.model_copy(
        update={
            "step": step,
            "horizon": horizon,
            "interval": interval,
            "lookback": lookback,
            "horizons": tuple(sorted(set(given.horizons or (quarter, horizon)))),
        }
    )


def stride_of(step: float, interval: float) -> int:
    """Return in how many columns a step is taken, so that each renewal has a new one."""
    whole = round(step * 1000)
    stride = max(1, math.ceil(step / interval))
    while whole % stride:
        stride += 1
    return stride


def is_multiple(seconds: float, step: float) -> bool:
    """Return whether a duration is a whole number of steps, to the millisecond."""
    return round(seconds * 1000) % round(step * 1000) == 0


def lead_name(seconds: float) -> str:
    """Return how far ahead a forecast is, as published."""
    return "24h" if seconds == 86_400.0 else format_duration(seconds)  # as everybody says


def in_words(forecast: ForecastConfig) -> str:
    """Return what a resolved forecast means, for the person who wrote it."""
    horizon, step, interval, lookback = (
        lead_name(seconds or 0.0)
        for seconds in (forecast.horizon, forecast.step, forecast.interval, forecast.lookback)
    )
    words = (
        f"by {forecast.kind}, every {interval}: {horizon} ahead in steps of {step}, "
        f"from {lookback} of history"
    )
    if forecast.limit is None:
        return words
    limit = forecast.limit
    shown = " ".join(limit.split()) if isinstance(limit, str) else f"{limit:g}"
    return f"{words}; limit, from {'above' if forecast.direction == 'down' else 'below'}: {shown}"


def _default_step(horizon: float | None, query_step: float) -> float:
    if horizon is None:
        return max(3_600.0, query_step)
    fits = (
        nice
        for nice in NICE
        if query_step <= nice <= horizon / STEPS and is_multiple(horizon, nice)
    )
    return next(fits, query_step)


def _nearest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}" if close else ""
