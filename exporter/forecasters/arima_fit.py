"""Which coefficients leave the least of a series unexplained?

Conditional least squares: first values by Hannan and Rissanen's regression, then damped
Gauss-Newton steps, whose derivatives are one more filter for each stage.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats
from exporter.forecasters.arima_filters import (
    MOVING_AVERAGE,
    Chain,
    combine,
    innovations,
    is_settled,
    recurse,
)

STEPS: Final = 12
"""Gauss-Newton steps at most; four to six are usual."""

ENOUGH: Final = 1e-8
"""Relative gain of a step below which it was the last."""

TINY: Final = 1e-9
"""Share of the largest curvature that those without any get: their coefficients stay put."""

LEAST_SHARE: Final = 1e-3
"""Share of a step below which it is not worth taking."""

LONG: Final = 12
"""Order of the autoregression whose residuals stand in for innovations at the start."""


@compiled
def start_values(w: Floats, start: int, stop: int, ar: Floats, ma: Floats, scratch: Floats) -> None:
    """Write first coefficients of an ARMA model of w[start:stop] (Hannan and Rissanen).

    The residuals of a long autoregression stand in for the innovations in a regression.

    ar, ma : float64 [p], [q], written to; zeros where nothing stationary is found
    scratch : float64 [T]
    """
    p, q = len(ar), len(ma)
    ar[:] = 0.0
    ma[:] = 0.0
    size = p + q
    order = min(LONG, (stop - start) // 4)
    if size == 0 or order <= size:
        return
    long = np.zeros(order)
    levinson(w, start, stop, long)
    combine(w, long, 1, start + order, stop, scratch)
    begin = start + 2 * order
    matrix, right = np.empty((size, size)), np.empty(size)
    for u in range(size):
        a, back = (w, u + 1) if u < p else (scratch, u - p + 1)
        right[u] = products(a[begin - back : stop - back], w[begin:stop])
        for v in range(u + 1):
            b, behind = (w, v + 1) if v < p else (scratch, v - p + 1)
            matrix[u, v] = products(
                a[begin - back : stop - back], b[begin - behind : stop - behind]
            )
        matrix[u, u] *= 1.0 + 1e-6
    if solve(matrix, right):
        copy(right[:p], ar)
        copy(right[p:], ma)
        settle(ar, 1.0)
        settle(ma, -1.0)


@compiled
def settle(weights: Floats, sign: float) -> None:
    """Shrink weights until `is_settled`; zeros at last."""
    for _ in range(50):
        if is_settled(weights, sign):
            return
        weights *= 0.9
    weights[:] = 0.0


@compiled
def levinson(w: Floats, start: int, stop: int, weights: Floats) -> None:
    """Write the autoregression that the autocorrelations of w[start:stop] ask for."""
    order = len(weights)
    covariance = np.empty(order + 1)
    for lag in range(order + 1):
        covariance[lag] = products(w[start + lag : stop], w[start : stop - lag])
    left = covariance[0] * (1.0 + 1e-9)
    before = np.empty(order)
    for i in range(order):
        if not left > 0.0:
            return
        rest = covariance[i + 1]
        for j in range(i):
            rest -= weights[j] * covariance[i - j]
        last = rest / left
        copy(weights[:i], before)
        for j in range(i):
            weights[j] -= last * before[i - 1 - j]
        weights[i] = last
        left *= 1.0 - last * last


@compiled
def refine(
    chain: Chain, coefficients: Floats, fixed: int, start: int, stop: int, x: Floats, z: Floats
) -> float:
    """Improve the coefficients by damped Gauss-Newton steps; return the mean square left.

    x : float64 [K + 1, T], with x[fixed], the differenced series, known from `start` on
    z : float64 [K, T], scratch
    """
    stages = len(chain.kinds)
    size = unknowns(chain, fixed)
    begin = innovations(chain, coefficients, fixed, start, stop, x)
    left = products(x[stages, begin:stop], x[stages, begin:stop])
    matrix, system = np.zeros((size, size)), np.empty((size, size))
    slope, step = np.zeros(size), np.empty(size)
    trial = coefficients.copy()
    damping = 1e-4
    is_new = True
    for _ in range(STEPS if 0 < 2 * size < stop - begin else 0):
        if is_new:
            differentiate(chain, coefficients, fixed, begin, stop, x[stages], z, matrix, slope)
        largest = 0.0
        for u in range(size):
            largest = max(largest, matrix[u, u])
        copy(matrix.ravel(), system.ravel())
        for u in range(size):
            system[u, u] += damping * matrix[u, u] + TINY * largest
            step[u] = slope[u]
        if not solve(system, step) or not move(chain, coefficients, fixed, step, trial):
            break
        innovations(chain, trial, fixed, start, stop, x)
        now = products(x[stages, begin:stop], x[stages, begin:stop])
        is_new = now < left
        if is_new:
            gain = (left - now) / left
            left = now
            copy(trial.ravel(), coefficients.ravel())
            damping *= 0.1
            if gain < ENOUGH:
                break
        else:
            damping = max(damping * 10.0, 1e-3)
    return left / max(stop - begin, 1)


@compiled
def differentiate(
    chain: Chain,
    coefficients: Floats,
    fixed: int,
    begin: int,
    stop: int,
    e: Floats,
    z: Floats,
    matrix: Floats,
    slope: Floats,
) -> None:
    """Write the normal equations of a Gauss-Newton step, the matrix below its diagonal only.

    By a stage's i-th coefficient the innovations change as the innovations filtered by the
    inverse of that stage, i lags later. What they owe to samples before `begin` is left out.
    """
    u = 0
    for k in range(fixed, len(chain.kinds)):
        lag = chain.lags[k]
        sign = 1.0 if chain.kinds[k] == MOVING_AVERAGE else -1.0
        weights = coefficients[k, : chain.sizes[k]]
        recurse(e, weights, sign, lag, begin, stop, z[k])
        for i in range(chain.sizes[k]):
            late = (i + 1) * lag
            since = min(begin + late, stop)
            slope[u] = products(z[k, since - late : stop - late], e[since:stop])
            v = 0
            for m in range(fixed, k + 1):
                for j in range(chain.sizes[m]):
                    later = (j + 1) * chain.lags[m]
                    both = min(max(since, begin + later), stop)
                    if v <= u:
                        a, b = z[k, both - late : stop - late], z[m, both - later : stop - later]
                        matrix[u, v] = products(a, b)
                    v += 1
            u += 1


@compiled
def move(chain: Chain, coefficients: Floats, fixed: int, step: Floats, trial: Floats) -> bool:
    """Write coefficients a step further, shortened until settled; False where they never are."""
    share = 1.0
    while share > LEAST_SHARE:
        is_inside = True
        u = 0
        for k in range(fixed, len(chain.kinds)):
            for i in range(chain.sizes[k]):
                trial[k, i] = coefficients[k, i] + share * step[u]
                u += 1
            sign = -1.0 if chain.kinds[k] == MOVING_AVERAGE else 1.0
            is_inside &= is_settled(trial[k, : chain.sizes[k]], sign)
        if is_inside:
            return True
        share *= 0.5
    return False


@compiled
def solve(matrix: Floats, right: Floats) -> bool:
    """Solve a symmetric positive system in place, by Cholesky; False where it is singular."""
    size = len(right)
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not rest > 1e-12 * abs(matrix[i, i]):
                    return False
                matrix[i, i] = np.sqrt(rest)
            else:
                matrix[i, j] = rest / matrix[j, j]
    for i in range(size):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]
    return True


@compiled
def products(a: Floats, b: Floats) -> float:
    """Return the sum of products of two series of one length.

    Four sums at a time, since each addition to one would have to wait for the last.
    """
    p = q = r = s = 0.0
    even = len(a) // 4 * 4
    for t in range(0, even, 4):
        p += a[t] * b[t]
        q += a[t + 1] * b[t + 1]
        r += a[t + 2] * b[t + 2]
        s += a[t + 3] * b[t + 3]
    for t in range(even, len(a)):
        p += a[t] * b[t]
    return p + q + r + s


@compiled
def copy(source: Floats, out: Floats) -> None:
    """Write source to the head of out; a slice would be as fast, and seconds to compile."""
    for i in range(len(source)):
        out[i] = source[i]


@compiled
def unknowns(chain: Chain, fixed: int) -> int:
    """Return the number of coefficients from stage `fixed` on."""
    count = 0
    for k in range(fixed, len(chain.sizes)):
        count += chain.sizes[k]
    return count
