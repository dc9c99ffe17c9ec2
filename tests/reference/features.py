"""A slow, obvious twin of the features: one window, plain Python."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

DAY = 86_400.0


def spread(values: Sequence[float]) -> float:
    return statistics.pstdev(values)


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    if len(set(one)) == 1 or len(set(other)) == 1:
        return 0.0
    return statistics.correlation(one, other)


def slope(values: Sequence[float]) -> float:
    return statistics.linear_regression(range(len(values)), values).slope


def describe(
    z: Sequence[float],
    own: Sequence[float],
    group: Sequence[float],
    wall: float,
    before: tuple[float, float],
) -> dict[str, float]:
    """Return every feature of a window `z`, oldest first.

    own, group : the last 16 deviations of the series and medians of its group
    wall : seconds since 1970 on the wall clock
    before : now minus yesterday, now minus last week
    """
    now, past = z[-1], z[:-1]
    steps = [b - a for a, b in pairwise(z)]
    mean = statistics.fmean
    moment = mean([(x - mean(z)) ** 3 for x in z])
    gaps = [a - b for a, b in zip(own, group, strict=True)]
    clock = 2 * math.pi * wall / DAY
    return {
        "deviation": now,
        "lag_1": z[-2],
        "lag_2": z[-3],
        "lag_4": z[-5],
        "lag_16": z[-17],
        "difference_1": now - z[-2],
        "difference_4": now - z[-5],
        "difference_16": now - z[-17],
        "curvature": now - 2 * z[-2] + z[-3],
        "mean_4": mean(z[-4:]),
        "mean_16": mean(z[-16:]),
        "mean_all": mean(z),
        "mean_change_4": mean(z[-4:]) - mean(z[-8:-4]),
        "mean_change_16": mean(z[-16:]) - mean(z[-32:-16]),
        "spread_4": spread(z[-4:]),
        "spread_16": spread(z[-16:]),
        "spread_all": spread(z),
        "spread_share": spread(z[-16:]) / (spread(z[-16:]) + spread(z)),
        "range_16": max(z[-16:]) - min(z[-16:]),
        "above_maximum": now - max(past),
        "below_minimum": min(past) - now,
        "slope_16": 16 * slope(z[-16:]),
        "roughness_16": mean([abs(step) for step in steps[-16:]]),
        "flat_share_16": mean([step == 0 for step in steps[-16:]]),
        "crossing_share_16": mean(
            [(a > 0) != (b > 0) for a, b in zip(z[-17:], z[-16:], strict=False)]
        ),
        "autocorrelation_1": correlation(z[1:], z[:-1]),
        "skew": moment / spread(z) ** 3,
        "yesterday_residual": before[0],
        "last_week_residual": before[1],
        "hour_sin": math.sin(clock),
        "hour_cos": math.cos(clock),
        "weekday_sin": math.sin(clock / 7),
        "weekday_cos": math.cos(clock / 7),
        "group_deviation": gaps[-1],
        "group_mean_gap_4": mean(gaps[-4:]),
        "group_correlation": correlation(own, group),
    }
