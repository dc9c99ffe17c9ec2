"""What became of the breaches that were predicted, and of those that were not?"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.rows import State
from exporter.core.series import NEVER, Bools, Floats, Ints
from exporter.forecasters.breach import Breach, Side

LIKELY: Final = 0.5
"""Probability from which a breach counts as predicted."""

PATIENCE: Final = 8
"""A prediction may be overdue or withdrawn for horizon / PATIENCE before it is given up."""

DOUBTS: Final = 3
"""Cycles in a row below LIKELY without which nothing is withdrawn, however far apart they are."""

GAIN: Final = 0.1
"""Share of the room there was at the prediction by which it must have grown to call it averted."""

OUTCOMES: Final = ("materialised", "averted", "false", "unpredicted")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What ended in one cycle.

    Parameters
    ----------
    counts : outcome -> breaches, for each of OUTCOMES
    lead_seconds : float64 [materialised], from the first prediction to the crossing
    """

    counts: dict[str, int]
    lead_seconds: Floats


def fresh(series: int) -> State:
    """Return the state of so many series that were never looked at: 9 numbers each.

    Instants are int64 [S], unix milliseconds, NEVER where there is none: `seen` newest column,
    `beyond` newest sample beyond the limit, `opened` the prediction's first cycle, `deadline` until
    when it may come true, `doubted` since when it has been unlikely. `is_armed` int64 [S]: the next
    crossing counts; `doubts` int64 [S], cycles since `doubted`; `room` and `noise` float64 [S],
    distance to the limit and noise when the prediction was made.
    """
    instants = ("seen", "beyond", "opened", "deadline", "doubted")
    state: State = {name: np.full(series, NEVER, dtype=np.int64) for name in instants}
    state["is_armed"] = np.ones(series, dtype=np.int64)
    state["doubts"] = np.zeros(series, dtype=np.int64)
    state["room"] = np.full(series, np.nan)
    state["noise"] = np.full(series, np.nan)
    return state


def advance(
    state: State,
    times: Ints,
    values: Floats,
    limit: Floats,
    breach: Breach,
    noise: Floats,
    *,
    direction: Side,
    horizon: int,
) -> tuple[State, Outcomes]:
    """Say what the columns since the last cycle made of predictions, and take in the new ones.

    Parameters
    ----------
    state : of S series; not written to
    times : int64 [C], unix milliseconds, ascending, of the columns since the last cycle; those seen
        before do not count again, and of a series never seen only the newest does
    values : float64 [S, C]; NaN for no sample
    limit : float64 [S], in force now; NaN for none: then nothing changes
    breach : what is predicted now, knowing the newest of `times`
    noise : float64 [S], width of the band of the first lead, which tells a clear distance from a
        small one; NaN where it is not known
    direction : which way the limit is crossed
    horizon : milliseconds that are forecast
    """
    state = {name: array.copy() for name, array in state.items()}
    ended = {name: np.zeros(len(limit), dtype=np.int64) for name in OUTCOMES}
    leads = [np.empty(0)]
    if not len(times):
        return state, Outcomes(dict.fromkeys(OUTCOMES, 0), leads[0])
    now = int(times[-1])
    is_wrong = state["seen"] > now  # a clock was; so nothing is known of them
    for name, blank in fresh(int(is_wrong.sum())).items():
        state[name][is_wrong] = blank
    was_seen = state["seen"] > NEVER
    since = int(np.min(state["seen"], where=was_seen, initial=now - 1))
    patience = horizon // PATIENCE
    with np.errstate(all="ignore"):
        room = (limit[:, None] - values) * (1.0 if direction == "up" else -1.0)
        for column in range(int(np.searchsorted(times, since, "right")), len(times)):
            when = int(times[column])
            is_new = (when > state["seen"]) & (was_seen | (when == now))
            leads.append(_pass(state, when, room[:, column], noise, is_new, patience, ended))
            if when == now:
                _doubt(state, now, room[:, -1], breach, is_new, patience, ended)
                _open(state, now, room[:, -1], noise, breach, is_new, horizon, patience)
    counts = {name: int(happened.sum()) for name, happened in ended.items()}
    return state, Outcomes(counts, np.concatenate(leads))


def _pass(
    state: State,
    now: int,
    room: Floats,
    noise: Floats,
    is_new: Bools,
    patience: int,
    ended: dict[str, Ints],
) -> Floats:
    """Take in one column; return the lead seconds of the predictions that came true in it."""
    is_sample = is_new & np.isfinite(room)
    is_beyond = is_sample & (room <= 0)
    is_open = state["opened"] > NEVER
    is_first = is_sample & (state["seen"] == NEVER)
    crossed = is_beyond & (state["is_armed"] > 0) & ~is_first
    leads = (now - state["opened"][crossed & is_open]) / 1000
    ended["materialised"] += crossed & is_open
    ended["unpredicted"] += crossed & ~is_open
    state["opened"][crossed] = NEVER
    overdue = is_sample & ~crossed & is_open & (now > state["deadline"])
    _give_up(state, overdue, room, ended)
    is_clear = is_sample & ~is_beyond & ((room > noise) | (now - state["beyond"] >= patience))
    state["is_armed"][is_clear] = 1
    state["is_armed"][is_beyond] = 0
    state["beyond"][is_beyond] = now
    state["seen"][is_sample | (is_new & (state["seen"] > NEVER))] = now
    return np.asarray(leads, dtype=np.float64)


def _doubt(
    state: State,
    now: int,
    room: Floats,
    breach: Breach,
    is_new: Bools,
    patience: int,
    ended: dict[str, Ints],
) -> None:
    """Give up the predictions that have been unlikely for long; a brief doubt is none."""
    is_open = state["opened"] > NEVER
    doubted = is_new & is_open & (breach.probability < LIKELY)
    state["doubted"][doubted & (state["doubts"] == 0)] = now
    state["doubts"][doubted] += 1
    state["doubts"][~is_open | (breach.probability >= LIKELY)] = 0
    for_good = (state["doubts"] >= DOUBTS) & (now - state["doubted"] >= patience)
    _give_up(state, doubted & for_good & np.isfinite(room), room, ended)


def _open(
    state: State,
    now: int,
    room: Floats,
    noise: Floats,
    breach: Breach,
    is_new: Bools,
    horizon: int,
    patience: int,
) -> None:
    """Open predictions where none is open, and the limit not crossed already."""
    is_likely = (breach.probability >= LIKELY) & np.isfinite(breach.timestamp)
    can_open = is_new & (state["opened"] == NEVER) & (state["is_armed"] > 0) & (room > 0)
    opened = is_likely & can_open
    state["opened"][opened] = now
    state["room"][opened] = room[opened]
    # Not that of the end: whoever makes room at once makes a jump that widens the next bands.
    state["noise"][opened] = noise[opened]
    latest = breach.latest[opened] * 1000
    until = np.where(np.isfinite(latest), latest, now + horizon)
    state["deadline"][opened] = until.astype(np.int64) + patience


def _give_up(state: State, rows: Bools, room: Floats, ended: dict[str, Ints]) -> None:
    """End predictions that did not come true: there is clearly more room than there was, or not."""
    is_averted = room - state["room"] > np.fmax(state["noise"], GAIN * state["room"])
    ended["averted"] += rows & is_averted
    ended["false"] += rows & ~is_averted
    state["opened"][rows] = NEVER
    state["doubts"][rows] = 0
