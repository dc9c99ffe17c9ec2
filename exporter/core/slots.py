"""What was seen around this time yesterday, and a week ago? A ring of slots, one week long.

A slot keeps its lowest and its highest sample, and whether something odd came in it.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Bools, Floats

PUNCTUAL: Final = 96
"""With fewer slots a day than this, one of them is too long for a thing to be punctual in it."""


@compiled
def _middle(low: Floats, high: Floats, place: int, slots: int) -> float:
    here: float = 0.5 * (low[place % slots] + high[place % slots])
    return here


@compiled
def around(low: Floats, high: Floats, place: int, phase: float, slots: int) -> float:
    """Return the middle of a slot or, of a long one, the line to the nearer neighbour's middle.

    phase : how much of the slot is over, in [0, 1); negative where a slot is a single sample
    """
    here = _middle(low, high, place, slots)
    if phase < 0.0:
        return here
    other = _middle(low, high, place - 1 if phase < 0.5 else place + 1, slots)
    if np.isnan(other):
        return here
    share = abs(phase - 0.5)
    return (1.0 - share) * here + share * other


@compiled
def hull(
    low: Floats, high: Floats, slot: int, per_day: int, expected: float, steady: float
) -> tuple[float, float]:
    """Return the ends of what is foretold and of what was seen around this time.

    The slot before this one is not of last week any more but of a moment ago, and counts, too.
    """
    bottom = np.fmin(expected, steady)
    ceiling = np.fmax(expected, steady)
    slots = 7 * per_day
    for near in range(-1, 2):
        for back in (0, per_day):
            place = (slot - back + near) % slots
            bottom = np.fmin(bottom, low[place])
            ceiling = np.fmax(ceiling, high[place])
    return bottom, ceiling


@compiled
def recurs(odd: Bools, slot: int, per_day: int) -> bool:
    """Return whether something odd came around this time on both of the last two days."""
    if per_day < PUNCTUAL:
        return False
    slots = 7 * per_day
    days = 0
    for back in range(1, 3):
        for near in range(-1, 2):
            if odd[(slot - back * per_day + near) % slots]:
                days += 1
                break
    return days == 2
