"""Which of a few simple forecasts foretells a series best, and how surprising is what came instead?

Six one-step forecasts run all the time: the last sample, a fast and a slow exponential mean, the
same time yesterday with and without the level since, and the same time last week with the level.
The one whose recent error is least is believed. The surprise is the distance of a sample from the
hull of that forecast and of what was seen around this time yesterday and last week, in units of
what 99 % of all such distances stayed below: a ruler that fits any distribution, since a series
with frequent bursts has a long one.

One row of `register` holds a series' scalars, at the places named below.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import Bools, Floats, Ints
from exporter.core.slots import around, hull, recurs
from exporter.core.tailscale import BINS, INDEX, NEVER, learn_distance, tail_scale

FORECASTS: Final = 6

LAST, FAST, SLOW, DAY_GAP, WEEK_GAP, ERRORS = range(6)
"""Places in the register; there is an error for each forecast."""
SLOT, SLOT_COUNT, SLOT_LOW, SLOT_HIGH, TAIL_TOP, TAIL_WEIGHT, COUNT, FROZEN, HELD, IS_ODD = range(
    ERRORS + FORECASTS, ERRORS + FORECASTS + 10
)
REGISTERS: Final = IS_ODD + 1

UNUSUAL: Final = 1
"""So many samples of an incident count among the distances, lest it stretch its own ruler."""

RESOLUTION: Final = 1e-9
"""Distances below this share of the forecast are rounding, not movement."""

MOST_SIGMAS: Final = 1000.0
"""Surprises are cut here."""

HUGE: Final = 1e37
"""Samples beyond are taken for infinite and not learned: slots are float32, added in pairs."""


def fresh_race(series: int, ring: int) -> State:
    """Return the state of series that nothing is known of, with so many slots a week."""
    registers = np.full((series, REGISTERS), np.nan)
    registers[:, [DAY_GAP, WEEK_GAP, SLOT_COUNT, COUNT, HELD, IS_ODD]] = 0.0
    registers[:, TAIL_WEIGHT] = 1.0
    return {
        "low": np.full((series, ring), np.nan, dtype=np.float32),
        "high": np.full((series, ring), np.nan, dtype=np.float32),
        "odd": np.zeros((series, ring), dtype=np.bool_),
        "tail": np.zeros((series, BINS), dtype=np.float32),
        "race": registers,
    }


@compiled
def _close_slot(own: Floats, low: Floats, high: Floats, odd: Bools, slot: int, slots: int) -> None:
    """Keep the slot that is over, if any, and begin another one."""
    if own[SLOT] != slot:
        if not np.isnan(own[SLOT]):
            odd[int(own[SLOT]) % slots] = own[IS_ODD] > 0.0
            own[IS_ODD] = 0.0
        if own[SLOT_COUNT] > 0.0:
            place = int(own[SLOT]) % slots
            low[place] = own[SLOT_LOW]
            high[place] = own[SLOT_HIGH]
        own[SLOT_COUNT] = 0.0
        own[SLOT] = slot


@compiled
def _learn(own: Floats, forecast: Floats, now: float, rates: Floats) -> None:
    """Bring means, gaps and errors up to date."""
    for k in range(FORECASTS):
        if not np.isnan(forecast[k]):
            error = abs(now - forecast[k])
            before = own[ERRORS + k]
            own[ERRORS + k] = error if np.isnan(before) else before + rates[3] * (error - before)
    own[LAST] = now
    own[FAST] = now if np.isnan(own[FAST]) else own[FAST] + rates[0] * (now - own[FAST])
    own[SLOW] = now if np.isnan(own[SLOW]) else own[SLOW] + rates[1] * (now - own[SLOW])
    if not np.isnan(forecast[3]):
        own[DAY_GAP] += rates[2] * (now - forecast[3] - own[DAY_GAP])
    if not np.isnan(forecast[5]):
        own[WEEK_GAP] += rates[2] * (now - forecast[5])


@compiled
def _see(own: Floats, now: float) -> None:
    """Let the open slot hold a sample: the like of it is no surprise at this time tomorrow."""
    if own[SLOT_COUNT] == 0.0:
        own[SLOT_LOW] = now
        own[SLOT_HIGH] = now
    own[SLOT_COUNT] += 1.0
    own[SLOT_LOW] = min(own[SLOT_LOW], now)
    own[SLOT_HIGH] = max(own[SLOT_HIGH], now)


@compiled
def _foretell(
    own: Floats, low: Floats, high: Floats, clock: tuple[int, int, float], to: Floats
) -> tuple[int, int]:
    """Write what each forecast says, NaN if nothing; return the best and the best slow one.

    Either is -1 if there is none. The slow ones do not follow an incident at once.

    clock : number of the slot, slots a day, phase in the slot
    """
    slot, per_day, phase = clock
    day = around(low, high, slot - per_day, phase, 7 * per_day)
    week = around(low, high, slot, phase, 7 * per_day)
    to[0] = own[LAST]
    to[1] = own[FAST]
    to[2] = own[SLOW]
    to[3] = day
    to[4] = day + own[DAY_GAP]
    to[5] = week + own[WEEK_GAP]
    best = -1
    steady = -1
    for k in range(FORECASTS):
        if np.isnan(to[k]) or np.isnan(own[ERRORS + k]):
            continue
        if best < 0 or own[ERRORS + k] < own[ERRORS + best]:
            best = k
        if k >= SLOW and (steady < 0 or own[ERRORS + k] < own[ERRORS + steady]):
            steady = k
    return best, steady


@compiled
def _surprise(own: Floats, distance: float, scale: float) -> float:
    """Return a signed distance in scales."""
    if distance == 0.0:
        return 0.0
    if scale > 0.0:
        return min(max(distance / scale, -MOST_SIGMAS), MOST_SIGMAS)
    # Nothing ever surprised: as rare as that is, and not rarer.
    never: float = np.sign(distance) * NEVER * own[COUNT] ** (1.0 / INDEX)
    return never


@compiled
def _outside(now: float, bottom: float, ceiling: float, resolution: float) -> float:
    if now > ceiling + resolution:
        return now - ceiling
    if now < bottom - resolution:
        return now - bottom
    return 0.0


@compiled
def _is_held(own: Floats, is_odd: bool, expected: float, now: float, patience: int) -> bool:
    """Return whether the sample belongs to an incident, which is not learned."""
    if is_odd:
        own[HELD] += 1.0
        if own[HELD] <= patience:
            own[FROZEN] = expected
            return True
        own[FAST] = now  # the new normal
        own[SLOW] = now
    own[HELD] = 0.0
    own[FROZEN] = np.nan
    return False


@compiled
def race(
    values: Floats,
    wall: Ints,
    slot_length: int,
    per_day: int,
    has_phase: bool,
    rates: Floats,
    least: int,
    patience: int,
    alarming: float,
    low: Floats,
    high: Floats,
    odd: Bools,
    tail: Floats,
    register: Floats,
    out: Floats,
) -> None:
    """Run the forecasts over every series and write what they say; the state in place.

    values : [S, T]
    wall : int64 [T], wall clock in milliseconds
    slot_length, per_day : of the ring of slots: milliseconds of one, and how many a day has
    has_phase : a slot holds several samples
    rates : [5], of the fast and the slow mean, of the gaps, of the errors, and by how much each
        distance weighs more than the one before
    least : distances until the first score
    patience : samples for which an incident is not learned
    alarming : the surprise from which it is one
    low, high : float32 [S, ring], lowest and highest sample of each slot of the week
    odd : bool [S, ring], whether something odd was held back in it
    tail : float32 [S, BINS]
    register : [S, REGISTERS]
    out : [5, S, T]: surprise (signed), forecast, lower and upper end of the hull, scale
    """
    forecast = np.empty(FORECASTS)
    for row in range(values.shape[0]):
        own = register[row]
        for column in range(values.shape[1]):
            now = values[row, column]
            slot = wall[column] // slot_length
            phase = (wall[column] - slot * slot_length) / slot_length if has_phase else -1.0
            _close_slot(own, low[row], high[row], odd[row], slot, 7 * per_day)
            clock = (slot, per_day, phase)
            best, steady = _foretell(own, low[row], high[row], clock, forecast)
            next_one = forecast[best] if best >= 0 else np.nan
            expected = forecast[steady] if steady >= 0 else np.nan
            if not np.isnan(own[FROZEN]):
                next_one = own[FROZEN]
                expected = own[FROZEN]
            bottom, ceiling = hull(low[row], high[row], slot, per_day, next_one, expected)
            scale = np.nan
            if own[COUNT] >= least and best >= 0:
                scale = tail_scale(tail[row], own[TAIL_TOP])
            out[1, row, column] = expected
            out[2, row, column] = bottom
            out[3, row, column] = ceiling
            out[4, row, column] = scale
            if np.isnan(now):
                continue

            distance = _outside(now, bottom, ceiling, RESOLUTION * abs(expected))
            is_odd = False
            if not np.isnan(scale):
                surprise = _surprise(own, distance, scale)
                out[0, row, column] = surprise
                is_odd = abs(surprise) >= alarming
            if not abs(now) < HUGE:
                continue
            if best >= 0 and (not is_odd or own[HELD] < UNUSUAL):
                own[COUNT] += 1.0
                # A counter that wrapped around must not become the ruler of what comes after it.
                counted = min(abs(distance), MOST_SIGMAS * scale) if scale > 0.0 else abs(distance)
                if learn_distance(tail[row], own, TAIL_TOP, TAIL_WEIGHT, counted, rates[4]):
                    own[COUNT] = 0.0
            is_held = _is_held(own, is_odd, expected, now, patience)
            if is_held:
                own[IS_ODD] = 1.0
            if not is_held or recurs(odd[row], slot, per_day):
                _see(own, now)
            if not is_held:
                _learn(own, forecast, now, rates)
