"""Drift statistics, sample by sample."""

import math
from collections.abc import Sequence


def psi(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the index over tenths of `one` without ties, each sample counting as independent."""
    n, m = len(one), len(other)
    ordered = sorted(one)
    edges = [ordered[math.ceil(tenth * n / 10) - 1] for tenth in range(1, 10)]
    total = 0.0
    for low, high in zip([-math.inf, *edges], [*edges, math.inf], strict=True):
        here = sum(low < value <= high for value in one)
        there = sum(low < value <= high for value in other)
        added = 5.0 * (here + there) / (n + m)
        p, q = (here + added) / (n + 5.0), (there + added) / (m + 5.0)
        total += (q - p) * math.log(q / p)
    return total


def memory(values: Sequence[float]) -> float:
    """Return the autocorrelation time of ranks without ties, every pair of lags looked at."""
    n = len(values)
    ranks = ranks_of(values)
    power = sum(rank * rank for rank in ranks)

    def correlation(lag: int) -> float:
        return sum(a * b for a, b in zip(ranks, ranks[lag:], strict=False)) / power

    total, least = 0.0, math.inf
    for lag in range(0, n // 2 - 1, 2):
        pair = correlation(lag) + correlation(lag + 1)
        if pair <= 0.0:
            break
        least = min(least, pair)
        total += least
    return max(2.0 * total - 1.0, 1.0)


def memory_by_seasons(values: Sequence[float], season: int) -> float:
    """Return by how much sums of the ranks of whole seasons vary beyond independent ones.

    The mean rank at each phase of the season is taken out before.
    """
    ranks = ranks_of(values)
    phases = [ranks[phase::season] for phase in range(season)]
    means = [sum(phase) / len(phase) for phase in phases]
    left = [rank - means[place % season] for place, rank in enumerate(ranks)]
    sums = [sum(left[first : first + season]) for first in range(0, len(left), season)]
    return sum(each * each for each in sums) / sum(rank * rank for rank in left)


def ranks_of(values: Sequence[float]) -> list[float]:
    """Return the ranks of values without ties, less their mean."""
    n = len(values)
    return [sum(other < value for other in values) - 0.5 * (n - 1) for value in values]
