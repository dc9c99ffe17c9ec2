"""When was each series anomalous before?

A few numbers per anomaly, of each series' last ones, so that people can be told that this is the
third time this week. They live in the query's state, and only the rows that are anomalous now are
ever touched.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import NEVER, Bools, Floats, Ints

KEPT: Final = 8
"""Anomalies that are remembered of a series."""

QUIET: Final = 300_000
"""Milliseconds without an anomalous sample, after which the next one is a new anomaly: as long as
the rules hold an incident's severity."""

_NAMES = ("episode_start", "episode_end", "episode_sigmas", "episode_voters")


def no_episodes(series: int) -> State:
    """Return what is known of series that were never anomalous, the newest anomaly first.

    `episode_start`, `episode_end` int64 [S, 8], unix milliseconds of the first and the last
    anomalous sample; `episode_sigmas` float32 [S, 8], of the sample farthest off, signed, NaN
    without a band; `episode_voters` int32 [S, 8], one bit per detector that was ever above the
    threshold. 192 bytes per series.
    """
    return {
        "episode_start": np.full((series, KEPT), NEVER, dtype=np.int64),
        "episode_end": np.full((series, KEPT), NEVER, dtype=np.int64),
        "episode_sigmas": np.full((series, KEPT), np.nan, dtype=np.float32),
        "episode_voters": np.zeros((series, KEPT), dtype=np.int32),
    }


def remember(
    past: State,
    times: Ints,
    step: int,
    is_anomaly: Bools,
    sigmas: Floats,
    votes: Sequence[Floats],
    threshold: float,
) -> State:
    """Return `past`, which is not written to, with the anomalies of a batch.

    Parameters
    ----------
    past : holds the arrays of `no_episodes`, and may hold others
    times : int64 [T], unix milliseconds
    step : milliseconds between columns
    is_anomaly : bool [S, T]
    sigmas : float64 [S, T], signed
    votes : the detectors' scores, each [S, T], at most 31 of which are told apart
    threshold : from which a detector counts as having voted for it
    """
    before = {name: past[name] for name in _NAMES}
    if not is_anomaly.any():
        return before
    rows, columns = np.nonzero(is_anomaly)  # row by row, each in the order of time
    voters = np.zeros(len(rows), dtype=np.int32)
    for bit, vote in enumerate(votes[:31]):
        voters |= (vote[rows, columns] >= threshold).astype(np.int32) << np.int32(bit)
    after = {name: array.copy() for name, array in before.items()}
    record(
        rows,
        times[columns],
        sigmas[rows, columns].astype(np.float32),
        voters,
        max(QUIET, 2 * step),
        *after.values(),
    )
    return after


@compiled
def record(
    rows: Ints,
    times: Ints,
    sigmas: npt.NDArray[np.float32],
    voters: npt.NDArray[np.int32],
    quiet: int,
    start: Ints,
    end: Ints,
    peak: npt.NDArray[np.float32],
    voted: npt.NDArray[np.int32],
) -> None:
    """Enter anomalous samples, in the order of time within each row, into the last four."""
    for i in range(len(rows)):
        row = rows[i]
        if times[i] - end[row, 0] > quiet:
            for place in range(start.shape[1] - 1, 0, -1):
                start[row, place] = start[row, place - 1]
                end[row, place] = end[row, place - 1]
                peak[row, place] = peak[row, place - 1]
                voted[row, place] = voted[row, place - 1]
            start[row, 0] = times[i]
            peak[row, 0] = np.nan
            voted[row, 0] = 0
        end[row, 0] = times[i]
        voted[row, 0] |= voters[i]
        if np.isnan(peak[row, 0]) or abs(sigmas[i]) > abs(peak[row, 0]):
            peak[row, 0] = sigmas[i]


def are_anomalous(state: dict[str, npt.NDArray[Any]]) -> Bools:
    """Return which series' newest sample is anomalous, bool [S]."""
    result: Bools = state["episode_end"][:, 0] == state["seen"]
    return result
