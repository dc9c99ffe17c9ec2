"""Seasonal decomposition: a profile of the day or week, and how the rest goes on."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Ge, Gt, Le

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History

MOST_CYCLES: Final = 14
WAYS: Final = 4
LEAST_PERIOD: Final = 2
TREND_CYCLES: Final = 6
"""Newest cycles whose steps from mean to mean have the trend as their median."""
CHECKS: Final = 3
"""Earlier origins at which the ways to decompose are compared."""
SHARPNESS: Final = 6.0
"""A way with twice the error of the best counts 1/64 of it: nearly a choice, but no flip-flop."""
TOO_LITTLE: Final = 0.01
CLIP: Final = 6.0
"""Median deviations from a profile's middle beyond which a sample counts as if it were there."""
PLACES: Final = 12
"""Samples of the newest cycle whose median is the level."""
FORGETTING: Final = 0.5
"""Of every older cycle in a profile, relative to the next newer."""
OVERHANG: Final = 0.17
"""Share of the last sample's distance from the level that is left after a season."""


@dataclass(frozen=True, kw_only=True)
class SeasonalDecomposition(Forecaster):
    """Add what a season's profile, a level and a damped trend say.

    Parameters
    ----------
    days, weeks : newest cycles that make the profile of a season and of a longer cycle; each counts
        half as much as the next newer one
    damping : share of the trend that is left after a season; 1 is a straight line
    multiplicative : whether the season may be a factor: series of positive samples are decomposed
        as logarithms too

    Notes
    -----
    There are up to four ways: the profile of the season or of the cycle, each of the samples or of
    their logarithms. All are tried at three earlier origins, a horizon apart, and count by the
    inverse sixth power of their errors there. The cycle joins once two cycles and a horizon were
    seen. Until a season was seen twice, the last sample is repeated.

    References
    ----------
    Cleveland, Cleveland, McRae and Terpenning (1990), STL: a seasonal-trend decomposition procedure
    based on loess, J. Official Statistics 6; here clipped means of few cycles stand for loess.
    Assimakopoulos and Nikolopoulos (2000), The theta model, Int. J. Forecasting 16, for going on
    with a level and a part of the trend after the season is taken out.
    """

    kind: Literal["seasonal_decomposition"] = "seasonal_decomposition"
    days: Annotated[int, Ge(2), Le(MOST_CYCLES)] = 3
    weeks: Annotated[int, Ge(2), Le(MOST_CYCLES)] = 4
    damping: Annotated[float, Gt(0), Le(1)] = 0.5
    multiplicative: bool = True

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.empty((len(history.values), len(origins), horizon))
        periods = np.array([history.season, history.cycle], dtype=np.int64)
        cycles = np.array([self.days, self.weeks], dtype=np.int64)
        rates = np.array([OVERHANG, self.damping]) ** (1.0 / max(history.season, 1))
        values, first = history.values, history.first
        decompose(values, first, origins, periods, cycles, rates, self.multiplicative, paths)
        return paths


