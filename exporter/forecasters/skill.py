"""How good have the published forecasts turned out to be?"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.rows import State
from exporter.core.series import NEVER, Bools, Floats, Ints

IN_FLIGHT: Final = 24
"""Forecasts per lead that wait for their time; one is kept every lead / IN_FLIGHT."""

MEMORY: Final = 240
"""Comparisons after which one counts 1 / e. Those in flight together err together, so that these
are worth ten that know nothing of each other."""

FEWEST: Final = 10
"""Comparisons without which nothing is said."""

TRIAL: Final = 2
"""Times IN_FLIGHT comparisons without which a forecaster is not replaced."""

WORSE: Final = 2.0
"""A forecaster is replaced when ln(error ratio) * sqrt(comparisons / IN_FLIGHT) exceeds this: where
both err alike but not together, that is three standard errors."""

EQUAL: Final = 1.0
"""Error ratio below which the forecaster is given the word again."""

ROUNDING: Final = 1e-9
"""Errors below this share of the value are none."""

SUMS: Final = ("own", "naive", "signed", "count", "inside", "banded")


@dataclass(frozen=True, slots=True, eq=False)
class Skill:
    """What comparisons told of S series; NaN where there were too few.

    Parameters
    ----------
    error_ratio : float64 [S], mean absolute error of the forecaster over that of seasonal naive
    coverage_ratio : float64 [S], share of samples inside the published band
    bias_ratio : float64 [S], mean of sample minus forecast, over naive's mean absolute error
    replaced : bool [S], seasonal naive should stand in for the forecaster
    """

    error_ratio: Floats
    coverage_ratio: Floats
    bias_ratio: Floats
    replaced: Bools


def fresh(series: int, leads: int) -> State:
    """Return the state of so many series of which nothing was forecast yet.

    leads : L, how many are published

    The state is `due` int64 [S, L, IN_FLIGHT], unix milliseconds that waiting forecasts are for,
    `waiting` float64 [S, L, IN_FLIGHT, 4], the forecaster's and naive's word and the band, NaN
    where none is; `sums` float64 [S, L, 6]; `replaced` int64 [S].
    """
    return {
        "due": np.full((series, leads, IN_FLIGHT), NEVER, dtype=np.int64),
        "waiting": np.full((series, leads, IN_FLIGHT, 4), np.nan),
        "sums": np.zeros((series, leads, len(SUMS))),
        "replaced": np.zeros(series, dtype=np.int64),
    }


def advance(
    state: State,
    leads: Ints,
    times: Ints,
    values: Floats,
    issued_at: int,
    own: Floats,
    naive: Floats,
    lower: Floats,
    upper: Floats,
) -> tuple[State, Skill]:
    """Compare what was forecast for `times` with what came, and keep what is forecast now.

    Parameters
    ----------
    state : of S series and L leads; not written to
    leads : int64 [L], milliseconds from now to what is forecast
    times : int64 [C], unix milliseconds, ascending, of the columns since the last cycle; a forecast
        that became due at no such time, or where the sample is missing, does not count
    values : float64 [S, C]
    issued_at : unix milliseconds of the newest sample that the forecasts know
    own, naive : float64 [S, L], what the forecaster (also while it is replaced) and seasonal naive
        say; those with a NaN are not kept
    lower, upper : float64 [S, L], the published band; NaN for none
    """
    state = {name: array.copy() for name, array in state.items()}
    state["due"][state["due"] > issued_at + leads[:, None]] = NEVER  # a clock that was wrong
    if len(times):
        _compare(state, times, values, float(np.exp(-1 / MEMORY)))
    told = np.stack([own, naive, lower, upper], 2)
    _keep(state, leads, issued_at, told)
    skill = _skill(state)
    state["replaced"] = skill.replaced.astype(np.int64)
    return state, skill


def _compare(state: State, times: Ints, values: Floats, decay: float) -> None:
    """Settle what is due, the longest waiting of each series and lead at a time."""
    due, waiting = state["due"], state["waiting"]
    newest = times[-1]
    while True:
        open_due = np.where(np.isnan(waiting[..., 0]), newest + 1, due)
        slot = open_due.argmin(2)[..., None]
        when = np.take_along_axis(open_due, slot, 2)[..., 0]
        row, lead = np.nonzero(when <= newest)
        if not len(row):
            return
        slots, when = slot[row, lead, 0], when[row, lead]
        column = np.searchsorted(times, when)
        value = np.where(times[column] == when, values[row, column], np.nan)
        told = waiting[row, lead, slots]
        waiting[row, lead, slots] = np.nan
        came = np.isfinite(value)
        row, lead = row[came], lead[came]
        gained = _gained(value[came], told[came])
        state["sums"][row, lead] = state["sums"][row, lead] * decay + gained


def _gained(value: Floats, told: Floats) -> Floats:
    """Return what one comparison each adds to the sums, float64 [N, 6]."""
    small = ROUNDING * np.abs(value)
    with np.errstate(all="ignore"):
        signed = value - told[:, 0]
        signed[np.abs(signed) <= small] = 0.0
        own, naive = np.abs(signed), np.abs(value - told[:, 1])
        naive[naive <= small] = 0.0
        is_banded = np.isfinite(told[:, 2]) & np.isfinite(told[:, 3])
        is_inside = is_banded & (value >= told[:, 2] - small) & (value <= told[:, 3] + small)
    return np.stack([own, naive, signed, np.ones(len(value)), is_inside, is_banded], 1)


def _keep(state: State, leads: Ints, issued_at: int, told: Floats) -> None:
    """Keep the forecasts of leads whose last kept one is lead / IN_FLIGHT old."""
    due, waiting = state["due"], state["waiting"]
    wanted = issued_at + leads
    is_told = np.isfinite(told[..., :2]).all(2)
    row, lead = np.nonzero(is_told & (wanted - due.max(2) >= leads / IN_FLIGHT))
    slot = due[row, lead].argmin(1)  # no more than IN_FLIGHT wait: the oldest was compared
    due[row, lead, slot] = wanted[lead]
    waiting[row, lead, slot] = told[row, lead]


def _skill(state: State) -> Skill:
    """Tell what the sums mean: each lead's mean counts once."""
    sums = dict(zip(SUMS, np.moveaxis(state["sums"], 2, 0), strict=True))
    count, banded = sums["count"], sums["banded"]
    with np.errstate(all="ignore"):
        own, naive, signed = (
            np.where(count > 0, sums[name] / count, 0.0).sum(1)
            for name in ("own", "naive", "signed")
        )
        ratio = np.where(own == naive, 1.0, own / naive)
        bias = np.where(signed == 0, 0.0, signed / naive)
        coverage = sums["inside"].sum(1) / banded.sum(1)
        independent = count.sum(1) / IN_FLIGHT
        is_worse = np.log(ratio) * np.sqrt(independent) > WORSE
    replaced = np.where(state["replaced"] > 0, ~(ratio < EQUAL), is_worse & (independent >= TRIAL))
    is_few = count.sum(1) < FEWEST
    return Skill(
        error_ratio=np.where(is_few, np.nan, ratio),
        coverage_ratio=np.where(banded.sum(1) < FEWEST, np.nan, coverage),
        bias_ratio=np.where(is_few, np.nan, bias),
        replaced=replaced,
    )
