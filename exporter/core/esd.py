"""Which of a window's values are outliers, if there may be many? The extreme studentised deviate.

The generalised test (Rosner 1983, doi:10.1080/00401706.1983.10487848) removes the value farthest
from the centre, again and again, and compares each one's distance with a critical value for what
was left when it went; the outliers are those up to the last that was beyond. So outliers cannot
hide each other, as they do when the first is not beyond. The hybrid form (Hochenbaum, Vallis and
Kejariwal 2017, arXiv:1704.07706) measures the distance from the median in scaled MADs.

Windows are kept in order, so the farthest value stands at an end, what is left is a slice, its
median stands in the middle, and its MAD next to where it was the step before.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from exporter.core.kernels import compiled
from exporter.core.rolling import MAD_TO_SIGMA
from exporter.core.series import Floats, Ints

Singles = npt.NDArray[np.float32]

TIED: Final = 0.3
"""Share of the root mean square distance below which the MAD says no more than that most values are
all but equal."""


def critical_values(window: int, alpha: float) -> Floats:
    """Return the critical values [window + 1] by the number of values left; infinite below 3.

    alpha : probability that normal values without an outlier are said to have one
    """
    left = np.arange(3.0, window + 1.0)
    t = -stdtrit(left - 2.0, 0.5 * alpha / left)
    told = (left - 1.0) * t / np.sqrt((left - 2.0 + t * t) * left)
    return np.concatenate([np.full(min(3, window + 1), np.inf), told])


@compiled
def exchange(ordered: Singles, held: int, gone: float, come: float) -> None:
    """Replace one of the first `held` values, ascending, by another; NaN `gone` adds one."""
    place = held
    if not math.isnan(gone):
        place = int(np.searchsorted(ordered[:held], gone))
    while place > 0 and ordered[place - 1] > come:
        ordered[place] = ordered[place - 1]
        place -= 1
    last = held if math.isnan(gone) else held - 1
    while place < last and ordered[place + 1] < come:
        ordered[place] = ordered[place + 1]
        place += 1
    ordered[place] = come


@compiled
def center_and_spread(ordered: Singles, start: int, stop: int, hint: int) -> Any:
    """Return median and scaled MAD of the ascending values [start, stop), and where to look next.

    The values nearest to the median stand together; `hint` says where that row may begin.
    """
    size = stop - start
    middle = start + size // 2
    center = float(ordered[middle])
    if size % 2 == 0:
        center = 0.5 * (center + float(ordered[middle - 1]))
    nearest = size // 2 + 1
    low = min(max(hint, start), stop - nearest)
    while low > start and center - ordered[low - 1] < ordered[low + nearest - 1] - center:
        low -= 1
    while low < stop - nearest and center - ordered[low] > ordered[low + nearest] - center:
        low += 1
    left = center - float(ordered[low])
    right = float(ordered[low + nearest - 1]) - center
    gap = max(left, right)
    if size % 2 == 0:  # the mean of the largest and the second largest distance among them
        if left >= right:
            left = center - float(ordered[low + 1])
        else:
            right = float(ordered[low + nearest - 2]) - center
        gap = 0.5 * (gap + max(left, right))
    return center, MAD_TO_SIGMA * gap, low


@compiled
def without_outliers(ordered: Singles, held: int, most: int, critical: Floats) -> Any:
    """Return the slice [start, stop) of `held` ascending values that are no outliers.

    most : outliers to look for
    critical : from `critical_values`
    """
    start, stop = 0, held
    first, last = 0, held
    hint = held // 4
    for _ in range(most):
        center, spread, hint = center_and_spread(ordered, start, stop, hint)
        if spread <= 0.0 or stop - start < 3:
            break
        below = center - float(ordered[start])
        above = float(ordered[stop - 1]) - center
        is_beyond = max(below, above) > critical[stop - start] * spread
        if below > above:
            start += 1
        else:
            stop -= 1
        if is_beyond:
            first, last = start, stop
    return first, last


@compiled
def level_of(ordered: Singles, held: int, max_share: float, critical: Floats) -> Any:
    """Return centre and spread of a window's ascending values without its outliers.

    Where most values are all but equal, the root mean square distance is the spread.
    """
    start, stop = without_outliers(ordered, held, int(max_share * held), critical)
    center, spread, _ = center_and_spread(ordered, start, stop, (start + stop) // 4)
    square = 0.0
    for place in range(held):
        gap = float(ordered[place]) - center
        square += gap * gap
    scatter = math.sqrt(square / held)
    return center, scatter if spread < TIED * scatter else spread


@compiled
def learn(
    now: float,
    count: Ints,
    turn: Ints,
    ring: Singles,
    ordered: Singles,
    waiting: Singles,
    warm: int,
) -> None:
    """Let the sample `now` of one series wait; the one that waited long enough enters its window.

    count, turn : int64 [1], samples that entered and that waited; the rest are that series' rows
    """
    due = now
    if count[0] >= warm:
        place = turn[0] % len(waiting)
        due = float(waiting[place])
        waiting[place] = now
        turn[0] += 1
        if math.isnan(due):
            return
    window = len(ring)
    place = count[0] % window
    gone = float(ring[place])  # NaN while the window is not full
    ring[place] = due
    exchange(ordered, min(count[0], window), gone, float(ring[place]))
    count[0] += 1
