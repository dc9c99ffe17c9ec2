"""Which numbers describe what a series is doing now, whatever its unit?

Every feature looks at one window that ends now and nothing later. The window is given in spreads:
`z = (value - centre) / scale`, with centre and scale of the samples before now (core/history.py),
so that bytes and ratios can share one model. docs/features.md lists what stands in `FEATURES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.series import Floats, Ints

SPREADS: Final = "spreads"
"""Unit: robust standard deviations of the window before now."""

SHARE: Final = "ratio"
"""Unit: none; a share, a correlation or a sine."""

DAY: Final = 86_400_000
WEEK: Final = 7 * DAY
PATH: Final = 16
"""Samples of the paths that are compared with the group's."""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """N windows of any series, each as it stood at one column.

    Parameters
    ----------
    z : float64 [N, W], the window in spreads, oldest first, without NaN
    yesterday, last_week : float64 [N], now minus the same time of day, of the week, in spreads;
        0 where there is no such history
    wall : int64 [N], what the wall clock showed, milliseconds
    own : float64 [N, PATH], the latest deviations of the series, each in the spreads of its time
    group : float64 [N, PATH], the median of the same over the series of its group
    """

    z: Floats
    yesterday: Floats
    last_week: Floats
    wall: Ints
    own: Floats
    group: Floats


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about each window; where a window is shorter than the formula asks, it is cut.

    Parameters
    ----------
    formula : what it is; `z[0]` is now, `z[1]` the sample before, `mean(k)` that of the last k
    unit : `SPREADS` or `SHARE`
    values : frames -> float64 [N]
    """

    formula: str
    unit: str
    values: Callable[[Frames], Floats]


