"""When has a query's world changed? The key `drift`, its defaults and its bounds."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Len
from pydantic import Field, model_validator

from exporter.drift import AnyDriftTest
from exporter.drift.ks import Ks
from exporter.drift.psi import Psi
from exporter.drift.wasserstein import Wasserstein
from promkit.durations import Duration, PositiveDuration, format_duration
from promkit.errors import FieldProblem
from promkit.strictyaml import StrictModel

DAY: Final = 86_400.0
WEEK: Final = 7 * DAY

STEP: Final = 300.0
"""Seconds between columns, unless the query's step is longer."""

FEWEST: Final = 10
"""Columns of a window at least: even independent samples tell nothing if there are fewer."""

MOST_COLUMNS: Final = 20_000
"""Columns of a reference at most, as for a forecast."""


def usual_window(given: Mapping[str, Any]) -> float:
    """Return the window of those who have set none.

    Three days where the baseline holds a week: they find twice as many moderate changes as one,
    and no single odd day is most of them. Of a shorter baseline they would be half or more.

    given : the fields before it, as far as they are valid
    """
    return 3 * DAY if given.get("reference", WEEK) >= WEEK else DAY


class DriftConfig(StrictModel):
    """How the recent past of a query's series is compared with a baseline."""

    reference: PositiveDuration = WEEK
    """History that a baseline is taken from."""
    window: PositiveDuration = Field(default_factory=usual_window)
    """The recent past that is compared with it; default: 3d, 1d if the reference is under 7d."""
    step: Annotated[Duration, Ge(1)] | None = None
    """Time between columns; default: 5m, or the query's step if that is longer."""
    interval: Annotated[Duration, Ge(1)] = 3_600.0
    """How often they are compared, at least the step."""
    tests: Annotated[tuple[AnyDriftTest, ...], Len(1)] = (Ks(), Psi(), Wasserstein())
    """How: each entry has a `kind` and that test's settings."""
    by: tuple[str, ...] = ()
    """Labels by which series form the groups of tests that look at several at a time."""
    retake: PositiveDuration | None = None
    """Age at which a baseline is taken anew; default: never by itself."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        kinds = [test.name for test in self.tests]
        for position, kind in enumerate(kinds):
            if kind in kinds[:position]:
                message = f"found {kind} a second time; list each kind once per query"
                raise FieldProblem(("tests", position, "kind"), message)
        if self.reference < self.window:
            raise FieldProblem(
                ("reference",),
                f"found {format_duration(self.reference)}, which is less than the window of "
                f"{format_duration(self.window)}; take that or more, or set a shorter `window`",
            )
        if self.retake is not None and self.retake < self.window:
            raise FieldProblem(
                ("retake",),
                f"found {format_duration(self.retake)}, which is less than the window of "
                f"{format_duration(self.window)}; take that or more, or leave it out",
            )
        return self


def resolve_drift(given: DriftConfig, query_step: float) -> DriftConfig:
    """Return the drift with nothing left to default but what its query says.

    query_step : seconds between the columns that detectors see

    Raises
    ------
    FieldProblem
        Two of its keys, or one and the query's step, do not go together.
    """
    step = given.step or max(STEP, query_step)
    if step < query_step:
        raise FieldProblem(
            ("step",),
            f"found {format_duration(step)}, which is less than the query's step of "
            f"{format_duration(query_step)}; take that or more",
        )
    for key in ("window", "reference"):
        seconds = getattr(given, key)
        if round(seconds * 1000) % round(step * 1000):
            raise FieldProblem(
                (key,),
                f"found {format_duration(seconds)}, which is no multiple of the step of "
                f"{format_duration(step)}; change one of the two",
            )
    if given.window < FEWEST * step:
        raise FieldProblem(
            ("window",),
            f"found {format_duration(given.window)}; allowed: {format_duration(FEWEST * step)}, "
            f"which is {FEWEST} steps, or more",
        )
    if given.reference > MOST_COLUMNS * step:
        raise FieldProblem(
            ("reference",),
            f"found {format_duration(given.reference)}; allowed: up to "
            f"{format_duration(MOST_COLUMNS * step)}, which is {MOST_COLUMNS} steps; shorten it, "
            "or set a longer `step`",
        )
    interval = given.interval
    if interval < step:
        if "interval" in given.model_fields_set:
            raise FieldProblem(
                ("interval",),
                f"found {format_duration(interval)}, which is less than the step of "
                f"{format_duration(step)}; take that or more",
            )
        interval = step
    return given.model_copy(update={"step": step, "interval": interval})


def drift_in_words(drift: DriftConfig) -> str:
    """Return what a resolved drift means, for the person who wrote it."""
    tests = ", ".join(test.name for test in drift.tests)
    window, reference, step, interval = (
        format_duration(seconds or 0.0)
        for seconds in (drift.window, drift.reference, drift.step, drift.interval)
    )
    words = (
        f"by {tests}, every {interval}: the last {window} beside a baseline of {reference}, "
        f"in steps of {step}"
    )
    if drift.retake is None:
        return f"{words}; taken anew on command only"
    return f"{words}; taken anew when it is {format_duration(drift.retake)} old"
