"""What did a series do that its model did not expect, and how would it go on without that?

A seasonal ARIMA model is a chain of filters that turns a series into innovations: `x[k + 1]` is
what stage k makes of `x[k]`. Run backwards, with innovations of zero, the same chain forecasts.
The functions here work on one series; the kernels that call them loop over many.
"""

from typing import Final, NamedTuple

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints

DIFFERENCE: Final = 0
LEVEL: Final = 1
AUTOREGRESSION: Final = 2
MOVING_AVERAGE: Final = 3

MOST_COEFFICIENTS: Final = 5
"""Of one stage."""

WIDEST: Final = 0.995
"""Bound of partial autocorrelations: what forgets slower than in 200 steps is a difference."""


class Chain(NamedTuple):
    """The stages of a model in order: differences, a level, autoregressions, moving averages.

    kinds, lags, sizes : int64 [K]; stage k has `sizes[k]` coefficients, and reaches back
        `lags[k] * sizes[k]` columns
    """

    kinds: Ints
    lags: Ints
    sizes: Ints


@compiled
def combine(source: Floats, weights: Floats, lag: int, start: int, stop: int, out: Floats) -> None:
    """Write source less its weighted past to out[start:stop]; zeros before."""
    out[:start] = 0.0
    now, told = source[start:stop], out[start:stop]  # from 0 on, loops become vectors
    for t in range(len(told)):
        told[t] = now[t]
    for i in range(len(weights)):
        weight = weights[i]
        past = source[start - (i + 1) * lag : stop]
        for t in range(len(told)):
            told[t] -= weight * past[t]


@compiled
def recurse(
    source: Floats, weights: Floats, sign: float, lag: int, start: int, stop: int, out: Floats
) -> None:
    """Write source less `sign` times the weighted past of out itself to out[start:stop]."""
    out[:start] = 0.0
    size = len(weights)
    now, told = source[start:stop], out[start:stop]
    if size == 1 and lag == 1:
        weight, last = sign * weights[0], 0.0
        for t in range(len(told)):
            last = now[t] - weight * last
            told[t] = last
        return
    settled = min(size * lag, len(told))
    for t in range(settled):
        rest = now[t]
        for i in range(size):
            if t >= (i + 1) * lag:
                rest -= sign * weights[i] * told[t - (i + 1) * lag]
        told[t] = rest
    if size == 1:
        weight = sign * weights[0]
        for t in range(settled, len(told)):
            told[t] = now[t] - weight * told[t - lag]
        return
    for t in range(settled, len(told)):
        rest = now[t]
        for i in range(size):
            rest -= sign * weights[i] * told[t - (i + 1) * lag]
        told[t] = rest


@compiled
def innovations(
    chain: Chain, coefficients: Floats, first_stage: int, start: int, stop: int, x: Floats
) -> int:
    """Run the chain from a stage on; return the first column of x[-1] that is no mere zero.

    coefficients : float64 [K, MOST_COEFFICIENTS]
    x : float64 [K + 1, T], of which x[first_stage] is known from `start` on
    """
    for k in range(first_stage, len(chain.kinds)):
        lag, size = chain.lags[k], chain.sizes[k]
        if chain.kinds[k] == LEVEL:
            x[k + 1, :start] = 0.0
            for t in range(start, stop):
                x[k + 1, t] = x[k, t] - coefficients[k, 0]
        elif chain.kinds[k] == MOVING_AVERAGE:
            recurse(x[k], coefficients[k, :size], 1.0, lag, start, stop, x[k + 1])
        else:
            start = min(start + lag * size, stop)
            combine(x[k], coefficients[k, :size], lag, start, stop, x[k + 1])
    return start


@compiled
def unwind(
    chain: Chain, coefficients: Floats, x: Floats, origin: int, tail: Floats, path: Floats
) -> None:
    """Write the values that follow x[0, :origin] when no innovation does.

    tail : float64 [K + 1, H], scratch
    path : float64 [H]
    """
    stages, horizon = len(chain.kinds), len(path)
    for h in range(horizon):
        tail[stages, h] = 0.0
        for k in range(stages - 1, -1, -1):
            rest = tail[k + 1, h]
            if chain.kinds[k] == LEVEL:
                tail[k, h] = rest + coefficients[k, 0]
                continue
            source = k + 1 if chain.kinds[k] == MOVING_AVERAGE else k
            for i in range(chain.sizes[k]):
                back = h - (i + 1) * chain.lags[k]
                if back >= 0:
                    rest += coefficients[k, i] * tail[source, back]
                elif origin + back >= 0:
                    rest += coefficients[k, i] * x[source, origin + back]
            tail[k, h] = rest
        path[h] = tail[0, h]


@compiled
def is_settled(weights: Floats, sign: float) -> bool:
    """Return whether 1 - w[0] B - w[1] B^2 ... has its roots outside of the unit circle.

    By the partial autocorrelations (Durbin's recursion backwards), which must be below WIDEST.
    """
    size = len(weights)
    a = sign * weights
    for order in range(size, 0, -1):
        last = a[order - 1]
        if not abs(last) < WIDEST:
            return False
        b = a.copy()
        for i in range(order - 1):
            a[i] = (b[i] + last * b[order - 2 - i]) / (1.0 - last * last)
    return True