def engineer(frames: Frames, names: Sequence[str]) -> Floats:
    """Return the named features of every window, finite, float64 [N, F]."""
    columns = np.empty((len(frames.z), len(names)))
    for place, name in enumerate(names):
        columns[:, place] = FEATURES[name].values(frames)
    return np.nan_to_num(columns, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _lag(f: Frames, back: int) -> Floats:
    return f.z[:, max(-1 - back, -f.z.shape[1])]


def _mean(f: Frames, length: int) -> Floats:
    return _average(f.z[:, -length:])


def _spread(f: Frames, length: int) -> Floats:
    return _deviation(f.z[:, -length:])


def _average(values: Floats) -> Floats:
    result: Floats = values.sum(1) / values.shape[1]
    return result


def _deviation(values: Floats) -> Floats:
    gap = values - _average(values)[:, None]
    result: Floats = np.sqrt(_average(gap * gap))
    return result


def _ratio(one: Floats, other: Floats) -> Floats:
    """Return one / other, and 0 where that is not defined."""
    return np.divide(one, other, out=np.zeros_like(one), where=other > 0.0)


def _correlation(one: Floats, other: Floats) -> Floats:
    """Return the correlation of two sets of rows, 0 where one of them is flat."""
    one = one - _average(one)[:, None]
    other = other - _average(other)[:, None]
    size = np.sqrt(_average(one * one) * _average(other * other))
    return _ratio(_average(one * other), size)


def _slope(f: Frames, length: int) -> Floats:
    """Return the least-squares slope times the length: the climb over the stretch."""
    last = f.z[:, -length:]
    offsets = np.arange(last.shape[1]) - (last.shape[1] - 1) / 2.0
    weights = offsets * (last.shape[1] / np.square(offsets).sum())
    climb: Floats = (last * weights).sum(1)
    return climb


def _steps(f: Frames, length: int) -> Floats:
    return np.diff(f.z[:, -length - 1 :])


def _skew(f: Frames) -> Floats:
    gap = f.z - _average(f.z)[:, None]
    square = gap * gap
    return _ratio(_average(square * gap), _average(square) ** 1.5)


def _crossings(f: Frames, length: int) -> Floats:
    above = (f.z[:, -length - 1 :] > 0.0).astype(np.float64)
    return _average(np.abs(np.diff(above)))


def _angle(f: Frames, period: int) -> Floats:
    # The epoch began on a Thursday; a phase is a phase.
    return np.asarray((2.0 * np.pi / period) * (f.wall % period), dtype=np.float64)


FEATURES: Final = {
    "deviation": Feature("z[0]", SPREADS, lambda f: _lag(f, 0)),
    "lag_1": Feature("z[1]", SPREADS, lambda f: _lag(f, 1)),
    "lag_2": Feature("z[2]", SPREADS, lambda f: _lag(f, 2)),
    "lag_4": Feature("z[4]", SPREADS, lambda f: _lag(f, 4)),
    "lag_16": Feature("z[16]", SPREADS, lambda f: _lag(f, 16)),
    "difference_1": Feature("z[0] - z[1]", SPREADS, lambda f: _lag(f, 0) - _lag(f, 1)),
    "difference_4": Feature("z[0] - z[4]", SPREADS, lambda f: _lag(f, 0) - _lag(f, 4)),
    "difference_16": Feature("z[0] - z[16]", SPREADS, lambda f: _lag(f, 0) - _lag(f, 16)),
    "curvature": Feature(
        "z[0] - 2 z[1] + z[2]", SPREADS, lambda f: _lag(f, 0) - 2.0 * _lag(f, 1) + _lag(f, 2)
    ),
    "mean_4": Feature("mean(4)", SPREADS, lambda f: _mean(f, 4)),
    "mean_16": Feature("mean(16)", SPREADS, lambda f: _mean(f, 16)),
    "mean_all": Feature("mean(W)", SPREADS, lambda f: _average(f.z)),
    "mean_change_4": Feature(
        "mean(4) minus the mean of the 4 before",
        SPREADS,
        lambda f: 2.0 * (_mean(f, 4) - _mean(f, 8)),
    ),
    "mean_change_16": Feature(
        "mean(16) minus the mean of the 16 before",
        SPREADS,
        lambda f: 2.0 * (_mean(f, 16) - _mean(f, 32)),
    ),
    "spread_4": Feature("standard deviation of the last 4", SPREADS, lambda f: _spread(f, 4)),
    "spread_16": Feature("standard deviation of the last 16", SPREADS, lambda f: _spread(f, 16)),
    "spread_all": Feature("standard deviation of all W", SPREADS, lambda f: _deviation(f.z)),
    "spread_share": Feature(
        "spread_16 / (spread_16 + spread_all)",
        SHARE,
        lambda f: _ratio(_spread(f, 16), _spread(f, 16) + _deviation(f.z)),
    ),
    "range_16": Feature(
        "maximum - minimum of the last 16", SPREADS, lambda f: np.ptp(f.z[:, -16:], 1)
    ),
    "above_maximum": Feature(
        "z[0] - the maximum of the samples before",
        SPREADS,
        lambda f: f.z[:, -1] - f.z[:, :-1].max(1),
    ),
    "below_minimum": Feature(
        "the minimum of the samples before - z[0]",
        SPREADS,
        lambda f: f.z[:, :-1].min(1) - f.z[:, -1],
    ),
    "slope_16": Feature(
        "16 times the least-squares slope of the last 16", SPREADS, lambda f: _slope(f, 16)
    ),
    "roughness_16": Feature(
        "mean size of the last 16 steps", SPREADS, lambda f: _average(np.abs(_steps(f, 16)))
    ),
    "flat_share_16": Feature(
        "share of zeros among the last 16 steps",
        SHARE,
        lambda f: _average((_steps(f, 16) == 0.0).astype(np.float64)),
    ),
    "crossing_share_16": Feature(
        "share of the last 16 steps that cross the centre", SHARE, lambda f: _crossings(f, 16)
    ),
    "autocorrelation_1": Feature(
        "correlation of z[0..W-2] with z[1..W-1]",
        SHARE,
        lambda f: _correlation(f.z[:, 1:], f.z[:, :-1]),
    ),
    "skew": Feature("third moment / second moment ^ 1.5", SHARE, _skew),
    "yesterday_residual": Feature(
        "z[0] - the same quarter of an hour yesterday", SPREADS, lambda f: f.yesterday
    ),
    "last_week_residual": Feature("z[0] - the same hour last week", SPREADS, lambda f: f.last_week),
    "hour_sin": Feature("sine of the time of day", SHARE, lambda f: np.sin(_angle(f, DAY))),
    "hour_cos": Feature("cosine of the time of day", SHARE, lambda f: np.cos(_angle(f, DAY))),
    "weekday_sin": Feature("sine of the time of week", SHARE, lambda f: np.sin(_angle(f, WEEK))),
    "weekday_cos": Feature("cosine of the time of week", SHARE, lambda f: np.cos(_angle(f, WEEK))),
    "group_deviation": Feature(
        "z[0] - the group's median of z[0]", SPREADS, lambda f: f.own[:, -1] - f.group[:, -1]
    ),
    "group_mean_gap_4": Feature(
        "mean(4) of that difference", SPREADS, lambda f: _average(f.own[:, -4:] - f.group[:, -4:])
    ),
    "group_correlation": Feature(
        "correlation of the last 16 z[0] with the group's medians",
        SHARE,
        lambda f: _correlation(f.own, f.group),
    ),
}
"""Name -> feature."""

SEASONAL: Final = frozenset({"yesterday_residual", "last_week_residual"})
"""Features that need a memory of days: 1 kB per series."""
