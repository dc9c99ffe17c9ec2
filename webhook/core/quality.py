"""How good are alerts, as far as people have judged them?

An incident that people confirmed, and a time that they marked as missed, was real; a false alarm
was not. What was expected, or maintenance, is neither: it was anomalous, and nobody had to be told.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Literal

Said = Literal["confirmed", "false_alarm", "missed", "neither"]

DAY: Final = 86_400.0
WINDOWS: Final[Mapping[str, int]] = {"7d": 7, "30d": 30, "90d": 90}
"""The label `window`, and its days."""

LEAST: Final = 5
"""Cases below which nothing is said of them."""

# Two-sided 95 %.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Case:
    """An incident that people judged, or a time that they marked as missed.

    Parameters
    ----------
    at : when the incident opened or the mark starts, unix seconds
    said : what people said of it
    began_at : the first anomalous sample, unix seconds; None where nobody knows, likewise below
    peak : the highest score, 0 to 1
    threshold : the one that was in force
    detectors : detector -> its highest score; without those of which nobody knows
    """

    at: float
    said: Said
    began_at: float | None = None
    peak: float | None = None
    threshold: float | None = None
    detectors: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_real(self) -> bool:
        """Whether people should be told of such a thing."""
        return self.said in ("confirmed", "missed")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share; None where they are fewer than `LEAST`."""
        return self.part / self.whole if self.whole >= LEAST else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Between what the true share is, with 95 % confidence; None where there is nothing.

        Wilson's interval (1927, doi:10.1080/01621459.1927.10502953), which also says how little ten
        of ten mean.
        """
        if not self.whole:
            return None
        share, count = self.part / self.whole, float(self.whole)
        scale = 1 + _Z**2 / count
        centre = (share + _Z**2 / (2 * count)) / scale
        half = _Z / scale * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class DetectorQuality:
    """How good one detector would be if it alone decided; see `Quality`.

    It says yes where its highest score reaches the threshold that was in force. Only those cases
    count in which its score is known.
    """

    precision: Share
    recall: Share
    roc_auc: float | None


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of a query's alerts of so many days; None where nothing can be said.

    Parameters
    ----------
    confirmed, false_alarms, missed, neither : judged so; `neither` is expected or maintenance
    unjudged : incidents of which nobody said anything
    days : of the window, those before the first incident left out; one at least
    precision : confirmed of confirmed and false alarms
    recall : confirmed of confirmed and missed
    f1 : 2 TP / (2 TP + FP + FN), of five such at least
    roc_auc : of the highest scores, of what was real against false alarms
    false_alarms_per_day : of `days`; those that nobody judged are not in it
    time_to_detect : median seconds from the first anomalous sample to the incident, of confirmed
    detectors : by their names
    """

    query: str
    window: str
    confirmed: int
    false_alarms: int
    missed: int
    neither: int
    unjudged: int
    days: float
    f1: float | None
    roc_auc: float | None
    time_to_detect: float | None
    detectors: Mapping[str, DetectorQuality]

    @property
    def judged(self) -> int:
        """Incidents of which people said something."""
        return self.confirmed + self.false_alarms + self.neither

    @property
    def precision(self) -> Share:
        """Confirmed, of confirmed and false alarms."""
        return Share(self.confirmed, self.confirmed + self.false_alarms)

    @property
    def recall(self) -> Share:
        """Confirmed, of confirmed and missed; it knows of no miss that nobody marked."""
        return Share(self.confirmed, self.confirmed + self.missed)

    @property
    def false_alarms_per_day(self) -> float | None:
        """False alarms per day that the query was watched."""
        return None if self.precision.value is None else self.false_alarms / self.days


def quality_of(
    query: str, window: str, cases: Iterable[Case], unjudged: int, first_at: float, now: float
) -> Quality:
    """Return the quality of a query's alerts.

    Parameters
    ----------
    cases : of at least the window
    unjudged : incidents of the window without a verdict
    first_at : when the query's first incident opened, unix seconds
    now : unix seconds
    """
    days = WINDOWS[window]
    chosen = [case for case in cases if now - days * DAY <= case.at <= now]
    confirmed, false_alarms, missed, neither = (
        sum(case.said == said for case in chosen)
        for said in ("confirmed", "false_alarm", "missed", "neither")
    )
    took = [
        max(0.0, case.at - case.began_at)
        for case in chosen
        if case.said == "confirmed" and case.began_at is not None
    ]
    judged = [case for case in chosen if case.said != "neither"]
    names = sorted({name for case in judged for name in case.detectors})
    return Quality(
        query=query,
        window=window,
        confirmed=confirmed,
        false_alarms=false_alarms,
        missed=missed,
        neither=neither,
        unjudged=unjudged,
        days=min(float(days), max(1.0, (now - first_at) / DAY)),
        f1=f1_of(confirmed, false_alarms + missed),
        roc_auc=roc_auc(
            [case.peak for case in judged if case.is_real and case.peak is not None],
            [case.peak for case in judged if not case.is_real and case.peak is not None],
        ),
        time_to_detect=median(took) if len(took) >= LEAST else None,
        detectors={name: _detector(name, judged) for name in names},
    )


def _detector(name: str, judged: Sequence[Case]) -> DetectorQuality:
    known = [case for case in judged if name in case.detectors]
    real = [case.detectors[name] for case in known if case.is_real]
    unreal = [case.detectors[name] for case in known if not case.is_real]
    found = [
        case
        for case in known
        if case.threshold is not None and case.detectors[name] >= case.threshold
    ]
    right = sum(case.is_real for case in found)
    decided = sum(case.is_real for case in known if case.threshold is not None)
    return DetectorQuality(
        Share(right, len(found)),
        Share(right, decided),
        roc_auc(real, unreal),
    )


def f1_of(right: int, wrong: int) -> float | None:
    """Return F1 of so many true positives, and false positives and negatives together."""
    return 2 * right / (2 * right + wrong) if right + wrong >= LEAST else None


def roc_auc(real: Sequence[float], unreal: Sequence[float]) -> float | None:
    """Return the area under the ROC curve; None without both kinds, or of fewer than `LEAST`.

    It is the share of pairs of one real and one unreal case in which the real one has the higher
    score; equal ones count half (Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747).
    """
    if not real or not unreal or len(real) + len(unreal) < LEAST:
        return None
    others = sorted(unreal)
    twice = sum(bisect_left(others, score) + bisect_right(others, score) for score in real)
    return twice / (2 * len(real) * len(others))
