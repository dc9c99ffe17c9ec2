"""Which smoothing would have forecast this series best, and what does it forecast?"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.smoothing import (
    CLIP,
    LANES,
    LEAST_SCALE,
    LOSS,
    PARAMETERS,
    PARTS,
    QUANTITIES,
    look_ahead,
    path,
    set_parameters,
    set_state,
    smooth,
)
from exporter.forecasters.smoothing_start import begin

_ROUNDS: Final = 4
"""The first tries what to start with, the others what lies around the best so far."""
_FIRST_MOVE: Final = 2.0
_NARROWER: Final = 1.6
"""How far around, on the logistic scale, and how much less in every further round."""
_PRICE: Final = 0.02
"""Share of the error that another part of a model has to save."""
_EDGE: Final = 0.0005
_REFIT: Final = 2.0
"""Growth of the history that calls for another fit; a season seen for the second time does too."""
_WINDOW: Final = 1000
_CYCLES: Final = 5
"""Newest samples, and of the longest season cycles, that a fit looks at, whichever is more."""
_WARM_UP: Final = 10


@compiled
def foretell_rows(
    values: Floats,
    first: Ints,
    seasons: Ints,
    origins: Ints,
    z_starts: Floats,
    parts_starts: Floats,
    moves: Floats,
    paths: Floats,
) -> None:
    """Write the forecasts of all rows, float64 [S, R, H].

    seasons : int64 [2], columns of a day and a week, below 2 for none
    z_starts, parts_starts : float64 [2, LANES, ...], without and with a season
    """
    horizon = paths.shape[2]
    bench = np.zeros(QUANTITIES * LANES)
    shapes = (np.empty(max(seasons[0], 1)), np.empty(max(seasons[1], 1)))
    memory = (np.empty(len(shapes[0]) * LANES), np.empty(len(shapes[1]) * LANES))
    sizes = np.ones(2, dtype=np.int64)
    start = np.empty(3)
    best = np.empty(PARAMETERS + PARTS)
    parts = np.empty((LANES, PARTS))
    for row in range(values.shape[0]):
        fitted = 0  # samples that were known then
        anchor = 0  # column at which smoothing began
        done = 0  # columns smoothed since
        for place in range(len(origins)):
            known = origins[place] - first[row]
            if known < 2:
                for lead in range(horizon):
                    paths[row, place, lead] = np.nan
                continue
            is_due = place == len(origins) - 1 or known >= _REFIT * fitted
            for season in range(2):
                least = 2 * seasons[season]
                is_due |= least > fitted and known >= least >= 4
            if is_due:
                for season in range(2):
                    is_seen = seasons[season] >= 2 and known >= 2 * seasons[season]
                    sizes[season] = seasons[season] if is_seen else 1
                longest = max(sizes[0], sizes[1])
                anchor = origins[place] - min(known, max(_CYCLES * longest, _WINDOW))
                samples = values[row, anchor : origins[place]]
                day = shapes[0][: sizes[0]]
                week = shapes[1][: sizes[1]]
                begin(samples, sizes, start, day, week)
                which = 1 if longest > 1 else 0
                fit(
                    samples,
                    horizon,
                    sizes,
                    start,
                    day,
                    week,
                    z_starts[which],
                    parts_starts[which],
                    moves,
                    bench,
                    memory[0],
                    memory[1],
                    best,
                )
                for part in range(PARTS):
                    parts[0, part] = best[PARAMETERS + part]
                set_parameters(bench, 0, best[:PARAMETERS], parts[0])
                set_state(bench, memory[0], memory[1], parts, start, day, week)
                fitted = known
                done = 0
            samples = values[row, anchor : origins[place]]
            floor = LEAST_SCALE * start[2]
            smooth(bench, memory[0], memory[1], sizes, done, samples[done:], floor, CLIP)
            done = len(samples)
            path(bench, memory[0], memory[1], sizes, done, 0, paths[row, place])


@compiled
def fit(
    samples: Floats,
    horizon: int,
    sizes: Ints,
    start: Floats,
    day: Floats,
    week: Floats,
    z_start: Floats,
    parts_start: Floats,
    moves: Floats,
    bench: Floats,
    day_memory: Floats,
    week_memory: Floats,
    best: Floats,
) -> None:
    """Write the parameters and parts of the best model, float64 [PARAMETERS + PARTS].

    samples : float64 [T], at least 2
    z_start, parts_start : float64 [LANES, ...], what to try first
    moves : float64 [LANES, PARAMETERS], where to look around the best
    """
    columns = len(samples)
    floor = LEAST_SCALE * start[2]
    longest = max(sizes[0], sizes[1])
    earliest = min(longest if longest > 1 else _WARM_UP, columns // 2)
    z = z_start.copy()
    parts = parts_start.copy()
    for k in range(LANES):
        for season in range(2):
            parts[k, 2 + season] *= 1.0 if sizes[season] > 1 else 0.0
    keep(z[0], parts[0], best)
    least = np.inf
    move = _FIRST_MOVE
    for turn in range(_ROUNDS):
        if turn > 0:
            for k in range(LANES):
                for q in range(PARAMETERS):
                    odds = best[q] / (1.0 - best[q]) * np.exp(move * moves[k, q])
                    z[k, q] = min(max(odds / (1.0 + odds), _EDGE), 1.0 - _EDGE)
                for part in range(PARTS):
                    parts[k, part] = best[PARAMETERS + part]
            move /= _NARROWER
        for k in range(LANES):
            set_parameters(bench, k, z[k], parts[k])
        set_state(bench, day_memory, week_memory, parts, start, day, week)
        done = 0
        for origin in range(earliest, columns, horizon):
            smooth(bench, day_memory, week_memory, sizes, done, samples[done:origin], floor, CLIP)
            later = samples[origin : origin + horizon]
            look_ahead(bench, day_memory, week_memory, sizes, origin, later)
            done = origin
        for k in range(LANES):
            loss = bench[LOSS + k] * (1.0 + _PRICE * np.sum(parts[k]))
            if loss < least:
                least = loss
                keep(z[k], parts[k], best)


@compiled
def keep(z: Floats, parts: Floats, best: Floats) -> None:
    """Write a candidate's parameters and parts behind each other."""
    for q in range(PARAMETERS):
        best[q] = z[q]
    for part in range(PARTS):
        best[PARAMETERS + part] = parts[part]
