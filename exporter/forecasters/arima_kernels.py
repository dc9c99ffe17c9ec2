"""How does every series of a batch go on, from each origin, by the best of some models?"""

import math
from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.arima_filters import (
    AUTOREGRESSION,
    LEVEL,
    MOST_COEFFICIENTS,
    Chain,
    innovations,
    unwind,
)
from exporter.forecasters.arima_fit import copy, refine, start_values, unknowns
from exporter.forecasters.arima_models import Models

REFIT: Final = 2.0
"""Coefficients serve later origins until the history has grown by this factor."""

BEST: Final = 2
"""Models whose forecasts make the mean: on the M4 Hourly series two are better than the best."""

TRIALS: Final = 12
"""Origins within the history at which models are compared."""

RESOLUTION: Final = 1e-9
"""Distance, as a share of the history's range, below which models are equally good."""

OUTRAGEOUS: Final = 5.0
"""A jump of this many times what all but the largest hundredth of jumps stay below is a glitch."""

PATIENCE: Final = 2
"""Glitches in a row; a third such sample is where the series is now."""

SEASONAL_START: Final = 0.3
"""First value of seasonal coefficients, from which Gauss-Newton finds its way."""


@compiled
def tell(
    values: Floats, first: Ints, origins: Ints, models: Models, season: int, paths: Floats
) -> None:
    """Write the forecasts [S, R, H] of all rows of values [S, T], see `Forecaster.foretell`."""
    columns, stages = values.shape[1], models.kinds.shape[1]
    count, horizon = len(origins), paths.shape[2]
    x, z = np.empty((stages + 1, columns)), np.empty((stages, columns))
    tail = np.empty((stages + 1, horizon))
    least = models.needs[0]
    for m in range(1, len(models.needs)):
        least = min(least, models.needs[m])
    for row in range(values.shape[0]):
        y = values[row, first[row] :]
        place = 0
        while place < count:
            known = origins[place] - first[row]
            after = place + 1
            if known < least:
                paths[row, place] = y[known - 1] if known > 0 else np.nan
            else:
                while after < count - 1 and origins[after] - first[row] < REFIT * known:
                    after += 1
                ends = origins[place:after] - first[row]
                tell_one(y, ends, models, season, x, z, tail, paths[row, place:after])
            place = after


@compiled
def tell_one(
    y: Floats,
    ends: Ints,
    models: Models,
    season: int,
    x: Floats,
    z: Floats,
    tail: Floats,
    paths: Floats,
) -> None:
    """Write the forecasts [R, H] of a series from some origins, with what the first one knows."""
    known, stop = ends[0], ends[-1]
    calm(y, known, stop, season, x[0])
    pivot = x[0, known - 1]
    scale = 0.0
    for t in range(known):
        scale = max(scale, abs(x[0, t] - pivot))
    if not scale > 0.0:
        for place in range(len(ends)):
            paths[place] = x[0, ends[place] - 1]
        return
    for t in range(stop):
        x[0, t] = (x[0, t] - pivot) / scale
    count = len(models.stages)
    coefficients = np.zeros((count, len(z), MOST_COEFFICIENTS))
    lefts, misses = np.zeros(count), np.full(count, np.inf)
    for m in range(count):
        if models.needs[m] <= known < models.until[m]:
            lefts[m] = fit(models, m, known, x, z, coefficients[m])
            chain = chain_of(models, m, zero(known))
            innovations(chain, coefficients[m], zero(known), zero(known), known, x)
            misses[m] = distance(chain, coefficients[m], x, known, tail, paths[0])
    summed, total = np.zeros(paths.shape), 0.0
    for _ in range(BEST):
        m = least_of(misses)
        if not misses[m] < np.inf:
            break
        grown = grow(models, m, lefts[m], known, x, z, coefficients[m])
        chain = chain_of(models, m, grown)
        innovations(chain, coefficients[m], zero(known), zero(known), stop, x)
        weight = 1.0 / (misses[m] + RESOLUTION) ** 2
        misses[m] = np.inf
        total += weight
        for place in range(len(ends)):
            unwind(chain, coefficients[m], x, ends[place], tail, paths[place])
            for h in range(paths.shape[1]):
                summed[place, h] += weight * paths[place, h]
    for place in range(len(ends)):
        stays = x[0, ends[place] - 1]
        for h in range(paths.shape[1]):
            level = summed[place, h] / total if total > 0.0 else stays
            paths[place, h] = level * scale + pivot


@compiled
def least_of(values: Floats) -> int:
    """Return the place of the least value that is a number, the first of several."""
    place = 0
    for rival in range(len(values)):
        if values[rival] < values[place]:
            place = rival
    return place


@compiled
def chain_of(models: Models, m: int, growth: int) -> Chain:
    """Return a model's chain after some growth."""
    stages = models.stages[m]
    return Chain(
        models.kinds[m, :stages], models.lags[m, :stages], models.sizes[m, growth, :stages]
    )


