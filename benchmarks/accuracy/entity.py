"""How anomalous is a server, given how anomalous each of its metrics is?"""

from typing import Final

import numpy as np

from exporter.core.series import Floats

HIGHEST: Final = 3
"""Metrics that speak for a server: one alone may have a bad day, few incidents touch all."""

SERVER_SHARE: Final = 0.7
"""Share of a metric's threshold from which a server is anomalous: two of three, so to speak."""


def server_scores(scores: Floats) -> Floats:
    """Return the mean of the highest scores at each time: float64 [T].

    scores : float64 [S, T] of a server's S metrics, in [0, 1]; NaN leaves the vote
    """
    if len(scores) == 1:
        only: Floats = scores[0]
        return only
    told = np.where(np.isnan(scores), -1.0, scores)
    taken = min(HIGHEST, len(scores))
    top = np.partition(told, len(scores) - taken, 0)[-taken:]
    is_there = top >= 0.0
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(is_there, top, 0.0).sum(0) / is_there.sum(0)
    return mean
