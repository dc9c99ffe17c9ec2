"""What do many detectors say together?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Bools, Floats

Combine = Literal["mean", "max", "quorum"]

_ROUNDING = 1e-9
"""Share of the voting weight by which a quorum may be missed: 0.3 + 0.2 is a half of 1."""


@dataclass(frozen=True, kw_only=True)
class Combination:
    """How votes become one score. A detector that cannot tell, NaN, has no vote.

    Parameters
    ----------
    kind : `mean`, of the scores by weight; `max`, the highest score, each scaled by the detector's
        weight over the greatest weight that votes; `quorum`, the highest score that detectors
        with at least `quorum` of the voting weight reach or exceed, so that the ensemble is above
        any threshold exactly when such a share of it is
    quorum : share of the voting weight, above 0 to 1
    """

    kind: Combine = "mean"
    quorum: float = 0.5


MEAN = Combination()


def combine(
    votes: Sequence[Scores], weights: Sequence[float], combination: Combination = MEAN
) -> Scores:
    """Return the scores of the ensemble, sample by sample.

    The band, level and onset are always the weighted mean of those that have one. A single
    detector is the ensemble: its own arrays.

    votes : D detectors' scores, each [S, T]
    weights : D positive weights, relative to each other
    """
    if len(votes) == 1:
        return votes[0]
    if not votes:
        return blank_scores(0, 0)
    score = _united([vote.score for vote in votes], weights, combination)
    if all(vote.level is vote.score for vote in votes):
        level = score
    else:
        level = _mean([vote.level for vote in votes], weights)
    onset = None
    if any(vote.onset is not None for vote in votes):
        onset = _mean([vote.beginning for vote in votes], weights)
    expected, lower, upper = _band(votes, weights)
    return Scores(
        score=score,
        expected=expected,
        lower=lower,
        upper=upper,
        sigmas=_mean([vote.sigmas for vote in votes], weights),
        level=level,
        signals={name: signal for vote in votes for name, signal in vote.signals.items()},
        onset=onset,
    )


def contributions(
    votes: Floats, weights: Sequence[float], combination: Combination = MEAN
) -> Floats:
    """Return each detector's share of the ensemble's score, [D, N]; it sums to 1, or is all 0.

    Of a mean, its weighted score over the sum of all; of a maximum, all of it for who reached it;
    of a quorum, its weight over that of those who reach the ensemble's score.

    votes : the detectors' scores [D, N]
    """
    weight = np.where(np.isnan(votes), 0.0, np.array(weights)[:, None])
    scores = np.nan_to_num(votes)
    match combination.kind:
        case "mean":
            parts = weight * scores
        case "max":
            scaled = weight * scores
            parts = scaled * (scaled == scaled.max(0))
        case "quorum":
            united = np.nan_to_num(_quorum(list(votes), weights, combination.quorum))
            parts = weight * ((scores >= united) & (scores > 0.0))
    total = parts.sum(0)
    shares: Floats = np.divide(parts, total, out=np.zeros_like(parts), where=total > 0.0)
    return shares


def _united(votes: Sequence[Floats], weights: Sequence[float], combination: Combination) -> Floats:
    match combination.kind:
        case "mean":
            return _mean(votes, weights)
        case "max":
            return _max(votes, weights)
        case "quorum":
            return _quorum(votes, weights, combination.quorum)


def _mean(
    votes: Sequence[Floats], weights: Sequence[float], voting: Sequence[Bools] | None = None
) -> Floats:
    """Return the weighted mean of the votes; NaN where nobody votes.

    voting : who votes where; by default those that are not NaN
    """
    voting = voting or [~np.isnan(vote) for vote in votes]
    heard = [each for each in zip(votes, weights, voting, strict=True) if each[2].any()]
    if len(heard) == 1 and heard[0][2].all():
        return heard[0][0]
    total = np.zeros_like(votes[0])
    weight = np.zeros_like(votes[0])
    for vote, share, can_tell in heard:
        if can_tell.all():  # the common case, at a third of the cost
            total += share * vote
            weight += share
        else:
            total += np.where(can_tell, share * vote, 0.0)
            weight += share * can_tell
    with np.errstate(invalid="ignore"):
        return total / weight  # 0 / 0: nobody can tell, NaN


def _max(votes: Sequence[Floats], weights: Sequence[float]) -> Floats:
    highest = np.full_like(votes[0], np.nan)
    greatest = np.full_like(votes[0], np.nan)
    for vote, share in zip(votes, weights, strict=True):
        np.fmax(highest, share * vote, out=highest)
        np.fmax(greatest, np.where(np.isnan(vote), np.nan, share), out=greatest)
    result: Floats = highest / greatest
    return result


def _quorum(votes: Sequence[Floats], weights: Sequence[float], quorum: float) -> Floats:
    """Return the weighted quantile: the highest score that `quorum` of the weight reaches."""
    voting = np.zeros_like(votes[0])
    for vote, share in zip(votes, weights, strict=True):
        voting += share * ~np.isnan(vote)
    needed = (quorum - _ROUNDING) * voting
    united = np.full_like(votes[0], np.nan)
    for vote in votes:  # comparing all with all is faster than sorting while they are few
        reached = np.zeros_like(vote)
        for other, share in zip(votes, weights, strict=True):
            reached += share * (other >= vote)
        np.fmax(united, np.where(reached >= needed, vote, np.nan), out=united)
    return united


def _band(votes: Sequence[Scores], weights: Sequence[float]) -> tuple[Floats, Floats, Floats]:
    """Return expected, lower and upper of the same detectors: those that have all three."""
    voting = [
        ~(np.isnan(vote.expected) | np.isnan(vote.lower) | np.isnan(vote.upper)) for vote in votes
    ]
    return (
        _mean([vote.expected for vote in votes], weights, voting),
        _mean([vote.lower for vote in votes], weights, voting),
        _mean([vote.upper for vote in votes], weights, voting),
    )