@compiled
def decompose(
    values: Floats,
    first: Ints,
    origins: Ints,
    periods: Ints,
    cycles: Ints,
    rates: Floats,
    may_be_factor: bool,
    paths: Floats,
) -> None:
    """Write the forecasts [S, R, H] of every row.

    periods, cycles : int64 [2], columns and number of the cycles in the profile of each way
    rates : float64 [2], shares left after a column of the last sample's distance and of the trend
    """
    series, columns = values.shape
    horizon = paths.shape[2]
    views = np.zeros((2, columns))
    sums = np.zeros((2, columns + 1))
    room = np.empty((5, (horizon + 2 * PLACES) * MOST_CYCLES))
    path, weights = np.empty(horizon), np.empty(WAYS)
    for row in range(series):
        start = first[row]
        base = values[row, min(start, columns - 1)]
        stop = columns if may_be_factor else start  # of the samples that have logarithms
        sums[:, : start + 1] = 0.0
        for column in range(start, columns):
            if column < stop and not values[row, column] > 0.0:
                stop = column
            views[0, column] = values[row, column] - base
            views[1, column] = np.log(values[row, column]) if column < stop else 0.0
            sums[:, column + 1] = sums[:, column] + views[:, column]
        for place in range(len(origins)):
            origin = origins[place]
            told = paths[row, place]
            told[:] = values[row, origin - 1]
            seen = origin - start
            if periods[0] < LEAST_PERIOD or seen < 2 * periods[0]:
                continue
            ranks = 2 if stop >= origin else 1
            weigh(
                values[row],
                views,
                sums,
                start,
                origin,
                periods,
                cycles,
                rates,
                ranks,
                room,
                path,
                weights,
            )
            told[:] = 0.0
            for way in range(WAYS):
                if weights[way] >= TOO_LITTLE:
                    view, period = way % 2, periods[way // 2]
                    most = cycles[way // 2]
                    follow(views[view], sums[view], start, origin, period, most, rates, room, path)
                    for lead in range(horizon):
                        guess = np.exp(path[lead]) if view else path[lead] + base
                        told[lead] += weights[way] * guess
            told /= weights[weights >= TOO_LITTLE].sum()


@compiled
def weigh(
    values: Floats,
    views: Floats,
    sums: Floats,
    start: int,
    origin: int,
    periods: Ints,
    cycles: Ints,
    rates: Floats,
    ranks: int,
    room: Floats,
    path: Floats,
    weights: Floats,
) -> None:
    """Write what each way counts, float64 [4], by its errors at earlier origins.

    ranks : 2 where there are logarithms, else 1
    """
    horizon, base = len(path), values[start]
    seen = origin - start
    kinds = 2 if periods[1] >= LEAST_PERIOD and seen >= 2 * periods[1] + horizon else 1
    checks = min((seen - 2 * periods[kinds - 1]) // horizon, CHECKS)
    weights[:] = np.inf
    for way in range(2 * kinds):
        view, period = way % 2, periods[way // 2]
        if view and (ranks == 1 or checks < 1):
            continue
        weights[way] = 0.0
        for check in range(1, checks + 1):
            then = origin - check * horizon
            most = cycles[way // 2]
            follow(views[view], sums[view], start, then, period, most, rates, room, path)
            for lead in range(horizon):
                guess = np.exp(path[lead]) if view else path[lead] + base
                weights[way] += abs(guess - values[then + lead])
    best, chosen = weights.min(), weights.argmin()
    for way in range(WAYS):
        weights[way] = (best / weights[way]) ** SHARPNESS if best > 0.0 else 0.0
    weights[chosen] = 1.0


@compiled
def follow(
    view: Floats,
    sums: Floats,
    start: int,
    origin: int,
    period: int,
    most: int,
    rates: Floats,
    room: Floats,
    path: Floats,
) -> None:
    """Write the forecast [H] from one origin by the profile of up to `most` cycles before it.

    sums : float64 [T + 1], of all samples before each column
    room : float64 [5, n], scratch
    """
    means = room[0]
    seen = (origin - start) // period
    cycles, drifts = min(most, seen), min(TREND_CYCLES, seen) - 1
    for cycle in range(max(cycles, drifts + 1)):
        end = origin - cycle * period
        means[cycle] = (sums[end] - sums[end - period]) / period
    steps = room[1, :drifts]
    for cycle in range(drifts):
        steps[cycle] = (means[cycle] - means[cycle + 1]) / period
    slope = middle(steps)
    stride = max(period // PLACES, 1)
    places = period // stride
    oldest = -1 - (places - 1) * stride
    count = places + len(path)
    own, deviations = room[2], room[3]
    profile, ordered = room[4, :count], room[1, :cycles]
    for place in range(count):
        phase = (oldest + place * stride) % period if place < places else (place - places) % period
        newest = origin - period + phase
        drift = slope * (phase - 0.5 * (period - 1))
        offset = place * cycles
        for cycle in range(cycles):
            own[offset + cycle] = view[newest - cycle * period] - means[cycle] - drift
            ordered[cycle] = own[offset + cycle]
        profile[place] = middle(ordered)
        for cycle in range(cycles):
            deviations[offset + cycle] = abs(own[offset + cycle] - profile[place])
    reach = CLIP * np.median(deviations[: count * cycles])
    for place in range(count):
        low, high = profile[place] - reach, profile[place] + reach
        weight, total, whole = 1.0, 0.0, 0.0
        for cycle in range(cycles):
            total += weight * min(max(own[place * cycles + cycle], low), high)
            whole += weight
            weight *= FORGETTING
        profile[place] = total / whole
    rest = own[:places]
    for place in range(places):
        lead = oldest + place * stride
        rest[place] = view[origin + lead] - profile[place] - slope * (lead + 1)
    last, level = rest[places - 1], np.median(rest)
    left, trend, growth = 1.0, 1.0, 0.0
    for lead in range(len(path)):
        left *= rates[0]
        trend *= rates[1]
        growth += slope * trend
        path[lead] = level + (last - level) * left + profile[places + lead] + growth


@compiled
def middle(values: Floats) -> float:
    """Return the median of few values, which it may sort; without a branch for three or four."""
    if len(values) == 3:
        low, high = min(values[0], values[1]), max(values[0], values[1])
        return float(max(low, min(high, values[2])))
    if len(values) == 4:
        low = max(min(values[0], values[1]), min(values[2], values[3]))
        high = min(max(values[0], values[1]), max(values[2], values[3]))
        return 0.5 * float(low + high)
    for place in range(1, len(values)):
        value, hole = values[place], place
        while hole > 0 and values[hole - 1] > value:
            values[hole] = values[hole - 1]
            hole -= 1
        values[hole] = value
    half = len(values) // 2
    return 0.5 * float(values[half] + values[(len(values) - 1) // 2])
