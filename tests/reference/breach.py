"""When one course crosses its limit, step by step."""

import math
from collections.abc import Sequence


def when_crossed(course: Sequence[float], times: Sequence[float], limit: float) -> float:
    """Return when a course of straight lines first reaches the limit from below."""
    if course[0] >= limit:
        return times[0]
    for place in range(1, len(course)):
        if course[place] >= limit:
            share = (limit - course[place - 1]) / (course[place] - course[place - 1])
            return times[place - 1] + share * (times[place] - times[place - 1])
    return math.inf


def interval(
    crossed: Sequence[float], edges: Sequence[float], coverage: float
) -> tuple[float, float]:
    """Return the central interval of crossing times, cut where the band's edges cross."""
    tail = (1 - coverage) / 2
    before = math.floor(tail * (len(crossed) + 1))
    place = min(max(before, 1), (len(crossed) + 1) // 2) - 1
    ascending = sorted(crossed)
    descending = ascending[::-1]
    return min(ascending[place], *edges), min(descending[place], max(edges))
