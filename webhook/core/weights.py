"""By how much do verdicts move the weights of a query's detectors, and when?

A detector is as good as its precision: the share of real incidents among those judged in which it
reached the threshold. It is compared with the ensemble's mean, so that what one detector wins the
others lose: only who is heard changes, not how loud the ensemble is.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from webhook.core.thresholds import DOWN, UP, Replay, bounded, undone

Reason = Literal["verdicts", "weekly", "person", "undo"]
Combine = Literal["mean", "max", "quorum"]

BATCH = 20
# Enough to look again on Sundays, unless a person has had the last word.
WEEKLY_BATCH = 5
EVIDENCE_SECONDS = 90 * 86_400.0
# Of fewer alarms of its own nothing follows for a detector.
ALARMS_AT_LEAST = 10
# How many alarms of the query's precision every detector is taken to have had already.
PRIOR = 20
# Less than a hundredth is not worth a line in the history.
_LEAST = 0.01
# As the exporter has it: the share by which a quorum may be missed.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Opinion:
    """What people said of a time of a series, and how high its detectors had risen meanwhile.

    Parameters
    ----------
    at : when it was said, unix seconds
    is_real : confirmed, or missed; else a false alarm
    peaks : detector -> its highest score
    threshold : that of the query then
    """

    at: float
    is_real: bool
    peaks: Mapping[str, float]
    threshold: float


@dataclass(frozen=True, slots=True)
class Record:
    """How often a detector reached the threshold when it was right to, and when it was not."""

    real: int
    false_alarms: int

    @property
    def alarms(self) -> int:
        """How often it did so at all."""
        return self.real + self.false_alarms

    def precision(self, prior: float) -> float:
        """Return its precision, drawn towards a prior by as much as `PRIOR` alarms would."""
        return (self.real + PRIOR * prior) / (self.alarms + PRIOR)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What opinions say of each detector of a query.

    Parameters
    ----------
    real, false_alarms : how many there are
    """

    real: int
    false_alarms: int
    records: Mapping[str, Record]

    @property
    def prior(self) -> float:
        """The query's precision; one of each more keeps it from being 0 or 1."""
        return (self.real + 1) / (self.real + self.false_alarms + 2)

    def precisions(self) -> dict[str, float]:
        """Return the precision of each detector that alarmed often enough to have one."""
        return {
            name: record.precision(self.prior)
            for name, record in self.records.items()
            if record.alarms >= ALARMS_AT_LEAST
        }


def evidence_of(
    opinions: Collection[Opinion], detectors: Collection[str] | None = None
) -> Evidence:
    """Return what follows from opinions for some detectors, or for all that they name."""
    names = {name for each in opinions for name in each.peaks}
    records = {}
    for name in sorted(names if detectors is None else names & set(detectors)):
        said = [each.is_real for each in opinions if each.peaks.get(name, 0.0) >= each.threshold]
        records[name] = Record(sum(said), len(said) - sum(said))
    real = sum(each.is_real for each in opinions)
    return Evidence(real, len(opinions) - real, records)


def moved(
    ratios: Mapping[str, float], precisions: Mapping[str, float], weights: Mapping[str, float]
) -> dict[str, float]:
    """Return the ratios that change, by at most a tenth each.

    Each goes towards precision / mean precision, the mean by configured weight; with that the sum
    of the weights stays what it is.

    Parameters
    ----------
    ratios : in force; 1 for what is not there
    precisions : of the detectors that can be judged
    weights : as configured; 1 for what is not there
    """
    if len(precisions) < 2:
        return {}
    share = {name: weights.get(name, 1.0) for name in precisions}
    mean = sum(share[name] * precisions[name] for name in precisions) / sum(share.values())
    after = {}
    for name, precision in precisions.items():
        before = ratios.get(name, 1.0)
        after[name] = bounded(min(max(precision / mean, before * DOWN), before * UP))
    if all(abs(after[name] / ratios.get(name, 1.0) - 1) < _LEAST for name in after):
        return {}
    return {name: ratio for name, ratio in after.items() if ratio != ratios.get(name, 1.0)}


def needed(last: Reason | None, *, is_weekly: bool) -> int:
    """Return how many incidents have to be judged since the last change, which was made so."""
    return WEEKLY_BATCH if is_weekly and last not in ("person", "undo") else BATCH


