"""An ensemble whose weights verdicts have moved, one sample at a time."""

import math
from collections.abc import Mapping

LOWEST, HIGHEST = 0.5, 1.5


def united(
    votes: Mapping[str, float],
    configured: Mapping[str, float],
    ratios: Mapping[str, float],
    combine: str,
    quorum: float,
) -> float:
    """Return the score of one sample, given each detector's; NaN is no vote."""
    if len(votes) == 1:
        (only,) = votes.values()
        return only
    weights = {
        name: configured[name] * min(max(ratios.get(name, 1.0), LOWEST), HIGHEST)
        for name, vote in votes.items()
        if not math.isnan(vote)
    }
    if not weights:
        return math.nan
    whole = sum(weights.values())
    if combine == "mean":
        return sum(weight * votes[name] for name, weight in weights.items()) / whole
    if combine == "max":
        heaviest = max(weights.values())
        return max(weight * votes[name] for name, weight in weights.items()) / heaviest
    reached = [
        vote
        for name, vote in votes.items()
        if name in weights
        and sum(weights[other] for other in weights if votes[other] >= vote)
        >= quorum * whole * (1 - 1e-9)
    ]
    return max(reached)
