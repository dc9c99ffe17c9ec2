"""Has a model become worse, by more than chance?"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from exporter.modelwatch.day import Day, merged
from exporter.modelwatch.history import FIRST, History
from exporter.modelwatch.measures import LEAST, Measures, f1_error, f1_of, measures_of

WINDOWS: Final[Mapping[str, int]] = {"7d": 7, "30d": 30, "90d": 90}
"""The label `window`, and its days."""

NEWEST: Final = WINDOWS["7d"]
"""Days whose F1 is compared with the reference."""

CUTS: Final = (0.03, 0.05, 0.10)
"""Drops of F1, as a share of the reference, from which it is minor, moderate, severe."""

ERRORS: Final = 2.0
"""Standard errors that a drop must exceed: by chance that comes in 1 to 3 % of the weeks."""

DEGREES: Final = ("none", "minor", "moderate", "severe")
"""By their number."""

ReferenceKind = Literal["configured", "first_days", "previous_version"]


@dataclass(frozen=True, slots=True)
class Degradation:
    """How the newest F1 stands to what it was.

    Parameters
    ----------
    kind : what it is compared with
    reference : F1 of that
    drop : how much lower it is now, as a share of the reference; negative where it is higher
    error : standard error of `drop`
    severity : 0 none, 1 minor, 2 moderate, 3 severe
    """

    kind: ReferenceKind
    reference: float
    drop: float
    error: float
    severity: int

    @property
    def is_certain(self) -> bool:
        """Whether the drop is more than chance."""
        return self.drop > ERRORS * self.error


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """What is known of a model's version in force.

    Parameters
    ----------
    version : which one
    windows : window -> measures
    degradation : None where nothing can be said
    previous : the version before, None where there is none
    before : measures of its last 30 days
    is_worse_than_before : the newest days are worse than these, by more than chance
    """

    version: str
    windows: Mapping[str, Measures]
    degradation: Degradation | None = None
    previous: str | None = None
    before: Measures | None = None
    is_worse_than_before: bool = False


def quality_of(history: History, baseline_f1: float | None) -> ModelQuality:
    """Return what is to be said of a model.

    baseline_f1 : what is asked of it, in the place of what it was
    """
    current, previous = history.current, history.previous
    newest = list(current.newest(NEWEST).values())
    windows = {
        name: measures_of(list(current.newest(days).values())) for name, days in WINDOWS.items()
    }
    if previous is None:
        return ModelQuality(current.version, windows, _degradation(history, newest, baseline_f1))
    last = list(previous.newest(FIRST).values())
    beside = compared(newest, last, "previous_version")
    return ModelQuality(
        current.version,
        windows,
        _degradation(history, newest, baseline_f1),
        previous.version,
        measures_of(last),
        beside is not None and beside.severity > 0,
    )


def _degradation(
    history: History, newest: Sequence[Day], baseline_f1: float | None
) -> Degradation | None:
    """Compare with what is configured, or the version's own first days, or the version before."""
    if baseline_f1 is not None:
        return compared(newest, baseline_f1, "configured")
    current = history.current
    recent: Collection[int] = current.newest(NEWEST).keys()
    first = [day for number, day in current.first().items() if number not in recent]
    if sum(day.labelled for day in first) >= LEAST:
        return compared(newest, first, "first_days")
    if history.previous is None:
        return None
    return compared(newest, list(history.previous.newest(FIRST).values()), "previous_version")


def compared(
    newest: Sequence[Day], reference: Sequence[Day] | float, kind: ReferenceKind
) -> Degradation | None:
    """Return how the F1 of some days stands to that of others, or to a number.

    None where either side holds too few predictions or days, or its F1 is not defined or 0.
    """
    now, known = merged(newest), 0.0
    if now.labelled < LEAST:
        return None
    value, error = f1_of(now), f1_error(newest)
    if isinstance(reference, float):
        before = reference
    else:
        whole = merged(reference)
        if whole.labelled < LEAST:
            return None
        before, known = f1_of(whole), f1_error(reference)
    if not before > 0 or math.isnan(value + error + known):
        return None
    drop = (before - value) / before
    # To first order: the value is divided by the reference, which is not certain either.
    spread = math.hypot(error, value / before * known) / before
    severity = sum(drop >= cut for cut in CUTS) if drop > ERRORS * spread else 0
    return Degradation(kind, before, drop, spread, severity)
