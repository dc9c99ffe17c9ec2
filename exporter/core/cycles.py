"""Which short cycle does a series have, of few samples, such as a job every ten minutes?"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.periods import CLEAR, autocorrelation, find_period
from exporter.core.profiles import (
    LARGEST,
    LEVEL,
    LEVELS,
    ORIGIN,
    TESTED,
    XX,
    XY,
    Singles,
    fresh_moments,
    tally,
    weight_of,
)
from exporter.core.rolling import MAD_TO_SIGMA
from exporter.core.rows import State
from exporter.core.series import Floats, Ints

RECENT: Final = 240
"""Samples among which a cycle is looked for."""

LONGEST: Final = RECENT // 3
"""Samples of the longest cycle: it must have been seen three times."""

CHECK: Final = 60
"""Columns between two looks."""

KEEP: Final = 0.7
"""A known cycle is kept while its autocorrelation is this share of what finds a new one."""

ROWS: Final = 512
"""Series to look at together: what is made of them stays in the cache."""

_CLIP_SIGMAS: Final = 10.0  # the one spike of an incident must not hide the period of all others


def fresh_cycle(series: int) -> State:
    """Return the cycles of series that nothing is known of.

    `recent`: float32 [S, RECENT], the sample of column c at c mod RECENT; `cycle`: float32
    [S, LONGEST], the offset of each phase; `length`: int64 [S], samples, 0 for none; `moments`.
    """
    return {
        "recent": np.full((series, RECENT), np.nan, dtype=np.float32),
        "cycle": np.zeros((series, LONGEST), dtype=np.float32),
        "length": np.zeros(series, dtype=np.int64),
        "moments": fresh_moments(series),
    }


@compiled
def follow_cycle(
    values: Floats,
    index: Ints,
    recent: Singles,
    cycle: Singles,
    length: Ints,
    moments: Floats,
    season: Floats,
    rough: Floats,
) -> None:
    """Foretell the cycle's share of every sample, and remember the sample.

    Parameters
    ----------
    values : float64 [S, T], without longer seasons; anything but finite is no sample
    index : int64 [T], number of the column since 1970
    recent, cycle, length, moments : state; all but `cycle` and `length` are written to
    season, rough : float64 [S, T]; the cycle's offset, and half its change from sample to sample,
        are added to them
    """
    rate = 1.0 / RECENT
    for i in range(values.shape[0]):
        own = moments[i]
        size = length[i]
        for t in range(values.shape[1]):
            weight = 0.0
            foretold = 0.0
            if size > 0:
                phase = index[t] % size
                foretold = float(cycle[i, phase])
                before = float(cycle[i, (phase - 1) % size])
                after = float(cycle[i, (phase + 1) % size])
                weight = weight_of(own)
                season[i, t] += weight * foretold
                rough[i, t] += weight * 0.5 * max(abs(foretold - before), abs(after - foretold))
            now = np.nan
            if np.isfinite(values[i, t]):
                if np.isnan(own[ORIGIN]):
                    own[ORIGIN] = values[i, t]
                now = min(max(values[i, t] - own[ORIGIN], -LARGEST), LARGEST)
                own[LEVELS] += 1.0
                share = 1.0 / min(own[LEVELS], 0.5 * LONGEST)
                own[LEVEL] += share * (now - foretold - own[LEVEL])
                if size > 0:
                    tally(own, now - own[LEVEL], foretold, rate)
            recent[i, index[t] % RECENT] = now


@compiled
def fold(recent: Singles, last: int, length: Ints, cycle: Singles) -> None:
    """Write the median of each phase, around the mean of all phases, into `cycle`.

    last : number of the newest column in `recent`
    """
    held = np.empty(RECENT)
    for i in range(recent.shape[0]):
        size = length[i]
        total = 0.0
        for phase in range(size):
            count = 0
            age = (last - phase) % size
            while age < RECENT:
                now = recent[i, (last - age) % RECENT]
                if not np.isnan(now):
                    held[count] = now
                    count += 1
                age += size
            cycle[i, phase] = np.median(held[:count]) if count > 0 else 0.0
            total += float(cycle[i, phase])
        for phase in range(size):
            cycle[i, phase] -= total / size


def look_for_cycles(state: State, last: int) -> None:
    """Find each series' cycle among its recent samples anew, in place.

    last : number of the newest column
    """
    for start in range(0, len(state["length"]), ROWS):
        _look({name: array[start : start + ROWS] for name, array in state.items()}, last)


def _look(state: State, last: int) -> None:
    order = np.arange(last + 1, last + 1 + RECENT) % RECENT
    recent = _clipped(state["recent"][:, order])
    likeness = autocorrelation(recent, LONGEST + 1)
    found, _ = find_period(likeness)
    is_enough = np.isfinite(recent).sum(1) >= RECENT // 2
    known = state["length"]
    is_kept = (known > 0) & (likeness[np.arange(len(known)), known] >= KEEP * CLEAR)
    length = np.where(is_kept, known, np.where(is_enough, found, 0))
    is_new = length != known
    # A new cycle has to prove itself; one that goes on keeps what it proved.
    state["moments"][np.ix_(is_new, [XY, XX, TESTED])] = 0.0
    state["length"][:] = length
    fold(state["recent"], last, length, state["cycle"])


def _clipped(recent: Singles) -> Floats:
    """Return the rows [S, N] with what lies far outside cut; rows that mostly tie stay whole."""
    rows = recent.astype(np.float64)
    middle = np.maximum(np.isfinite(recent).sum(1) - 1, 0) // 2
    some = np.arange(len(rows))
    center = np.sort(recent, 1)[some, middle]
    gaps = np.sort(np.abs(recent - center[:, None]), 1)[some, middle]
    reach = np.where(gaps > 0.0, _CLIP_SIGMAS * MAD_TO_SIGMA * gaps, np.inf)
    return np.clip(rows, (center - reach)[:, None], (center + reach)[:, None])
