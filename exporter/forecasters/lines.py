"""Which line does a noisy series follow, whatever jumped on the way?"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats

TO_SIGMA: Final = 1.4826
"""Makes a median deviation the standard deviation of normal data."""
RARE: Final = 8.0
"""Standard deviations of the usual steps beyond which a step may be a jump."""
LASTING: Final = 0.5
"""Share of a jump that has to be left of it in the samples around."""
ONE_OFF: Final = 3
"""A jump that happens more often than this in one history is part of the pace."""
ALIKE: Final = 3.0
"""Factor within which jumps are of one kind."""
EDGE: Final = 3
"""Samples on either side without which a jump is not yet believed."""
ROUNDING: Final = 1e-12


@compiled
def without_jumps(values: Floats, span: int) -> int:
    """Take out in place the lasting jumps that are not a habit; the newest level stays.

    A jump is a step far beyond the usual ones after which the level of `span` samples is another:
    a clean-up, a restart, a renewal. Teeth that come and go within the span are none.

    Returns
    -------
    Columns from one jump to the next of those that are a habit, 0 where there is none.
    """
    count = len(values)
    if count < 2 * EDGE:
        return 0
    steps = np.diff(values)
    usual = np.median(steps)
    least = RARE * TO_SIGMA * np.median(np.abs(steps - usual))
    spans = count // span
    drift = usual
    if spans > EDGE:
        levels = np.empty(spans)
        for place in range(spans):
            end = count - place * span
            levels[spans - 1 - place] = values[end - span : end].mean()
        shifts = np.diff(levels)
        shift = np.median(shifts)
        drift = shift / span
        least = max(least, RARE * TO_SIGMA * np.median(np.abs(shifts - shift)))
    least = max(least, ROUNDING * np.abs(values).max())
    jumps, events, sizes = np.zeros(count - 1), np.zeros(count - 1), np.zeros(count - 1)
    found = 0
    for column in range(EDGE, count - EDGE + 1):
        jump = steps[column - 1] - usual
        if not abs(jump) > least:
            continue
        start, stop = max(column - span, 0), min(column + span, count)
        rise = np.median(values[column:stop]) - np.median(values[start:column])
        left = (rise - drift * 0.5 * (stop - start)) / jump
        if left < LASTING:
            continue
        is_same = found > 0 and column - events[found - 1] <= span and jump * sizes[found - 1] > 0.0
        found += 0 if is_same else 1
        sizes[found - 1] = sizes[found - 1] + jump if is_same else jump
        events[found - 1] = column
        jumps[column - 1] = found
    habit = 0
    for event in range(found):
        alike = 0
        for other in range(found):
            ratio = sizes[other] / sizes[event]
            alike += 1 if ratio * ALIKE >= 1.0 else 0
        if alike > ONE_OFF:
            habit = max(habit, count // alike)
            events[event] = -1.0
    offset = 0.0
    for column in range(count - 1, 0, -1):
        event = int(jumps[column - 1]) - 1
        if event >= 0 and events[event] >= 0.0:
            offset += steps[column - 1] - usual
        values[column - 1] += offset
    return habit


@compiled
def middle_slope(values: Floats, slopes: Floats) -> float:
    """Return the median slope between all pairs of evenly spaced values (Theil and Sen)."""
    count = 0
    for later in range(len(values)):
        for earlier in range(later):
            slopes[count] = (values[later] - values[earlier]) / (later - earlier)
            count += 1
    return float(np.median(slopes[:count])) if count else 0.0
