"""Ridge regression, the mix of forecasters and the scale of errors, series by series."""

import math
from collections.abc import Sequence

import numpy as np

from exporter.core.series import Floats


def ridge(samples: Floats, horizon: int, lags: int, back: int, penalty: float) -> Floats:
    """Return the forecast [H] of one series by the windows it consists of, each a row."""
    z = (samples - samples.mean()) / samples.std()
    windows = np.lib.stride_tricks.sliding_window_view(z, lags + horizon)
    known, came = windows[:, :lags], windows[:, lags:]
    repeated = lags - back + np.arange(horizon) % back
    design = known - known[:, -back:].mean(1, keepdims=True)
    gram = design.T @ design
    load = penalty * np.trace(gram) / lags + 1e-9 * len(z)
    weights = np.linalg.solve(gram + load * np.eye(lags), design.T @ (came - known[:, repeated]))
    recent = samples[-lags:]
    return np.asarray(recent[repeated] + (recent - recent[-back:].mean()) @ weights)


def shares(errors: Sequence[float], strictness: float) -> list[float]:
    """Return what each forecaster weighs by its error; NaN for one that cannot tell."""
    known = [error for error in errors if not math.isnan(error)]
    best = min(known)
    each = [
        0.0 if math.isnan(error) else 1.0 if error == best else (best / error) ** strictness
        for error in errors
    ]
    return [share / sum(each) for share in each]


def trimmed_mean(told: Sequence[float], weights: Sequence[float], trimmed: float) -> float:
    """Return the mean of a step function: the told, ascending, each as wide as its weight."""
    total, passed = 0.0, 0.0
    for value, weight in sorted(zip(told, weights, strict=True)):
        inside = min(passed + weight, 1 - trimmed) - max(passed, trimmed)
        total += max(inside, 0.0) * value
        passed += weight
    return total / (1 - 2 * trimmed)


def error_scale(errors: Floats, neighbours: int, overall_counts: float) -> list[float]:
    """Return the root mean square error around each lead of one series' errors [R, H]."""
    known = errors[~np.isnan(errors)]
    overall = float(np.mean(known**2))
    scales: list[float] = []
    last = 0
    for lead in range(errors.shape[1]):
        near = errors[:, max(lead - neighbours, 0) : lead + neighbours + 1]
        near = near[~np.isnan(near)]
        if len(near):
            last = lead
            total = float(np.sum(near**2)) + overall_counts * overall
            scales.append(math.sqrt(total / (len(near) + overall_counts)))
        else:
            scales.append(scales[last] * math.sqrt((lead + 1) / (last + 1)))
    return scales
