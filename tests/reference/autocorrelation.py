"""Autocorrelation, pair by pair."""

import math
from collections.abc import Sequence


def autocorrelation(values: Sequence[float], lag: int) -> float:
    """Return the autocorrelation at `lag` around the least-squares line; NaN is left out."""
    there = [(place, value) for place, value in enumerate(values) if not math.isnan(value)]
    center = sum(place for place, _ in there) / len(there)
    mean = sum(value for _, value in there) / len(there)
    square = sum((place - center) ** 2 for place, _ in there) or 1.0
    slope = sum((place - center) * (value - mean) for place, value in there) / square
    left = {place: value - mean - slope * (place - center) for place, value in there}
    variance = sum(value**2 for value in left.values()) / len(left)
    pairs = [left[place] * left[place + lag] for place in left if place + lag in left]
    if not pairs or variance < 1e-12:
        return 0.0
    return min(1.0, max(-1.0, sum(pairs) / len(pairs) / variance))
