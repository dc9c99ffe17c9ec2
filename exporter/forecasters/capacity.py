"""How fast does a series fill up, and when will it be full at that pace?"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtrit

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints
from exporter.forecasters.breach import Side
from exporter.forecasters.history import History
from exporter.forecasters.lines import TO_SIGMA, middle_slope, without_jumps

LONGEST: Final = 10 * 365.25 * 86_400
"""Seconds beyond which a limit is never reached at the present pace."""
LEAST: Final = 12
"""Samples without which there is no telling."""
BLOCKS: Final = 64
"""Means of so many blocks of samples are what lines go through."""
SHORTEST: Final = 16
"""Blocks in the shortest window."""
FREEDOM: Final = 6
"""Cosines that measure the slow noise, and degrees of freedom of the interval made of them."""
TOLERANCE: Final = 3.0
"""Standard errors by which the line of a longer window may differ from those of shorter ones."""
DAYS: Final = 14
"""Newest seasons that make the profile which is taken out."""
CLIP: Final = 4.0
"""Standard deviations beyond which the distance of a block from the line counts as if there."""
EFFICIENCY: Final = 1.1
"""Variance of the Theil-Sen slope over that of least squares, in normal noise."""
CLINGING: Final = 0.97
"""Most that a block keeps of the one before."""
ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """When S series reach their limits at the pace they have; NaN where there is no telling.

    Parameters
    ----------
    growth : float64 [S], units of the series per second, signed
    exhaustion : float64 [S], unix seconds when the line from the present level crosses the limit;
        +Inf: never, not surely ever, or not within ten years; the newest sample's if it is beyond
    earliest, latest : float64 [S], unix seconds between which that is with the coverage asked for
    """

    growth: Floats
    exhaustion: Floats
    earliest: Floats
    latest: Floats


def capacity(
    history: History,
    step: int,
    limit: Floats,
    now: int,
    *,
    direction: Side,
    coverage: float = 0.8,
    least: int = LEAST,
) -> Capacity:
    """Tell at which pace each series moves and when it reaches its limit.

    Parameters
    ----------
    history : S series, up to the newest sample
    step : milliseconds between columns
    limit : float64 [S], NaN for none
    now : unix milliseconds of the newest sample
    direction : whether the limit is reached from below or from above
    coverage : share of the cases in which exhaustion is between earliest and latest
    least : columns of history without which nothing is said of a series: what fills a disk in its
        first hours is an installation

    Notes
    -----
    One-off jumps and the profile of the day are taken out. The growth is the Theil-Sen slope of
    block means over the longest window that is consistent with all shorter ones (Lepski's rule), so
    that a new pace counts once it has lasted for a quarter of the history. Its standard error is
    that of least squares under the noise found in the slowest six cosines of what is left, which
    makes no model of how samples hang together; the interval is Fieller's, of the ratio of the
    room left and the growth. What falls by one second per second is a countdown: no noise, and
    its renewals do not matter however many.

    References
    ----------
    Sen (1968), doi:10.1080/01621459.1968.10480934. Lepski (1991), Theory Probab. Appl. 35, and
    Katkovnik (1999), doi:10.1109/78.782208, on windows. Lazarus, Lewis, Stock and Watson (2018),
    doi:10.1080/07350015.2018.1506926, on cosines. Fieller (1954),
    doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    seconds = step / 1000
    lines = np.full((4, len(history.values)), np.nan)
    season = history.season if history.season >= 2 else 0
    with np.errstate(all="ignore"):
        measure(history.values, history.first, season, -seconds, lines)
        lines[:, history.values.shape[1] - history.first < least] = np.nan
        growth, level = lines[0] / seconds, lines[1]
        variance = lines[2] / seconds**2
        sign = 1.0 if direction == "up" else -1.0
        room = sign * (limit - level)
        pace = sign * growth
        quantile = stdtrit(FREEDOM, 0.5 + 0.5 * coverage)
        soonest, last = between(room, pace, quantile**2 * lines[3], quantile**2 * variance)
        is_moving = pace > quantile * np.sqrt(variance)
        mean = np.where(is_moving, np.maximum(room, 0.0) / pace, np.inf)
        newest = history.values[:, -1] if history.values.shape[1] else np.empty(len(growth))
        is_beyond = sign * (limit - newest) <= 0.0
        soonest, last = np.minimum(soonest, mean), np.maximum(last, mean)
        instants = [
            np.where(is_beyond, 0.0, np.where(after <= LONGEST, after, np.inf)) + now / 1000
            for after in (mean, soonest, last)
        ]
    knows = np.isfinite(growth) & np.isfinite(level) & ~np.isnan(limit)
    growth = np.where(np.isfinite(growth), growth, np.nan)
    return Capacity(growth, *(np.where(knows, instant, np.nan) for instant in instants))


def between(
    room: Floats, pace: Floats, level_error: Floats, pace_error: Floats
) -> tuple[Floats, Floats]:
    """Return the seconds, float64 [S] each, between which the room is used up (Fieller).

    level_error, pace_error : squares of how far off room and pace may be
    """
    a = pace**2 - pace_error
    c = room**2 - level_error
    root = np.sqrt(np.maximum(pace_error * room**2 + level_error * (pace**2 - pace_error), 0.0))
    # The two ends solve a h^2 - 2 room pace h + c = 0.
    one, other = (room * pace - root) / a, (room * pace + root) / a
    is_certain = (a > 0.0) & (pace > 0.0)
    may_come = a <= 0.0
    soonest = np.where(is_certain, one, np.where(may_come, np.maximum(one, other), np.inf))
    soonest = np.where((c <= 0.0) & (is_certain | may_come), 0.0, soonest)
    soonest = np.where(may_come & ((pace_error == 0.0) | np.isnan(soonest)), np.inf, soonest)
    return np.maximum(soonest, 0.0), np.where(is_certain, np.maximum(other, 0.0), np.inf)


@compiled
def measure(values: Floats, first: Ints, season: int, countdown: float, lines: Floats) -> None:
    """Write growth per column, level, and the squared errors of both, float64 [4, S]."""
    columns = values.shape[1]
    slopes = np.empty(BLOCKS * BLOCKS)
    blocks, rest = np.empty(BLOCKS), np.empty(BLOCKS)
    found = np.empty((4, BLOCKS))
    for row in range(len(values)):
        count = columns - first[row]
        if count < LEAST:
            continue
        recent = values[row, first[row] :].copy()
        newest = recent[count - 1]
        if is_countdown(recent, countdown):
            lines[0, row], lines[1, row], lines[2, row], lines[3, row] = countdown, newest, 0.0, 0.0
            continue
        span = season if 2 <= season <= count // 3 else max(count // 32, 3)
        habit = without_jumps(recent, span)
        recent -= newest
        if 2 <= season <= count // 3:
            without_season(recent, season)
        size = -(-count // BLOCKS)
        number = count // size
        for block in range(number):
            end = count - (number - 1 - block) * size
            blocks[block] = recent[end - size : end].mean()
        length = min(max(SHORTEST, -(-3 * habit // size)), number)
        slope, error, power, marginal = follow(blocks[:number], length, slopes, rest, found)
        slope /= size
        tail = recent[count - span :]
        for age in range(span):
            tail[span - 1 - age] += slope * age
        middle = np.median(tail)
        clipped(tail, tail)
        lines[0, row], lines[1, row] = slope, newest + middle + tail.mean()
        lines[2, row], lines[3, row] = error / size**2, min(power * size / span, marginal)


@compiled
def follow(blocks: Floats, length: int, slopes: Floats, rest: Floats, found: Floats) -> Floats:
    """Return the slope per block, float64 [4] with its squared error and the noise around it.

    length : blocks of the shortest window
    slopes, rest, found : scratch
    """
    windows = 0
    while True:
        window, left = blocks[len(blocks) - length :], rest[:length]
        slope = middle_slope(window, slopes)
        for block in range(length):
            left[block] = window[block] - slope * block
        marginal = clipped(left, left)
        power = EFFICIENCY * max(slow_noise(left), clinging_noise(left))
        error = power * 12.0 / (length * (length * length - 1.0))
        for shorter in range(windows):
            reach = TOLERANCE * np.sqrt(error + found[1, shorter]) + ROUNDING * abs(slope)
            if abs(slope - found[0, shorter]) > reach:
                return found[:, windows - 1]
        found[0, windows], found[1, windows] = slope, error
        found[2, windows], found[3, windows] = power, marginal
        if length == len(blocks):
            return found[:, windows]
        windows += 1
        length = min(length + max(length // 3, 1), len(blocks))


@compiled
def is_countdown(values: Floats, fall: float) -> bool:
    """Return whether most samples are exactly as much below the one before as time has passed."""
    steps = 0
    for column in range(1, len(values)):
        if abs(values[column] - values[column - 1] - fall) <= -1e-6 * fall:
            steps += 1
    return 2 * steps >= len(values)


@compiled
def without_season(values: Floats, season: int) -> None:
    """Take the median profile of the newest seasons out of one series."""
    days = min(len(values) // season, DAYS)
    means = np.empty(days)
    for day in range(days):
        end = len(values) - day * season
        means[day] = values[end - season : end].mean()
    drift = np.median(means[:-1] - means[1:]) / season
    profile, own = np.empty(season), np.empty(days)
    for phase in range(season):
        for day in range(days):
            column = len(values) - (day + 1) * season + phase
            own[day] = values[column] - means[day] - drift * (phase - 0.5 * (season - 1))
        profile[phase] = np.median(own)
    profile -= profile.mean()
    shift = season - len(values) % season
    for column in range(len(values)):
        values[column] -= profile[(column + shift) % season]


@compiled
def clipped(values: Floats, kept: Floats) -> float:
    """Write distances from the median without outliers, and return their variance."""
    values = values - np.median(values)
    reach = CLIP * TO_SIGMA * np.median(np.abs(values))
    square = 0.0
    for place in range(len(values)):
        kept[place] = min(max(values[place], -reach), reach)
        square += kept[place] * kept[place]
    return square / len(values)


@compiled
def slow_noise(left: Floats) -> float:
    """Return the power of the slowest noise in what a line has left, as variance of one block."""
    count = len(left)
    power = 0.0
    cosines = min(FREEDOM, count - 2)
    for wave in range(2, 2 + cosines):
        total = 0.0
        for block in range(count):
            total += left[block] * np.cos(np.pi * wave * (block + 0.5) / count)
        power += total * total
    return power * 2.0 / count / max(cosines, 1)


@compiled
def clinging_noise(left: Floats) -> float:
    """Return the same under noise of which each block keeps a share of the one before.

    Where that share is so large that even the slowest cosines are too fast to see all of it, this
    does.
    """
    count = len(left)
    square, product = 0.0, 0.0
    for block in range(1, count):
        square += left[block - 1] * left[block - 1]
        product += left[block - 1] * left[block]
    if square == 0.0:
        return 0.0
    share = product / square
    fresh = 0.0
    for block in range(1, count):
        fresh += (left[block] - share * left[block - 1]) ** 2
    # What is left of a line seems less clinging than the noise was.
    share = min(max(share + (2.0 + 4.0 * share) / count, 0.0), CLINGING)
    kept, total, spread = 0.0, 0.0, 0.0
    for block in range(count):
        arm = block - 0.5 * (count - 1)
        kept = share * kept + arm
        total += arm * (2.0 * kept - arm)
        spread += arm * arm
    return fresh / count / (1.0 - share * share) * total / spread
