"""Stationary noise such as metrics have: what no detector may call an anomaly often."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from exporter.core.series import Floats


def student(rng: np.random.Generator, series: int, columns: int) -> Floats:
    return rng.standard_t(3, (series, columns))


def lognormal(rng: np.random.Generator, series: int, columns: int) -> Floats:
    return rng.lognormal(0.0, 0.5, (series, columns))


def autoregressive(rng: np.random.Generator, series: int, columns: int) -> Floats:
    values = rng.standard_t(3, (series, columns))
    for column in range(1, columns):
        values[:, column] += 0.9 * values[:, column - 1]
    return values


NOISES: Final[Mapping[str, Callable[[np.random.Generator, int, int], Floats]]] = {
    "student-3": student,
    "lognormal": lognormal,
    "autoregressive": autoregressive,
}