@dataclass(frozen=True, slots=True)
class Ensemble:
    """How a query's detectors are combined; `weights` as configured, without ratios."""

    combine: Combine
    quorum: float
    weights: Mapping[str, float]

    def score(self, peaks: Mapping[str, float], ratios: Mapping[str, float]) -> float:
        """Return the score of all, NaN where none of them has one."""
        weights = {name: each * ratios.get(name, 1.0) for name, each in self.weights.items()}
        return united(peaks, weights, self.combine, self.quorum)


def united(
    scores: Mapping[str, float], weights: Mapping[str, float], combine: Combine, quorum: float
) -> float:
    """Return the ensemble's score as the exporter combines it; NaN where nobody votes.

    Parameters
    ----------
    scores : detector -> score; NaN is no vote, and so is a detector without a weight
    quorum : share of the voting weight that has to reach the score
    """
    votes = [
        (scores[name], weight)
        for name, weight in weights.items()
        if not math.isnan(scores.get(name, math.nan))
    ]
    if not votes:
        return math.nan
    total = sum(weight for _, weight in votes)
    match combine:
        case "mean":
            return sum(score * weight for score, weight in votes) / total
        case "max":
            return max(score * weight for score, weight in votes) / max(each for _, each in votes)
        case "quorum":
            least = (quorum - _ROUNDING) * total
            return max(
                score
                for score, _ in votes
                if sum(weight for other, weight in votes if other >= score) >= least
            )


@dataclass(frozen=True, slots=True)
class Alarm:
    """An incident of the past, as it was then.

    Parameters
    ----------
    peak : the highest score of the ensemble; None where that is not known, like `threshold`
    ratios : of the weights that were in force
    factor : by what the threshold has been multiplied since then
    """

    id: int
    is_confirmed: bool
    peak: float | None
    threshold: float | None
    peaks: Mapping[str, float]
    ratios: Mapping[str, float]
    factor: float = 1.0

    def reach(self, ensemble: Ensemble, ratios: Mapping[str, float]) -> float:
        """Return how far it would be above today's threshold; NaN where nobody knows.

        Detectors need not have peaked together. So the score that there was is multiplied by what
        new weights make of the peaks, rather than replaced by it.
        """
        if self.peak is None or self.threshold is None or self.peak < self.threshold:
            return math.nan
        before = ensemble.score(self.peaks, self.ratios)
        after = ensemble.score(self.peaks, ratios)
        if not before > 0.0:
            return math.nan
        return self.peak * after / before - min(self.threshold * self.factor, 1.0)


def replay_of(
    alarms: Sequence[Alarm],
    ensemble: Ensemble,
    before: Mapping[str, float],
    after: Mapping[str, float],
) -> Replay:
    """Return which alarms would come with the ratios `before`, and would not with those `after`."""
    gone = [
        each
        for each in alarms
        if each.reach(ensemble, before) >= -_ROUNDING > each.reach(ensemble, after)
    ]
    unknown = [
        each.id for each in alarms if each.is_confirmed and math.isnan(each.reach(ensemble, after))
    ]
    return Replay(
        alarms=len(alarms),
        gone=tuple(sorted(each.id for each in gone)),
        lost=tuple(sorted(each.id for each in gone if each.is_confirmed)),
        unknown=tuple(sorted(unknown)),
    )


def taken_back(
    current: Mapping[str, float], before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, float]:
    """Return what ratios are without a change, those made since then left in force."""
    return {name: undone(current.get(name, 1.0), before[name], after[name]) for name in after}


def most_moved(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the factor of the detector that moves most; 1 where none does."""
    factors = [after[name] / before.get(name, 1.0) for name in sorted(after)]
    return max(factors, key=lambda factor: abs(math.log(factor)), default=1.0)


def move_words(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Say what happened to the weights of a query's detectors."""
    moves = ", ".join(
        f"{name} {before.get(name, 1.0):.4g} -> {ratio:.4g}"
        for name, ratio in sorted(after.items())
    )
    if not moves:
        return "the detectors keep their weights"
    return f"the detectors' weights, times what is configured: {moves}"
