"""What fills as disks do? Simulated: a sample every five minutes, forecast a day ahead in hours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.forecasts.climbs import Climb, Climbs
from exporter.core.series import Floats

STEP: Final = 3_600_000
STRIDE: Final = 12
DAY: Final = 24 * STRIDE
PAST: Final = 14
"""Days before the first forecast."""

Course = Callable[[np.random.Generator, Floats], Floats]
"""What to expect at so many days since the first sample; lately about 1 more a day."""


@dataclass(frozen=True)
class Fill:
    """A kind of fill, with noise of that share of a day's rise, or of up to 25 times as much."""

    name: str
    course: Course
    noise: float = 0.002


def steady(_: np.random.Generator, days: Floats) -> Floats:
    """Return a straight line."""
    return days


def accelerating(_: np.random.Generator, days: Floats) -> Floats:
    """Return a parabola."""
    curve: Floats = days**2 / (2 * PAST)
    return curve


def stepwise(rng: np.random.Generator, days: Floats) -> Floats:
    """Return a staircase: twelve jumps a day on average, at any time and of any size."""
    is_jump = rng.random(len(days)) < 1 / STRIDE / 2
    stairs: Floats = np.cumsum(is_jump * rng.gamma(2.0, 1 / 24, len(days)))
    return stairs


def seasonal(rng: np.random.Generator, days: Floats) -> Floats:
    """Return a line with days: for hours it falls, for hours it is much steeper."""
    day: Floats = rng.uniform(0.2, 0.6) * np.sin(2 * np.pi * (days + rng.random()))
    return days + day


def cleaned(rng: np.random.Generator, days: Floats) -> Floats:
    """Return a line that falls by most of what was added, every two to four days."""
    filled = days.copy()
    when = rng.uniform(0, 3)
    while when < days[-1]:
        after = days >= when
        filled[after] -= rng.uniform(0.5, 0.9) * (filled[after][0] - filled[0])
        when += rng.uniform(2, 4)
    return filled


def beginning(_: np.random.Generator, days: Floats) -> Floats:
    """Return what begins to fill only when the first forecast is made."""
    return np.maximum(days - PAST, 0.0)


FILLS: Final = (
    Fill("steady", steady, 0.0002),
    Fill("steady, with noise", steady),
    Fill("accelerating", accelerating),
    Fill("stepwise", stepwise),
    Fill("with a daily season", seasonal),
    Fill("with clean-ups", cleaned),
    Fill("flat before", beginning),
)


def fills(count: int, seed: int = 1) -> Iterator[Climbs]:
    """Yield so many climbs of each kind, each to a level that it reaches within a day."""
    for place, fill in enumerate(FILLS):
        cases = tuple(
            _case(fill, np.random.default_rng([seed, place, case])) for case in range(count)
        )
        yield Climbs(fill.name, STEP, STRIDE, PAST * 24, 24, cases)


def _case(fill: Fill, rng: np.random.Generator) -> Climb:
    """Return one that has not been at its limit for a day before."""
    days = np.arange((PAST + 2) * DAY + 1) / DAY
    start = PAST * DAY
    while True:
        course = fill.course(rng, days)
        noise = fill.noise * 25 ** rng.random()
        values = 100.0 + course + rng.normal(0, noise, len(days))
        limit = 100.0 + course[start + round(rng.uniform(0.4, 0.9) * DAY)]
        (above,) = np.nonzero(values[start - DAY :] >= limit)
        crossing = start - DAY + int(above[0]) if len(above) else 0
        if crossing >= start + STRIDE:
            return Climb(values, start, crossing, float(limit))
