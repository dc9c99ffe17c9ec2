"""Series of which it is known what can be known of their future."""

from typing import Final

import numpy as np

from exporter.core.series import Floats

PHI: Final = 0.8
FAMILIES: Final = ("AR(1)", "random walk", "day and noise", "t3")


def simulated(family: str, rows: int, columns: int, seed: int = 1) -> Floats:
    """Return series [S, T] of unit innovations."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((rows, columns))
    if family == "random walk":
        return np.asarray(np.cumsum(noise, 1))
    if family == "day and noise":
        return np.asarray(10 * np.sin(np.pi * np.arange(columns) / 12) + noise)
    if family == "t3":
        return rng.standard_t(3, (rows, columns))
    for column in range(1, columns):
        noise[:, column] += PHI * noise[:, column - 1]
    return noise
