"""Which line does a noisy series follow, whatever jumped on the way?"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats

TO_SIGMA: Final = 1.4826
"""Makes a median deviation the standard deviation of normal data."""
RARE: Final = 6.0
"""Standard deviations of the usual steps beyond which a step may be a jump."""
LASTING: Final = 0.5
"""Share of a jump that has to be left of it in the samples around."""
ONE_OFF: Final = 3
"""A jump that happens more often than this in one history is part of the pace."""
ALIKE: Final = 3.0
"""Factor within which jumps are of one kind."""
EDGE: Final = 3
"""Fewest samples on either side without which a jump is not yet believed; else half a span."""
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
    if count < 2 * max(EDGE, span):
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
    jumps, sizes, teeth = np.zeros(count - 1), np.zeros(count - 1), np.zeros(count - 1)
    begun, ended, lasting = np.zeros(count - 1), np.zeros(count - 1), np.zeros(count - 1)
    found, passing = 0, 0
    edge = max(EDGE, span // 8)
    for column in range(edge, count - edge + 1):
        jump = steps[column - 1] - usual
        if not abs(jump) > least:
            continue
        # Windows one span apart are of the same hours, also where the history ends soon.
        size = min(column, count - column, span)
        start = column if column >= span else span
        after = values[start : start + size]
        before = values[start - span : start - span + size]
        left = (np.median(after) - np.median(before) - drift * span) / jump
        if left < LASTING:
            teeth[passing] = jump
            passing += 1
            continue
        if found == 0 or column - ended[found - 1] > span or jump * sizes[found - 1] < 0.0:
            begun[found] = column
            found += 1
        sizes[found - 1] += jump
        ended[found - 1] = column
        lasting[found - 1] = max(lasting[found - 1], left * abs(jump))
        jumps[column - 1] = found
    habit = forget_habits(sizes[:found], teeth[:passing], lasting, begun, ended, span, count)
    offset = 0.0
    for column in range(count - 1, 0, -1):
        event = int(jumps[column - 1]) - 1
        if event >= 0 and ended[event] > 0.0:
            offset += steps[column - 1] - usual
        values[column - 1] += offset
    return habit


@compiled
def forget_habits(
    sizes: Floats,
    teeth: Floats,
    lasting: Floats,
    begun: Floats,
    ended: Floats,
    span: int,
    count: int,
) -> int:
    """Let the jumps that are part of the pace end at 0; return the columns between habitual ones.

    sizes, lasting, begun, ended : of each jump; it may take several steps, and how much of them
        lasts is seen by the levels around
    teeth : sizes of steps that did not last
    """
    habit = 0
    for jump in range(len(sizes)):
        alike = 0
        for other in range(len(sizes)):
            alike += 1 if sizes[other] / sizes[jump] * ALIKE >= 1.0 else 0
        for other in range(len(teeth)):
            alike += 1 if teeth[other] / sizes[jump] * ALIKE >= 1.0 else 0
        if alike > ONE_OFF:
            habit = max(habit, count // alike)
        # What takes longer than the span is another pace; what mostly comes back is noise.
        is_slow = ended[jump] - begun[jump] > span
        if alike > ONE_OFF or is_slow or lasting[jump] < LASTING * abs(sizes[jump]):
            ended[jump] = 0.0
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
