"""How bad is an alert: does it page, warn or inform?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from webhook.core.alerts import NO_SEVERITY, severity_of
from webhook.core.facts import Reading

Level = Literal["critical", "high", "medium", "low"]
"""Critical and high page, medium warns, low informs."""

LEVELS: tuple[Level, ...] = get_args(Level)  # the worst first

DEFAULT_LABELS: Mapping[str, Level] = {
    "critical": "critical",
    "emergency": "critical",
    "fatal": "critical",
    "page": "critical",
    "high": "high",
    "error": "high",
    "major": "high",
    "warning": "medium",
    "warn": "medium",
    "medium": "medium",
    "minor": "medium",
    "info": "low",
    "information": "low",
    "low": "low",
    "notice": "low",
    "debug": "low",
}

# Where rules may put the numbers; annotations are looked at before labels.
_SCORE = ("score", "anomaly_score")
_SIGMAS = ("sigmas", "deviation_sigmas", "anomaly_deviation_sigmas")


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where a number is medium, and above which it is high or critical; None is never high."""

    medium: float
    critical: float
    high: float | None = None

    def level(self, number: float) -> Level:
        """Return the level of a number."""
        if number > self.critical:
            return "critical"
        if self.high is not None and number > self.high:
            return "high"
        return "medium" if number >= self.medium else "low"


@dataclass(frozen=True, slots=True)
class SeverityRules:
    """What makes a level.

    Parameters
    ----------
    labels : values of the label `severity`, in lower case, and what they mean
    score, sigmas : for alerts without such a value: bounds of the ensemble's confidence (0 to 1)
        and of the distance from the expected value in standard deviations, whichever is worse
    otherwise : without any of these
    """

    labels: Mapping[str, Level] = field(default_factory=lambda: DEFAULT_LABELS)
    score: Bounds = Bounds(0.7, 0.9)
    sigmas: Bounds = Bounds(3.0, 5.0)
    otherwise: Level = "medium"


@dataclass(frozen=True, slots=True)
class Severity:
    """A level, and why it is that one, in words."""

    level: Level
    why: str


def judge(labels: Mapping[str, str], reading: Reading, rules: SeverityRules) -> Severity:
    """Return how bad an alert is: its label `severity` decides, else its score and deviation."""
    name = severity_of(labels)
    if name in rules.labels:
        return Severity(rules.labels[name], f"the label severity is {name!r}")
    missing = "there is no label severity"
    if name != NO_SEVERITY:
        missing = f"the label severity is {name!r}, which means nothing here"
    found: list[tuple[Level, str]] = []
    if reading.score is not None:
        found.append((rules.score.level(reading.score), f"the score is {reading.score:g}"))
    if reading.sigmas is not None:
        found.append(
            (
                rules.sigmas.level(abs(reading.sigmas)),
                f"it is {abs(reading.sigmas):g} standard deviations off",
            )
        )
    if not found:
        return Severity(rules.otherwise, f"{missing}, nor a score or deviation")
    worst = min((level for level, _ in found), key=LEVELS.index)
    because = " and ".join(why for level, why in found if level == worst)
    return Severity(worst, f"{missing}; {because}")


def announced(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Reading:
    """Return the score and deviation that an alert carries itself; None for what it does not."""
    return Reading(
        score=_number(labels, annotations, _SCORE), sigmas=_number(labels, annotations, _SIGMAS)
    )


def _number(
    labels: Mapping[str, str], annotations: Mapping[str, str], names: tuple[str, ...]
) -> float | None:
    for source in (annotations, labels):
        for name in names:
            if name not in source:
                continue
            try:
                number = float(source[name])
            except ValueError:
                continue
            # Further off than any number is still off; not a number says nothing.
            if not math.isnan(number):
                return number
    return None
