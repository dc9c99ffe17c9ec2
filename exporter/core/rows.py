"""Which row is which series, when series are born, vanish and change places?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exporter.core.series import Ints, Keys, SeriesBatch

State = dict[str, npt.NDArray[Any]]
"""What a detector remembers: named arrays whose first axis is the series."""


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How old rows and a batch's rows meet in one order.

    Parameters
    ----------
    keys : the S series of both, old ones first
    old : int64 [S], row in the old order, -1 for a series born now
    new : int64 [S], row in the batch, -1 for a series it lacks
    is_same : both are one order already, as they mostly are
    """

    keys: Keys
    old: Ints
    new: Ints
    is_same: bool = False


def align(old: Keys, new: Keys) -> Alignment:
    """Bring the series of a state and of a batch into one order."""
    if old == new:
        same = np.arange(len(old), dtype=np.int64)
        return Alignment(old, same, same, is_same=True)
    where = {key: row for row, key in enumerate(new)}
    known = set(old)
    born = [row for row, key in enumerate(new) if key not in known]
    old_rows = np.full(len(old) + len(born), -1, dtype=np.int64)
    old_rows[: len(old)] = np.arange(len(old))
    new_rows = np.array([where.get(key, -1) for key in old] + born, dtype=np.int64)
    return Alignment(old + tuple(new[row] for row in born), old_rows, new_rows)


def spread_batch(batch: SeriesBatch, alignment: Alignment) -> SeriesBatch:
    """Return the batch in the order of `alignment`; series that it lacks become NaN rows."""
    if alignment.is_same:
        # With the old keys, so that those of the newest answer need not stay in memory.
        return replace(batch, keys=alignment.keys)
    shape = (len(alignment.keys), len(batch.times))
    values, undefined = np.full(shape, np.nan), None
    there = alignment.new >= 0
    values[there] = batch.values[alignment.new[there]]
    if batch.undefined is not None:
        undefined = np.zeros(shape, dtype=np.bool_)
        undefined[there] = batch.undefined[alignment.new[there]]
    return replace(batch, keys=alignment.keys, values=values, undefined=undefined)


def spread_state(state: State, fresh: Callable[[int], State], alignment: Alignment) -> State:
    """Return the state in the order of `alignment`.

    fresh : gives the state of so many series that nothing is known of, for the rows born now
    """
    kept = alignment.old >= 0
    if kept.all():
        return state  # old series come first and in their order
    return concatenate([state, fresh(int((~kept).sum()))])


def concatenate(states: Sequence[State]) -> State:
    """Return the rows of all states, one after the other."""
    return {name: np.concatenate([state[name] for state in states]) for name in states[0]}


def take_rows(state: Mapping[str, npt.NDArray[Any]], rows: Ints) -> State:
    """Return the chosen rows of every array."""
    return {name: array[rows] for name, array in state.items()}


def select_keys(keys: Sequence[bytes], rows: Ints) -> Keys:
    """Return the keys at `rows`."""
    return tuple(keys[row] for row in rows.tolist())
