"""What do a query's forecasts carry from one cycle to the next, besides the samples?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.core.rows import State, concatenate, take_rows
from exporter.core.series import NEVER, Ints, Keys
from exporter.forecasters import followup, skill


@dataclass(frozen=True, slots=True, eq=False)
class OutlookState:
    """How good the forecasts of S series were, and what was predicted; never written to.

    Parameters
    ----------
    keys : S series
    until : unix milliseconds of the newest column that it knows of
    groups : `skill` and `followup`, see there
    """

    keys: Keys
    until: int
    groups: Mapping[str, State]


def unseen(series: int, leads: int) -> dict[str, State]:
    """Return what is known of so many series of which nothing was ever forecast.

    leads : how many are published
    """
    return {"skill": skill.fresh(series, leads), "followup": followup.fresh(series)}


def cold_outlook(leads: int) -> OutlookState:
    """Return the state of a query that was never forecast."""
    return OutlookState((), NEVER, unseen(0, leads))


def for_keys(state: OutlookState, keys: Keys, leads: int) -> OutlookState:
    """Return the state for other series: those known keep what is known of them."""
    if keys == state.keys:
        return state
    row_of = {key: row for row, key in enumerate(state.keys)}
    rows = np.array([row_of.get(key, len(row_of)) for key in keys], dtype=np.int64)
    groups = {
        name: take_rows(concatenate([state.groups[name], blank]), rows)
        for name, blank in unseen(1, leads).items()
    }
    return OutlookState(keys, state.until, groups)


def rows_of(state: OutlookState, rows: Ints) -> dict[str, State]:
    """Return what is known of some series."""
    return {name: take_rows(group, rows) for name, group in state.groups.items()}


def with_rows(
    state: OutlookState, rows: Ints, until: int, parts: Sequence[Mapping[str, State]]
) -> OutlookState:
    """Return the state with what was learned of some series.

    rows : which ones
    parts : of them, one after the other
    """
    groups = {}
    for name, group in state.groups.items():
        learned = concatenate([part[name] for part in parts])
        if len(rows) < len(state.keys):
            whole = {key: array.copy() for key, array in group.items()}
            for key, array in learned.items():
                whole[key][rows] = array
            learned = whole
        groups[name] = learned
    return OutlookState(state.keys, until, groups)
