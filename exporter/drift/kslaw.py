"""How probable is a Kolmogorov-Smirnov distance between samples of one distribution?"""

import math
from typing import Final

import numpy as np

from exporter.core.kernels import compiled

EXACT: Final = 4_000_000
"""Up to this product of the sizes paths are counted; beyond, the limiting law is as good."""

NEGLIGIBLE: Final = 1e-14
"""Below this the difference of 1 and a sum of paths is rounding."""


@compiled
def tail(distance: float, here: int, there: int) -> float:
    """Return the probability that independent samples of one law are `distance` apart, or farther.

    Parameters
    ----------
    distance : the statistic, 0 to 1
    here, there : samples on both sides, at least 1
    """
    size = here * there / (here + there)
    bound = 2.0 * math.exp(-2.0 * size * distance * distance)
    if bound < NEGLIGIBLE:
        return bound
    if here * there > EXACT:
        root = math.sqrt(size)
        return limit_law((root + 0.12 + 0.11 / root) * distance)
    return min(max(1.0 - inside(distance, here, there), 0.0), 1.0)


@compiled
def inside(distance: float, here: int, there: int) -> float:
    """Return the probability that all orders of the samples keep closer than `distance`.

    An order is a path of steps right and up from (0, 0) to (here, there), all equally probable.
    Those within the band around the diagonal are counted, divided as they come by how many there
    are in all, so that nothing overflows.
    """
    widest = math.floor(distance * here * there - 1e-7)
    if widest < 0:
        return 0.0
    ways = np.zeros(there + 1)
    ways[: min(widest // here, there) + 1] = 1.0
    for step in range(1, here + 1):
        kept = step / (step + there)
        low = max(-((widest - step * there) // here), 0)
        high = min((step * there + widest) // here, there)
        before = 0.0
        for place in range(low, high + 1):
            before += kept * ways[place]
            ways[place] = before
    return float(ways[there])


@compiled
def limit_law(distance: float) -> float:
    """Return the tail of Kolmogorov's law; with Stephens' correction it holds from four samples."""
    if distance < 0.2:
        return 1.0
    total = 0.0
    for term in range(1, 101):
        total -= (-1.0) ** term * math.exp(-2.0 * (term * distance) ** 2)
    return min(2.0 * total, 1.0)
