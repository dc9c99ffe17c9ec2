"""What did the series of an incident do, from before it to after it?

Asked of Prometheus while it still knows, and kept for as long as the incident: weights, quality and
harmless patterns are learned from it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FIRST_SECONDS = 600.0
"""After so long an incident that lasts is looked at for the first time."""

TAIL_SECONDS = 900.0
"""So long after its end it is looked at for the last time."""

OPEN_SECONDS = 86_400.0
"""An incident that lasts for so long is looked at once more, and not again."""

BEFORE_SECONDS = 1_800.0
"""What a course shows of the time before the incident began."""

MOST_POINTS = 240
SHORTEST_STEP = 15.0
PAUSE_SECONDS = 90.0
"""So long a run of anomalous samples may pause and goes on: the rules bridge as much."""

LATE_SECONDS = 300.0
"""So much later than its last anomalous sample an alert comes at most."""

_LINES = ("values", "expected", "lower", "upper", "scores")
# Of a value: more would cost more than they say.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ObservedCourse:
    """Samples at `start`, `start + step`, …; unix seconds and seconds; NaN where there is none.

    Parameters
    ----------
    values, expected, lower, upper : float [T], in the unit of the series
    scores : float [T], 0 to 1
    """

    start: float
    step: float
    values: Sequence[float]
    expected: Sequence[float]
    lower: Sequence[float]
    upper: Sequence[float]
    scores: Sequence[float]

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold; null where there is no sample."""
        lines = {name: [_short(value) for value in getattr(self, name)] for name in _LINES}
        return {"start": self.start, "step": self.step, **lines}


def course_of(document: Mapping[str, Any]) -> ObservedCourse:
    """Return the course that `as_json` wrote."""
    lines = {
        name: tuple(math.nan if value is None else float(value) for value in document[name])
        for name in _LINES
    }
    return ObservedCourse(float(document["start"]), float(document["step"]), **lines)


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of an incident's series; None where Prometheus knew nothing.

    Parameters
    ----------
    incident : its number
    observed_at : when Prometheus was asked, unix seconds
    began_at : the first sample outside of the band, or with a score that reaches the threshold, of
        the run that led to the alert; unix seconds
    peak_score : the highest score from then to the end, 0 to 1
    threshold : the one in force when the alert came
    detectors : detector -> its highest score meanwhile; those alone that Prometheus has
    series : labels as the exporter has them, without `query`
    course : None also where it was left out in a storm
    is_complete : whether nothing is left to be seen of it
    """

    incident: int
    observed_at: float
    began_at: float | None = None
    peak_score: float | None = None
    threshold: float | None = None
    detectors: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, str] | None = None
    course: ObservedCourse | None = None
    is_complete: bool = False


def complete_from(opened_at: float, closed_at: float | None) -> float:
    """Return from when on a look at an incident is the last one; unix seconds."""
    given_up = opened_at + OPEN_SECONDS
    return given_up if closed_at is None else min(given_up, closed_at + TAIL_SECONDS)


def onset_of(outside: Sequence[float], alerted_at: float) -> float | None:
    """Return the first instant of the run that led to an alert; None where none did.

    Parameters
    ----------
    outside : unix seconds, ascending, of the samples that were anomalous
    alerted_at : unix seconds
    """
    onset, gap = alerted_at, LATE_SECONDS
    for at in reversed([each for each in outside if each <= alerted_at]):
        if onset - at > gap:
            break
        onset, gap = at, PAUSE_SECONDS
    return None if gap == LATE_SECONDS else onset


def is_outside(value: float, lower: float, upper: float, score: float, threshold: float) -> bool:
    """Tell whether a sample is anomalous to band or score; NaN, where there is none, is not."""
    return value < lower or value > upper or score >= threshold


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
