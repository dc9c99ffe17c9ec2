"""How rare is a raw score, if the raw scores of ordinary samples are a guide?

Up to the start of the tail the shares of the guide answer. Beyond it the excess follows a
generalised Pareto law (Pickands 1975, doi:10.1214/aos/1176343003) whose shape comes from L-moments
(Hosking 1990): exponential or heavier, never lighter, since no metric promises a largest value.
The guide is a sample: what is used is the predictive law of an exponential whose mean is known from
few values, a power law of as many degrees as there were values. Little knowledge gives little
confidence.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.scores import DECADES
from exporter.core.series import Floats

TAIL_SHARE: Final = 0.1
"""Share of the guide that makes the tail..."""

TAIL_LEAST: Final = 16
"""...or this many, at most a quarter of the guide."""

HEAVIEST: Final = 0.5
"""Shape beyond which the guide is taken to hold an incident, not a law."""

DOUBT: Final = 0.05
"""Shape that is added to that of the guide at least."""

MOST_DOUBT: Final = 0.2
"""...and at most, or few values could not tell anything."""

KNOTS: Final = 17
"""Points of the body that are remembered."""

LEAST_EXCESS: Final = 1e-3
"""Raw scores that differ by less are equal."""


class Rarity(NamedTuple):
    """The law of raw scores.

    Parameters
    ----------
    knots : float64 [K], raw scores, ascending; the last is the start of the tail
    decades : float64 [K], -log10 of the share of ordinary samples that reach them
    excess, degrees : scale and degrees of the tail: (1 + x / (degrees * excess)) ^ -degrees
    """

    knots: Floats
    decades: Floats
    excess: float
    degrees: float


NO_RARITY: Final = Rarity(np.zeros(1), np.zeros(1), 1.0, 1.0)
"""Where there is no guide yet; nothing is asked of it."""


def rarity_of(guide: Floats, contamination: float, overlap: float) -> Rarity:
    """Return the law that a sample of raw scores follows.

    Parameters
    ----------
    guide : float64 [N], at least one, of samples that the model was not fitted to
    contamination : share of the guide, its highest, that is held to be anomalous and left out
    overlap : how many values of the guide tell as much as one independent one
    """
    ascending = np.sort(guide)
    size = max(1, len(ascending) - int(contamination * len(ascending)))
    ascending = ascending[:size]
    beyond = min(max(int(TAIL_SHARE * size), TAIL_LEAST), max(1, size // 4))
    place = np.linspace(0, max(0, size - 1 - beyond), KNOTS).astype(np.int64)
    excess = ascending[-beyond:] - ascending[place[-1]]
    shape = _shape(excess)
    return Rarity(
        ascending[place],
        -np.log10((size - place) / (size + 1.0)),
        max(float(excess.mean()) * (1.0 - shape), LEAST_EXCESS),
        1.0 / (shape + min(max(overlap / beyond, DOUBT), MOST_DOUBT)),
    )


def _shape(excess: Floats) -> float:
    """Return how much heavier than exponential a tail is, from its excesses [N], ascending."""
    number = len(excess)
    first = float(excess.mean())
    second = float((excess * (2.0 * np.arange(number) + 1.0 - number)).sum()) / (number * number)
    if second <= 0.0:
        return 0.0
    return min(max(2.0 - first / second, 0.0), HEAVIEST)


@compiled
def confidence_of(raw: float, rarity: Rarity) -> float:
    """Return the confidence in [0, 1] that a raw score is anomalous."""
    knots, decades, excess, degrees = rarity
    above = raw - knots[-1]
    if above > 0.0:
        beyond = degrees * math.log10(1.0 + above / (degrees * excess))
        return float(min((decades[-1] + beyond) / DECADES, 1.0))
    place = np.searchsorted(knots, raw)
    return float(decades[place] / DECADES)
