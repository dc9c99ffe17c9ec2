"""What did the last W samples of every series look like?

A ring holds each series' latest learned samples, in no particular order; `count` says how many
were ever learned, so row i holds min(count[i], W) of them and the next goes to count[i] mod W.
"""

import numpy as np

from exporter.core.series import Bools, Floats, Ints

MAD_TO_SIGMA = 1.4826022185056018  # 1 / Phi^-1(3/4): makes MAD estimate sigma for normal data


def push(ring: Floats, count: Ints, chosen: Bools, now: Floats) -> None:
    """Learn the samples `now` [S] of the `chosen` series, in place."""
    rows = np.flatnonzero(chosen)
    ring[rows, count[rows] % ring.shape[1]] = now[rows]
    count[rows] += 1


def exchange(waiting: Floats, turn: Ints, chosen: Bools, now: Floats) -> Floats:
    """Let the samples `now` [S] of the `chosen` series wait, in place; return those now due [S].

    waiting : float64 [S, D]; a sample is due when D others have come after it, NaN is none
    """
    rows = np.flatnonzero(chosen)
    slot = turn[rows] % waiting.shape[1]
    due = np.full(len(now), np.nan)
    due[rows] = waiting[rows, slot]
    waiting[rows, slot] = now[rows]
    turn[rows] += 1
    return due


def forget(ring: Floats, count: Ints, chosen: Bools) -> None:
    """Empty the rings of the `chosen` series, in place."""
    if chosen.any():
        ring[chosen] = np.nan
        count[chosen] = 0


def mean_and_deviation(ring: Floats, count: Ints) -> tuple[Floats, Floats]:
    """Return mean and sample standard deviation [S] of what each ring [S, W] holds."""
    held = np.minimum(count, ring.shape[1]).astype(np.float64)
    mean = ring.sum(1) / held
    gap = ring - mean[:, None]
    square = np.einsum("sw,sw->s", gap, gap)
    partly = np.flatnonzero(count < ring.shape[1])
    if len(partly):  # few, once a query is warm: only they pay for looking at every NaN
        mean[partly] = np.nansum(ring[partly], 1) / held[partly]
        square[partly] = np.nansum((ring[partly] - mean[partly, None]) ** 2, 1)
    return mean, np.sqrt(square / (held - 1.0))


def median_and_mad(ring: Floats, count: Ints) -> tuple[Floats, Floats]:
    """Return median and robust standard deviation [S] of what each ring [S, W] holds.

    The deviation is the scaled MAD; where that is zero although the samples differ (more than half
    of them are equal), the root mean square distance from the median. A smaller stand-in would call
    every return of a spike that comes each tenth sample an anomaly.
    """
    held = np.minimum(count, ring.shape[1])
    median = _middle(np.sort(ring), held)
    gap = np.abs(ring - median[:, None])
    spread = MAD_TO_SIGMA * _middle(np.sort(gap), held)
    tied = np.flatnonzero(spread == 0.0)
    if len(tied):
        spread[tied] = np.sqrt(np.nansum(np.square(gap[tied]), 1) / held[tied])
    return median, spread


def _middle(ascending: Floats, held: Ints) -> Floats:
    """Return the median [S] of the first `held` values of each sorted row [S, W]."""
    last = np.maximum(held - 1, 0)
    low = np.take_along_axis(ascending, (last // 2)[:, None], 1)[:, 0]
    high = np.take_along_axis(ascending, (held // 2).clip(max=last)[:, None], 1)[:, 0]
    middle: Floats = 0.5 * (low + high)
    return middle
