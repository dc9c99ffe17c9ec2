"""Is a series a counter, or its mirror? Then it is forecast as if it had never been reset.

A counter never falls but when it starts again at about 0; what is left of a certificate falls
steadily and jumps up when it is renewed. Neither event says anything about how the series goes on
until the next one, so the pieces are joined. Which series are such is told from their samples
alone, and rather too seldom: what is joined in error has lost its season.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.bands import Forecast

LEAST: Final = 24
"""Samples without which a series is left alone."""

MOST: Final = 0.02
"""Share of the steps that may be resets; one always may."""

ABOUT_ZERO: Final = 0.05
"""A counter starts again below this share of where it was, or below two columns' usual growth."""

LARGE: Final = 10.0
"""A reset goes back at least so many columns' usual growth."""

RISING: Final = 0.25
"""Share of the steps in which a counter has to rise: a burst that is over is no reset."""

STEADY: Final = 0.1
"""What a mirror loses in a column differs at most by this share from the usual."""

ODD: Final = 0.05
"""Share of its steps in which it may do otherwise."""

REGULAR: Final = 0.15
"""Three or more resets are a season, which is the forecasters' business, if two thirds of their
distances are whole multiples of the middle one, give or take this share of it: tomorrow's backup
will reset the age of the last one as today's did, and on Monday those of Friday."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Series without their resets.

    Parameters
    ----------
    values : float64 [S, T]; the same bits as the samples where there was nothing to join
    offset : float64 [S], how far above the samples the course ends, 0 for most. It never runs
        below the samples, so that what is positive stays so
    """

    values: Floats
    offset: Floats

    def settle(self, forecast: Forecast, *, low: float = -np.inf, high: float = np.inf) -> Forecast:
        """Bring the forecast of such a course back to the level of its samples.

        Parameters
        ----------
        forecast : of S series; returned as it is where no series has an offset
        low, high : the query's range
        """
        if not self.offset.any():
            return forecast

        def settled(told: Floats) -> Floats:
            offset = self.offset.reshape(-1, *[1] * (told.ndim - 1))
            return np.where(offset != 0.0, np.clip(told - offset, low, high), told)

        return replace(
            forecast,
            mean=settled(forecast.mean),
            lower=settled(forecast.lower),
            upper=settled(forecast.upper),
            paths=settled(forecast.paths),
        )


def without_resets(values: Floats, high: float = np.inf) -> Course:
    """Join the pieces of counters and of their mirrors; all other rows pass bit for bit.

    Parameters
    ----------
    values : float64 [S, T], with gaps (NaN) as they are: a bridged gap would hide a reset. Not
        written to
    high : the query's highest possible value; a course that would leave it is not joined
    """
    joined = values.copy()
    offset = np.zeros(len(values))
    join_resets(values, high, joined, offset)
    return Course(joined, offset)


@compiled
def join_resets(values: Floats, high: float, joined: Floats, offset: Floats) -> None:
    """Write the course of each row that is a counter or a mirror over its copy in `joined`."""
    columns = values.shape[1]
    where = np.empty(columns, dtype=np.int64)
    samples = np.empty(columns)
    rates = np.empty(columns)
    course = np.empty(columns)
    for row in range(values.shape[0]):
        count = 0
        for column in range(columns):
            if np.isfinite(values[row, column]):
                where[count] = column
                samples[count] = values[row, column]
                if count > 0:
                    rise = samples[count] - samples[count - 1]
                    rates[count] = rise / (column - where[count - 1])
                count += 1
        if count < LEAST or not has_few_reversals(rates, count):
            continue
        if is_counter(samples, where, count):
            end = join_counter(samples, count, course)
        else:
            usual = usual_fall(rates, count)
            if usual == 0.0:
                continue
            end = join_mirror(samples, where, count, usual, course)
        top = 0.0
        for i in range(count):
            top = max(top, course[i])
        if np.isfinite(top) and top <= high:
            offset[row] = end
            for i in range(count):
                joined[row, where[i]] = course[i]


@compiled
def has_few_reversals(rates: Floats, count: int) -> bool:
    """Tell whether the steps 1 to `count` nearly all have one sign, those against it irregular."""
    rises = 0
    falls = 0
    for i in range(1, count):
        rises += rates[i] > 0.0
        falls += rates[i] < 0.0
    reversals = min(rises, falls)
    if reversals == 0 or reversals > max(1.0, MOST * (count - 1)) or rises == falls:
        return False
    sign = 1.0 if rises > falls else -1.0
    distances = np.empty(reversals)
    last, found = 0, 0
    for i in range(1, count):
        if rates[i] * sign < 0.0:
            if last > 0:
                distances[found] = i - last
                found += 1
            last = i
    return reversals < 3 or not are_multiples(distances[:found])


@compiled
def are_multiples(distances: Floats) -> bool:
    """Tell whether most of the distances are whole multiples of the middle one."""
    count = len(distances)
    fitting = 0
    for middle in distances:
        below, equal, near = 0, 0, 0
        for other in distances:
            below += other < middle
            equal += other == middle
            share = other / middle
            near += round(share) >= 1.0 and abs(share - round(share)) <= REGULAR
        if below <= (count - 1) // 2 < below + equal:
            fitting = near
    return bool(3 * fitting >= 2 * count)


@compiled
def is_counter(samples: Floats, where: Ints, count: int) -> bool:
    """Tell whether `count` samples rise, and fall only to start again at about 0."""
    grown = 0.0
    columns = 0
    rises = 0
    for i in range(1, count):
        if samples[i] >= samples[i - 1]:
            grown += samples[i] - samples[i - 1]
            columns += where[i] - where[i - 1]
            rises += samples[i] > samples[i - 1]
    if samples[0] < 0.0 or columns == 0 or rises < RISING * (count - 1):
        return False
    usual = grown / columns
    for i in range(1, count):
        before, now = samples[i - 1], samples[i]
        if now < before:
            is_new = now <= max(ABOUT_ZERO * before, 2.0 * usual * (where[i] - where[i - 1]))
            if now < 0.0 or not is_new or before - now < LARGE * usual:
                return False
    return True


@compiled
def usual_fall(rates: Floats, count: int) -> float:
    """Return what is lost in a column, 0 unless nearly always the same and jumps up are large."""
    lost = 0.0
    falls = 0
    for i in range(1, count):
        if rates[i] < 0.0:
            lost += rates[i]
            falls += 1
    usual = lost / max(falls, 1)
    odd = 0
    for i in range(1, count):
        if 0.0 < rates[i] < -LARGE * usual:
            return 0.0
        odd += abs(rates[i] - usual) > STEADY * abs(usual)
    return usual if odd <= ODD * (count - 1) else 0.0


@compiled
def join_counter(samples: Floats, count: int, course: Floats) -> float:
    """Write the course of a counter, and return how far above the samples it ends."""
    shift = 0.0
    for i in range(count):
        if i > 0 and samples[i] < samples[i - 1]:
            shift += samples[i - 1]  # it has grown from 0 since, as PromQL's `increase` has it
        course[i] = samples[i] + shift
    return shift


@compiled
def join_mirror(samples: Floats, where: Ints, count: int, usual: float, course: Floats) -> float:
    """Write the course of a mirror, which ends where the samples do."""
    shift = 0.0
    for i in range(count - 1, -1, -1):
        course[i] = samples[i] + shift
        if i > 0 and samples[i] > samples[i - 1]:
            shift += samples[i] - usual * (where[i] - where[i - 1]) - samples[i - 1]
    return 0.0
