"""How do the last W samples of every series become feature vectors, column after column?

The state is what a window needs of the past: the samples before, gaps filled with the last one;
the usual spread, so that a quiet stretch does not turn the next step into an anomaly; the paths
that are compared with the group's; and, if asked for, the same time yesterday and last week.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from exporter.core.features import PATH, SEASONAL, Frames, engineer
from exporter.core.kernels import compiled
from exporter.core.rolling import MAD_TO_SIGMA
from exporter.core.rows import State
from exporter.core.series import Bools, Floats, Ints, SeriesBatch

Floats32: TypeAlias = npt.NDArray[np.float32]

BLOCK: Final = 1024
"""Windows to work on at a time: what is made of them stays in the cache."""

RESOLUTION: Final = 1e-6
"""Spreads below this share of the centre are taken for rounding."""

USUAL_SHARE: Final = 0.5
"""A window's scale is at least this share of the series' usual spread."""

USUAL_WEIGHT: Final = 1.0 / 1024.0
"""What the newest window adds to the usual spread."""

LIMIT: Final = 100.0
"""Spreads are cut here: farther away means no more, and a constant past gives no infinities."""

QUARTERS: Final = 96
HOURS: Final = 168
_QUARTER: Final = 900_000
_HOUR: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of one length, and the features that are wanted of them.

    Parameters
    ----------
    length : W, samples in a window, now included
    names : the features, from `exporter.core.features.FEATURES`
    """

    length: int
    names: tuple[str, ...]

    def fresh(self, series: int) -> State:
        """Return the state of `series` series that nothing is known of."""
        state: State = {
            "recent": np.full((series, self.length - 1), np.nan),
            "presence": np.zeros((series, 2), dtype=np.int64),
            "usual": np.zeros(series),
            "own": np.zeros((series, PATH - 1)),
            "group": np.zeros((series, PATH - 1)),
        }
        if SEASONAL & set(self.names):
            state["profile"] = np.full((series, QUARTERS + HOURS), np.nan, dtype=np.float32)
            state["open"] = np.zeros((series, 2, 3))
        return state

    def advance(self, state: State, batch: SeriesBatch, groups: Ints) -> tuple[Floats32, Bools]:
        """Return the features of every sample, and where there are any; `state` learns in place.

        Parameters
        ----------
        state : from `fresh`, rows in the batch's order
        batch : S series; its columns follow those of the last call
        groups : int64 [S], numbers from 0: whose median is compared with whom

        Returns
        -------
        vectors : float32 [S, T, F], 0 where there are none
        ready : bool [S, T], the sample is there and a full window with it
        """
        series, columns = batch.values.shape
        length = self.length
        filled = np.empty((series, length - 1 + columns))
        ages = np.empty((series, columns), dtype=np.int64)
        fill_gaps(batch.values, state["recent"], state["presence"], filled, ages)
        ready: Bools = (ages >= length) & np.isfinite(batch.values)
        rows, when = np.nonzero(ready)
        center, scale = np.zeros((series, columns)), np.zeros((series, columns))
        windows = sliding_window_view(filled, length, 1)
        for block in _blocks(len(rows)):
            past = windows[rows[block], when[block], :-1]
            center[rows[block], when[block]], scale[rows[block], when[block]] = location(past)
        settle(scale, center, ready, state["usual"])
        deviation = np.zeros((series, columns))
        deviation[ready] = in_spreads(batch.values[ready], center[ready], scale[ready])
        own = np.concatenate([state["own"], deviation], 1)
        group = np.concatenate([state["group"], group_median(deviation, ready, groups)], 1)
        residuals = self._residuals(state, batch, scale)
        vectors = np.zeros((series, columns, len(self.names)), dtype=np.float32)
        own_paths = sliding_window_view(own, PATH, 1)
        group_paths = sliding_window_view(group, PATH, 1)
        wall = batch.wall_times
        for block in _blocks(len(rows)):
            at = rows[block], when[block]
            frames = Frames(
                in_spreads(windows[at], center[at][:, None], scale[at][:, None]),
                residuals[0][at],
                residuals[1][at],
                wall[when[block]],
                own_paths[at],
                group_paths[at],
            )
            vectors[at] = engineer(frames, self.names)
        state["own"], state["group"] = own[:, columns:], group[:, columns:]
        return vectors, ready

    def _residuals(self, state: State, batch: SeriesBatch, scale: Floats) -> tuple[Floats, Floats]:
        """Return now minus yesterday and now minus last week, in spreads [S, T]; 0 is unknown."""
        if "profile" not in state:
            nothing = np.broadcast_to(0.0, batch.values.shape)
            return nothing, nothing
        before = np.empty((2, *batch.values.shape))
        slots = np.stack([batch.wall_times // _QUARTER, batch.wall_times // _HOUR])
        remember(batch.values, slots, state["profile"], state["open"], before)
        residual = np.nan_to_num(in_spreads(batch.values, before, scale), nan=0.0)
        return residual[0], residual[1]


def in_spreads(values: Floats, center: Floats, scale: Floats) -> Floats:
    """Return by how many spreads the values are off, within `LIMIT`."""
    result: Floats = np.clip((values - center) / scale, -LIMIT, LIMIT)
    return result


def location(past: Floats) -> tuple[Floats, Floats]:
    """Return median and spread [N] of windows [N, W] without NaN.

    The spread is the scaled MAD, or the root mean square distance from the median where more than
    half of the samples are equal.
    """
    center = _middle(past)
    gap = np.abs(past - center[:, None])
    spread = MAD_TO_SIGMA * _middle(gap)
    tied = np.flatnonzero(spread == 0.0)
    spread[tied] = np.sqrt(np.square(gap[tied]).mean(1))
    return center, spread


def _middle(values: Floats) -> Floats:
    ascending = np.sort(values, 1)
    width = values.shape[1]
    middle: Floats = 0.5 * (ascending[:, (width - 1) // 2] + ascending[:, width // 2])
    return middle


def group_median(deviation: Floats, ready: Bools, groups: Ints) -> Floats:
    """Return for every series the median deviation of its group, float64 [S, T]; 0 without any."""
    medians = np.zeros(deviation.shape)
    known = np.where(ready, deviation, np.nan)
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    for members in np.split(order, starts[1:]):
        ascending = np.sort(known[members], 0)
        count = ready[members].sum(0)
        last = np.maximum(count - 1, 0)
        low = np.take_along_axis(ascending, (last // 2)[None], 0)
        high = np.take_along_axis(ascending, np.minimum(count // 2, last)[None], 0)
        medians[members] = np.where(count > 0, 0.5 * (low + high), 0.0)
    return medians


def _blocks(count: int) -> Sequence[slice]:
    return [slice(start, start + BLOCK) for start in range(0, count, BLOCK)]


@compiled
def fill_gaps(values: Floats, recent: Floats, presence: Ints, filled: Floats, ages: Ints) -> None:
    """Write `recent` and then `values` into `filled`, each gap with the sample before it.

    presence : int64 [S, 2], columns since the series came and length of the gap it is in; after
        a gap of half a window it comes anew
    ages : int64 [S, T], the former at each column
    """
    series, columns = values.shape
    before = recent.shape[1]
    for row in range(series):
        filled[row, :before] = recent[row]
        last = recent[row, before - 1]
        age, gap = presence[row]
        for column in range(columns):
            if np.isfinite(values[row, column]):
                last = values[row, column]
                gap = 0
                age += 1
            else:
                gap += 1
                if gap > before // 2:
                    age = 0
                elif age > 0:
                    age += 1
            filled[row, before + column] = last
            ages[row, column] = age
        presence[row, 0] = age
        presence[row, 1] = gap
        recent[row] = filled[row, columns:]


@compiled
def settle(scale: Floats, center: Floats, ready: Bools, usual: Floats) -> None:
    """Raise the spreads in `scale` to what they may be at least, and learn the usual one.

    usual : float64 [S], the decayed geometric mean of the spreads that were not 0; 0 is none yet
    """
    series, columns = scale.shape
    for row in range(series):
        for column in range(columns):
            if not ready[row, column]:
                continue
            spread = scale[row, column]
            floor = max(USUAL_SHARE * usual[row], RESOLUTION * abs(center[row, column]))
            scale[row, column] = max(spread, floor, 1e-300)
            if spread > 0.0 and np.isfinite(spread):
                if usual[row] == 0.0:
                    usual[row] = spread
                else:
                    usual[row] *= (spread / usual[row]) ** USUAL_WEIGHT


@compiled
def remember(
    values: Floats, slots: Ints, profile: Floats32, running: Floats, before: Floats
) -> None:
    """Write what each time of day and of week last held into `before`, and learn the samples.

    slots : int64 [2, T], quarters of an hour and hours of the wall clock since 1970
    profile : float32 [S, 96 + 168], the mean of each slot when it was last seen
    running : float64 [S, 2, 3], the current quarter and hour: number, sum, count
    before : float64 [2, S, T], NaN where nothing is known
    """
    series, columns = values.shape
    for row in range(series):
        for column in range(columns):
            now = values[row, column]
            for kind in range(2):
                first = 0 if kind == 0 else QUARTERS
                length = QUARTERS if kind == 0 else HOURS
                slot = slots[kind, column]
                current = running[row, kind]
                if slot != current[0]:
                    if current[2] > 0.0:
                        profile[row, first + int(current[0]) % length] = current[1] / current[2]
                    current[0] = slot
                    current[1:] = 0.0
                before[kind, row, column] = profile[row, first + slot % length]
                if np.isfinite(now):
                    current[1] += now
                    current[2] += 1.0
