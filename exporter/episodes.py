"""When was each series anomalous before?

A few numbers per anomaly, of each series' last ones, so that people can be told that this is the
third time this week. They live in the query's state, and only the rows that are anomalous now are
ever touched.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import NEVER, Bools, Floats, Ints, SeriesBatch

KEPT: Final = 8
"""Anomalies that are remembered of a series."""

QUIET: Final = 300_000
"""Milliseconds without an anomalous sample, after which the next one is a new anomaly: as long as
the rules hold an incident's severity."""

Float32s: TypeAlias = npt.NDArray[np.float32]
Int32s: TypeAlias = npt.NDArray[np.int32]


class Episodes(NamedTuple):
    """The last anomalies of S series, the newest first.

    Parameters
    ----------
    start, end : int64 [S, 8], unix milliseconds of the first and the last anomalous sample
    sigmas : float32 [S, 8], of the sample farthest off, signed; NaN without a band
    voters : int32 [S, 8], one bit per detector that was ever above the threshold
    """

    start: Ints
    end: Ints
    sigmas: Float32s
    voters: Int32s


class Events(NamedTuple):
    """Anomalous samples, those of a row in the order of time: row, unix milliseconds, and why."""

    row: Ints
    time: Ints
    sigmas: Float32s
    voters: Int32s


def no_episodes(series: int) -> State:
    """Return what is known of series that were never anomalous: `Episodes`, 192 bytes each."""
    return {
        "episode_start": np.full((series, KEPT), NEVER, dtype=np.int64),
        "episode_end": np.full((series, KEPT), NEVER, dtype=np.int64),
        "episode_sigmas": np.full((series, KEPT), np.nan, dtype=np.float32),
        "episode_voters": np.zeros((series, KEPT), dtype=np.int32),
    }


def episodes_of(state: State) -> Episodes:
    """Return what a state that holds the arrays of `no_episodes` knows."""
    return Episodes(*(state[f"episode_{name}"] for name in Episodes._fields))


def remember(
    state: State,
    batch: SeriesBatch,
    is_anomaly: Bools,
    *,
    sigmas: Floats,
    votes: Sequence[Floats],
    thresholds: Floats,
) -> State:
    """Return the arrays of `no_episodes` after a batch; those of `state` are not written to.

    Parameters
    ----------
    state : holds these arrays, and may hold others
    is_anomaly : bool [S, T]
    sigmas : float64 [S, T], signed
    votes : the detectors' scores, each [S, T], of which the first 31 are told apart
    thresholds : float64 [S or 1, 1], from which a detector counts as having voted for it
    """
    names = [f"episode_{name}" for name in Episodes._fields]
    if not is_anomaly.any():
        return {name: state[name] for name in names}
    rows, columns = np.nonzero(is_anomaly)
    voters = np.zeros(len(rows), dtype=np.int32)
    limits = np.broadcast_to(thresholds, is_anomaly.shape)[rows, columns]
    for bit, vote in enumerate(votes[:31]):
        voters |= (vote[rows, columns] >= limits).astype(np.int32) << np.int32(bit)
    distances = sigmas[rows, columns].astype(np.float32)
    after = episodes_of({name: state[name].copy() for name in names})
    rows = np.ascontiguousarray(rows)  # else a layout that has to be compiled on its own
    record(Events(rows, batch.times[columns], distances, voters), after, max(QUIET, 2 * batch.step))
    return dict(zip(names, after, strict=True))


@compiled
def record(events: Events, past: Episodes, quiet: int) -> None:
    """Enter events into `past`; after `quiet` milliseconds without one an anomaly is over."""
    start, end, sigmas, voters = past
    for i in range(len(events.row)):
        row = events.row[i]
        if events.time[i] - end[row, 0] > quiet:
            for place in range(start.shape[1] - 1, 0, -1):
                start[row, place] = start[row, place - 1]
                end[row, place] = end[row, place - 1]
                sigmas[row, place] = sigmas[row, place - 1]
                voters[row, place] = voters[row, place - 1]
            start[row, 0] = events.time[i]
            sigmas[row, 0] = np.nan
            voters[row, 0] = 0
        end[row, 0] = events.time[i]
        voters[row, 0] |= events.voters[i]
        if np.isnan(sigmas[row, 0]) or abs(events.sigmas[i]) > abs(sigmas[row, 0]):
            sigmas[row, 0] = events.sigmas[i]


def are_anomalous(state: State) -> Bools:
    """Return which series' newest sample is anomalous, bool [S]."""
    result: Bools = state["episode_end"][:, 0] == state["seen"]
    return result
