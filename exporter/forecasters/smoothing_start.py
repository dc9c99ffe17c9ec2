"""Where does smoothing begin? At the level, slope and seasonal shape of the first few cycles.

Medians throughout: one glitch among them must not be believed, least of all in a season, which
is revised slowly.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints

WEEKS: Final = 2
DAYS: Final = 7
"""Cycles that the start is read from, where there are as many."""

_SLOPE_LAG: Final = 10
_SLOPE_SPAN: Final = 40
_DIFFERENCES: Final = 500
_HARDLY_ANY: Final = 2
"""Steps, and per cent of all steps, that are too few to tell what is usual."""
_AGREEMENT: Final = 6.0
"""Usual disagreements between two cycles beyond which the less conspicuous of two is right."""


@compiled
def begin(samples: Floats, sizes: Ints, start: Floats, day: Floats, week: Floats) -> None:
    """Write where to begin.

    Parameters
    ----------
    samples : float64 [T], all that may be known, at least 2; two cycles of each season at least
    sizes : int64 [2], columns of a day and of a week, 1 for none
    start : level before the first column, slope and mean absolute error, written
    day, week : float64 [sizes], seasonal shapes around 0, written
    """
    columns = len(samples)
    for column in range(len(day)):
        day[column] = 0.0
    for column in range(len(week)):
        week[column] = 0.0
    longest = max(sizes[0], sizes[1])
    count = min(columns // longest, WEEKS if sizes[1] > 1 else DAYS)
    level = samples[0]
    if longest > 1:
        levels = np.empty(count)
        rest = samples[: count * longest].copy()
        for cycle in range(count):
            part = rest[cycle * longest : (cycle + 1) * longest]
            levels[cycle] = np.median(part)
            for column in range(longest):
                part[column] -= levels[cycle]
        level = levels[0] + take_shape(rest, day)
        if sizes[1] > 1:
            level += take_shape(rest, week)
        lag = longest
        span = count * longest
    else:
        lag = max(1, min(columns // 4, _SLOPE_LAG))
        span = min(columns, _SLOPE_SPAN)
    slope = 0.0
    if columns >= _SLOPE_LAG:
        slope = np.median(samples[lag:span] - samples[: span - lag]) / lag
    start[0] = level - slope * (longest + 1) / 2.0
    start[1] = slope
    start[2] = usual_step(samples)


@compiled
def take_shape(rest: Floats, shape: Floats) -> float:
    """Move what the cycles of `rest` have in common into `shape`, and return its mean."""
    size = len(shape)
    if size == 1:
        return 0.0
    count = len(rest) // size
    disagreement = np.median(np.abs(rest[size : 2 * size] - rest[:size])) * _AGREEMENT
    values = np.empty(count)
    for column in range(size):
        for cycle in range(count):
            values[cycle] = rest[cycle * size + column]
        if count == 2 and abs(values[0] - values[1]) > disagreement:
            shape[column] = values[0] if abs(values[0]) < abs(values[1]) else values[1]
        else:
            shape[column] = np.median(values)
    mean = float(np.mean(shape))
    for column in range(size):
        shape[column] -= mean
    for column in range(len(rest)):
        rest[column] -= shape[column % size] + mean
    return mean


@compiled
def usual_step(samples: Floats) -> float:
    """Return how far apart neighbours are: the median, or less where most are equal.

    A few steps in a series that stands still are none of its habits.
    """
    stride = 1 + len(samples) // _DIFFERENCES
    count = (len(samples) - 2) // stride + 1
    steps = np.empty(count)
    moving = 0
    for place in range(count):
        step = abs(samples[place * stride + 1] - samples[place * stride])
        if step > 0.0:
            steps[moving] = step
            moving += 1
    if moving <= _HARDLY_ANY + count * _HARDLY_ANY // 100:
        return 0.0
    if 2 * moving > count:
        for place in range(moving, count):
            steps[place] = 0.0
        return float(np.median(steps))
    return float(np.median(steps[:moving])) * moving / count
