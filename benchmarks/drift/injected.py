"""What is done to a series so that it drifts, and by how much?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.rolling import MAD_TO_SIGMA
from exporter.core.series import Floats, Ints

HOURS: Final = 24
DAYS: Final = 3
"""A rhythm is known from so many."""


@dataclass(frozen=True)
class Usual:
    """What samples [G, T] are measured by.

    Parameters
    ----------
    middle : float64 [G, T], what is usual at that hour of the day
    spread : float64 [G], robust standard deviation of the reference, all hours together; 0 where
        most samples are one value
    """

    middle: Floats
    spread: Floats

    def rows(self, chosen: Ints) -> "Usual":
        """Return some of the series."""
        return Usual(self.middle[chosen], self.spread[chosen])


def usual_of(values: Floats, reference: int, columns_a_day: int) -> Usual:
    """Return what is usual by the first `reference` columns of `values` [G, T]."""
    past = values[:, :reference]
    hours = np.arange(values.shape[1]) % columns_a_day * HOURS // columns_a_day
    if reference < DAYS * columns_a_day:
        hours = np.zeros_like(hours)
    middle = np.empty_like(values)
    for hour in np.unique(hours):
        here = past[:, hours[:reference] == hour]
        middle[:, hours == hour] = np.nanmedian(here, 1)[:, None]
    away = np.abs(past - np.nanmedian(past, 1)[:, None])
    return Usual(middle, MAD_TO_SIGMA * np.nanmedian(away, 1))


Change = Callable[[Floats, Usual, float, int], Floats]
"""Samples [G, T], what is usual of them, the size and the columns of a day to changed samples."""


def level(values: Floats, usual: Usual, size: float, day: int) -> Floats:
    """Move all samples by so many deviations."""
    return values + size * usual.spread[:, None]


def scale(values: Floats, usual: Usual, size: float, day: int) -> Floats:
    """Have samples go so many times as far from what is usual at that hour."""
    return usual.middle + size * (values - usual.middle)


def modes(values: Floats, usual: Usual, size: float, day: int) -> Floats:
    """Divide samples into two modes so many of their deviations apart; mean and spread stay.

    Which one is drawn anew every hour.
    """
    hours = np.arange(values.shape[1]) * HOURS // day
    coin = np.random.default_rng(1).choice([-1.0, 1.0], hours[-1] + 1)[hours]
    rest = values - usual.middle
    deviation = np.nanstd(rest, 1)[:, None]
    half = size / 2
    parted: Floats = usual.middle + rest * np.sqrt(1 - half * half) + coin * half * deviation
    return parted


def ramp(values: Floats, usual: Usual, size: float, day: int) -> Floats:
    """Move samples ever farther, by so many deviations after seven days."""
    way = np.minimum(np.arange(values.shape[1]) / (7 * day), 1.0)
    return values + size * usual.spread[:, None] * way


def mirror(values: Floats, usual: Usual, size: float, day: int) -> Floats:
    """Turn samples over: up is down. With others, they no longer go together."""
    return 2 * usual.middle - values


KINDS: Final[dict[str, tuple[Change, tuple[float, ...]]]] = {
    "level": (level, (0.25, 0.5, 1.0, 2.0, 4.0)),
    "scale": (scale, (1.25, 1.5, 2.0, 3.0)),
    "modes": (modes, (1.2, 1.6, 1.9)),
    "ramp": (ramp, (1.0, 2.0, 4.0)),
}
"""What is done to single series."""

TOGETHER: Final[dict[str, tuple[Change, tuple[float, ...]]]] = {
    "level": (level, (1.0, 2.0, 4.0)),
    "mirror": (mirror, (1.0,)),
}
"""What is done to every second series of a group."""
