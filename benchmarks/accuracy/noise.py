"""What do metrics look like while nothing happens? Noise as heavy-tailed as theirs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from exporter.core.series import Floats

MINUTES_PER_DAY: Final = 1440
MINUTES_PER_WEEK: Final = 7 * MINUTES_PER_DAY
SWING: Final = 3.0
"""Amplitude of a season that is added, in units of the noise's scale. One that multiplies goes
from 1 / e to e."""

_PHI: Final = 0.9
_BURN_IN: Final = 200
"""Samples after which an AR(1) has forgotten where it began."""

Draw = Callable[[np.random.Generator, tuple[int, int], Floats], Floats]


@dataclass(frozen=True)
class Family:
    """One kind of noise.

    Parameters
    ----------
    name : as in the report
    draw : from a generator, the shape (S, T) and the season [T] in [-1, 1] to the samples
    """

    name: str
    draw: Draw


def _student(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
    return rng.standard_t(3, shape) + SWING * season


def _laplace(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
    return rng.laplace(size=shape) + SWING * season


def _autoregressive(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
    innovations = rng.standard_t(3, (shape[0], shape[1] + _BURN_IN))
    noise = lfilter([1.0], [1.0, -_PHI], innovations, axis=1)[:, _BURN_IN:]
    samples: Floats = noise + SWING / np.sqrt(1 - _PHI**2) * season
    return samples


def _lognormal(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
    return rng.lognormal(0.0, 0.5, shape) * np.exp(season)


def _gamma(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
    return rng.gamma(2.0, 1.0, shape) * np.exp(season)


def _poisson(mean: float) -> Draw:
    def draw(rng: np.random.Generator, shape: tuple[int, int], season: Floats) -> Floats:
        return rng.poisson(mean * np.exp(season), shape).astype(np.float64)

    return draw


FAMILIES: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        Family("student t3", _student),
        Family("laplace", _laplace),
        Family("ar1 0.9 t3", _autoregressive),
        Family("lognormal 0.5", _lognormal),
        Family("gamma 2", _gamma),
        Family("poisson 2", _poisson(2.0)),
        Family("poisson 0.3", _poisson(0.3)),
    )
}


def noise(
    family: Family, rng: np.random.Generator, series: int, columns: int, *, is_seasonal: bool
) -> Floats:
    """Return independent series at 1-minute steps: float64 [series, columns]."""
    minutes = np.arange(columns)
    season = np.sin(2 * np.pi * minutes / MINUTES_PER_DAY) * float(is_seasonal)
    return family.draw(rng, (series, columns), season)
