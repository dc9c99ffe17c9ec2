"""What do many detectors say together?"""

from collections.abc import Sequence

import numpy as np

from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Floats


def combine(votes: Sequence[Scores], weights: Sequence[float]) -> Scores:
    """Return the weighted mean of the detectors that can tell, sample by sample.

    votes : D detectors' scores, each [S, T]; NaN leaves the vote, and the others' weights grow
    weights : D positive weights, relative to each other
    """
    if len(votes) == 1:
        return votes[0]
    if not votes:
        return blank_scores(0, 0)
    return Scores(
        score=_mean([vote.score for vote in votes], weights),
        expected=_mean([vote.expected for vote in votes], weights),
        lower=_mean([vote.lower for vote in votes], weights),
        upper=_mean([vote.upper for vote in votes], weights),
        sigmas=_mean([vote.sigmas for vote in votes], weights),
        level=_mean([vote.level for vote in votes], weights),
        signals={name: signal for vote in votes for name, signal in vote.signals.items()},
    )


def _mean(votes: Sequence[Floats], weights: Sequence[float]) -> Floats:
    total = np.zeros_like(votes[0])
    weight = np.zeros_like(votes[0])
    for vote, share in zip(votes, weights, strict=True):
        can_tell = ~np.isnan(vote)
        total += np.where(can_tell, share * vote, 0.0)
        weight += share * can_tell
    with np.errstate(invalid="ignore"):
        return total / weight  # 0 / 0: nobody can tell, NaN