@compiled
def fit(models: Models, m: int, stop: int, x: Floats, z: Floats, coefficients: Floats) -> float:
    """Write the coefficients of a model in its first size; return the mean square left.

    x : float64 [K + 1, T], of which x[0, :stop] is the series
    """
    chain = chain_of(models, m, zero(stop))
    start = fixed = zero(stop)
    ar = ma = -1
    for k in range(len(chain.kinds)):
        if chain.kinds[k] <= LEVEL:
            is_level = chain.kinds[k] == LEVEL
            coefficients[k, 0] = x[k, start:stop].mean() if is_level else 1.0
            fixed = k + 1
            head = Chain(chain.kinds[:fixed], chain.lags[:fixed], chain.sizes[:fixed])
            start = innovations(head, coefficients, k, start, stop, x)
        elif chain.lags[k] > 1:
            is_ar = chain.kinds[k] == AUTOREGRESSION
            coefficients[k, 0] = SEASONAL_START if is_ar else -SEASONAL_START
        elif chain.kinds[k] == AUTOREGRESSION:
            ar = k
        else:
            ma = k
    p = chain.sizes[ar] if ar >= 0 else 0
    q = chain.sizes[ma] if ma >= 0 else 0
    start_values(x[fixed], start, stop, coefficients[ar, :p], coefficients[ma, :q], z[0])
    return refine(chain, coefficients, fixed, start, stop, x, z)


@compiled
def grow(
    models: Models, m: int, left: float, stop: int, x: Floats, z: Floats, coefficients: Floats
) -> int:
    """Fit the larger sizes of a model, each from the one before; return the last that paid.

    left : mean square that the first size left
    """
    chain = chain_of(models, m, zero(stop))
    innovations(chain, coefficients, zero(stop), zero(stop), stop, x)
    fixed = start = zero(stop)
    while fixed < len(chain.kinds) and chain.kinds[fixed] <= LEVEL:
        start += chain.lags[fixed]
        fixed += 1
    count = stop - start
    grown = zero(stop)
    for growth in range(1, models.growths[m]):
        larger = coefficients.copy()
        chain = chain_of(models, m, growth)
        now = refine(chain, larger, fixed, start, stop, x, z)
        before = cost(left, unknowns(chain_of(models, m, grown), fixed), count)
        if models.is_open[m] and not cost(now, unknowns(chain, fixed), count) < before:
            break
        copy(larger.ravel(), coefficients.ravel())
        left, grown = now, growth
    return grown


@compiled
def cost(left: float, size: int, count: int) -> float:
    """Return the corrected Akaike criterion of a mean square left by `size` coefficients."""
    told = size + 1
    if not count > told + 1:
        return np.inf
    penalty = 2.0 * told * count / (count - told - 1)
    return count * math.log(left + 1e-300) + penalty


@compiled
def distance(
    chain: Chain, coefficients: Floats, x: Floats, stop: int, tail: Floats, path: Floats
) -> float:
    """Return how far, in the mean, forecasts within x[0, :stop] were from what came.

    Many steps ahead, since that is what is asked for: the innovations tell of the next step only.
    """
    lead = min(len(path), stop // 4)
    earliest = stop // 2
    total = 0.0
    for trial in range(TRIALS):
        origin = earliest + trial * (stop - lead - earliest) // (TRIALS - 1)
        unwind(chain, coefficients, x, origin, tail, path[:lead])
        for h in range(lead):
            total += abs(path[h] - x[0, origin + h])
    return total / (TRIALS * lead)


@compiled
def calm(y: Floats, known: int, stop: int, season: int, out: Floats) -> None:
    """Write y[:stop] to out, glitches replaced by the sample before them.

    What jumps are usual is learned from y[:known].
    """
    largest = np.zeros(max(4, known // 100))
    for t in range(1, known):
        jump = abs(y[t] - y[t - 1])
        if season >= 2 and t >= season:
            jump = min(jump, abs(y[t] - y[t - season]))
        if jump > largest[0]:
            i = 1
            while i < len(largest) and largest[i] < jump:
                largest[i - 1] = largest[i]
                i += 1
            largest[i - 1] = jump
    widest = OUTRAGEOUS * largest[0]
    out[0] = y[0]
    held = 0
    for t in range(1, stop):
        is_usual = abs(y[t] - out[t - 1]) <= widest
        if season >= 2 and t >= season:
            is_usual |= abs(y[t] - y[t - season]) <= widest
        if is_usual or held == PATIENCE:
            out[t] = y[t]
            held = 0
        else:
            out[t] = out[t - 1]
            held += 1


@compiled
def zero(number: int) -> int:
    """Return 0: the literal is a type of its own, for which numba compiles all callees again."""
    return 0 * number
