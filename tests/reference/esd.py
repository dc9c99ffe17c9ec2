"""The generalised ESD test as Rosner's paper and the NIST handbook write it down."""

import math
import statistics
from collections.abc import Callable, Sequence

from scipy.stats import t as student

Statistic = Callable[[Sequence[float]], float]


def critical_value(size: int, step: int, alpha: float) -> float:
    """Return lambda_i for the i-th step (from 1) of a sample of `size`."""
    p = 1.0 - alpha / (2.0 * (size - step + 1))
    quantile = float(student.ppf(p, size - step - 1))
    return (size - step) * quantile / math.sqrt((size - step - 1 + quantile**2) * (size - step + 1))


def outliers(
    values: Sequence[float], most: int, alpha: float, center: Statistic, spread: Statistic
) -> tuple[list[float], list[float]]:
    """Return the outliers, most extreme first, and R_1 to R_most."""
    left = list(values)
    removed: list[float] = []
    ratios: list[float] = []
    found = 0
    for step in range(1, most + 1):
        middle, width = center(left), spread(left)
        if width == 0.0 or len(left) < 3:
            break
        worst = max(left, key=lambda value: abs(value - middle))
        ratios.append(abs(worst - middle) / width)
        left.remove(worst)
        removed.append(worst)
        if ratios[-1] > critical_value(len(values), step, alpha):
            found = step
    return removed[:found], ratios


def mad(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return 1.4826022185056018 * statistics.median(abs(value - middle) for value in values)
