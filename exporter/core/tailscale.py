"""How long is the tail of a series' distances? A histogram that fades, on a log scale.

The scale is the distance that all but 1 % stay below, put as the standard deviation of the normal
law of which that is true. So bursts of every day make the ruler long, and one incident does not.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats

BINS: Final = 128
"""Bin 0 counts distances of nothing, bin 1 those too small beside the greatest to be told apart."""

PER_OCTAVE: Final = 4.0
"""Bins by which a distance doubles."""

SHARE: Final = 0.01
SIGMAS: Final = 2.5758293035489004
"""A normal distance exceeds that many standard deviations in that share of samples."""

FAR: Final = 0.5
"""The tail is looked at in a second place, this much rarer, and the longer ruler taken."""

INDEX: Final = 5.0
"""The tail beyond is taken to fall as this power."""

NEVER: Final = 1.56
"""Student's t of 5 degrees exceeds NEVER * n^(1/5) about once in n samples, if n is large."""


@compiled
def tail_scale(tail: Floats, top: float) -> float:
    """Return the scale of the distances in `tail` [BINS], 0 if all were nothing.

    Where fewer than 1 % were anything at all, the rarer half of them takes the 1 %'s place.

    top : which power of the bins' ratio the last bin stands for
    """
    total = 0.0
    for k in range(BINS):
        total += tail[k]
    share = min(SHARE, 0.5 * (total - tail[0]) / total)
    if share <= 0.0:
        return 0.0
    above = 0.0
    k = BINS - 1
    scale = 0.0
    for rarer in (FAR, 1.0):
        while k > 1 and above + tail[k] <= rarer * share * total:
            above += tail[k]
            k -= 1
        edge = 2.0 ** ((top - (BINS - 1 - k) + 1.0) / PER_OCTAVE)
        scale = max(scale, edge / (SIGMAS * (rarer * share / SHARE) ** (-1.0 / INDEX)))
    return scale


@compiled
def is_outgrown(tail: Floats) -> bool:
    """Return whether the ruler would end among what is too small to be told apart.

    So it does when a distance far beyond all others has become rare, or was the first of all.
    """
    total, above = 0.0, 0.0
    for k in range(BINS):
        total += tail[k]
        if k > 1:
            above += tail[k]
    return bool(above <= FAR * min(SHARE * total, 0.5 * (total - tail[0])))


@compiled
def learn_distance(
    tail: Floats, own: Floats, at_top: int, at_weight: int, distance: float, growth: float
) -> bool:
    """Count a distance >= 0 with `growth` times the weight of the one before, in place.

    Returns whether the bins can no longer serve: all of them are empty then.

    own[at_top], own[at_weight] : what the last bin stands for, and the weight of the next distance
    """
    k = 0
    if distance > 0.0:
        power = np.floor(PER_OCTAVE * np.log2(distance))
        if np.isnan(own[at_top]):
            own[at_top] = power
        rise = int(min(power - own[at_top], BINS))
        if rise > 0:
            for j in range(2, BINS):  # what falls below bin 2 gathers in bin 1
                if j - rise < 2:
                    tail[1] += tail[j]
                else:
                    tail[j - rise] = tail[j]
            for j in range(max(BINS - rise, 2), BINS):
                tail[j] = 0.0
            own[at_top] = power
        k = int(max(BINS - 1.0 + power - own[at_top], 1.0))
    tail[k] += own[at_weight]
    own[at_weight] *= growth
    if own[at_weight] > 1e4:
        for j in range(BINS):
            tail[j] /= own[at_weight]
        own[at_weight] = 1.0
    if k != 1 or not is_outgrown(tail):
        return False
    tail[:] = 0.0
    own[at_top] = np.nan
    own[at_weight] = 1.0
    return True
