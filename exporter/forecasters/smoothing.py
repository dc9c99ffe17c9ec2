"""How do sixteen sets of smoothing parameters run over one series side by side?

All that the recursion keeps lies in one flat array, quantity by quantity with the candidates next
to each other: the compiler then knows that nothing overlaps and takes eight candidates per
instruction. Sixteen together cost as much as three one by one.
"""

from typing import Final

from exporter.core.kernels import compiled
from exporter.core.series import Floats, Ints

LANES: Final = 16
PARAMETERS: Final = 6
"""Alpha, beta / alpha, phi, gamma / (1 - alpha), omega / (1 - alpha) and rho, in this order."""
PARTS: Final = 5
"""Of a model: trend, damping, day, week and correction, 1.0 or 0.0 each, in this order."""

CLIP: Final = 3.0
"""Mean absolute errors: what a sample adds to them is not believed."""
PATIENCE: Final = 6
"""Samples in a row that are not believed; the next one is: the level has changed."""
PACE: Final = 0.05
"""Weight of the newest error in their running mean."""
LEAST_SCALE: Final = 0.1
"""That mean never falls below this share of what it began with."""

LEVEL: Final = 0 * LANES
TREND: Final = 1 * LANES
ERROR: Final = 2 * LANES
SCALE: Final = 3 * LANES
DISBELIEF: Final = 4 * LANES
LOSS: Final = 5 * LANES
ALPHA: Final = 6 * LANES
BETA: Final = 7 * LANES
PHI: Final = 8 * LANES
GAMMA: Final = 9 * LANES
OMEGA: Final = 10 * LANES
RHO: Final = 11 * LANES
AHEAD: Final = 12 * LANES
SLOPE: Final = 13 * LANES
ECHO: Final = 14 * LANES
DAY: Final = 15 * LANES
WEEK: Final = 16 * LANES
QUANTITIES: Final = 17


@compiled
def set_parameters(bench: Floats, lane: int, z: Floats, parts: Floats) -> None:
    """Give a candidate its parameters [PARAMETERS], each in (0, 1), and its parts [PARTS]."""
    alpha = z[0]
    bench[ALPHA + lane] = alpha
    bench[BETA + lane] = alpha * z[1] * parts[0]
    bench[PHI + lane] = 1.0 - (1.0 - z[2]) * parts[1]
    bench[GAMMA + lane] = (1.0 - alpha) * z[3] * parts[2]
    bench[OMEGA + lane] = (1.0 - alpha) * z[4] * parts[3]
    bench[RHO + lane] = z[5] * parts[4]


@compiled
def set_state(
    bench: Floats,
    day: Floats,
    week: Floats,
    parts: Floats,
    start: Floats,
    day_start: Floats,
    week_start: Floats,
) -> None:
    """Put all candidates at the beginning of the series.

    bench : float64 [QUANTITIES * LANES]
    day, week : float64 [m * LANES], what each column of the season adds
    parts : float64 [LANES, PARTS]
    start : level, trend and mean absolute error
    day_start, week_start : float64 [m]
    """
    for k in range(LANES):
        bench[LEVEL + k] = start[0]
        bench[TREND + k] = start[1] * parts[k, 0]
        bench[ERROR + k] = 0.0
        bench[SCALE + k] = start[2]
        bench[DISBELIEF + k] = 0.0
        bench[LOSS + k] = 0.0
    for column in range(len(day_start)):
        for k in range(LANES):
            day[column * LANES + k] = day_start[column] * parts[k, 2]
    for column in range(len(week_start)):
        for k in range(LANES):
            week[column * LANES + k] = week_start[column] * parts[k, 3]


@compiled
def look_ahead(
    bench: Floats, day: Floats, week: Floats, sizes: Ints, since: int, samples: Floats
) -> None:
    """Add to each candidate's loss how far its forecasts are off samples [H], later ones more.

    sizes : int64 [2], columns of a day and a week
    since : columns since the first sample
    """
    for k in range(LANES):
        bench[AHEAD + k] = bench[LEVEL + k]
        bench[SLOPE + k] = bench[TREND + k]
        bench[ECHO + k] = bench[ERROR + k]
    for lead in range(len(samples)):
        sample = samples[lead]
        weight = float(since + lead + 1)
        in_day = (since + lead) % sizes[0] * LANES
        in_week = (since + lead) % sizes[1] * LANES
        for k in range(LANES):
            bench[DAY + k] = day[in_day + k]
        for k in range(LANES):
            bench[WEEK + k] = week[in_week + k]
        for k in range(LANES):
            slope = bench[SLOPE + k] * bench[PHI + k]
            echo = bench[ECHO + k] * bench[RHO + k]
            ahead = bench[AHEAD + k] + slope
            bench[SLOPE + k] = slope
            bench[ECHO + k] = echo
            bench[AHEAD + k] = ahead
            off = sample - ahead - bench[DAY + k] - bench[WEEK + k] - echo
            bench[LOSS + k] += weight * abs(off)


@compiled
def smooth(
    bench: Floats,
    day: Floats,
    week: Floats,
    sizes: Ints,
    since: int,
    samples: Floats,
    floor: float,
    clip: float,
) -> None:
    """Let all candidates learn samples [T] that begin `since` columns after the first."""
    in_day = since % sizes[0]
    in_week = since % sizes[1]
    for sample in samples:
        for k in range(LANES):
            bench[DAY + k] = day[in_day * LANES + k]
        for k in range(LANES):
            bench[WEEK + k] = week[in_week * LANES + k]
        for k in range(LANES):
            trend = bench[TREND + k] * bench[PHI + k]
            level = bench[LEVEL + k] + trend
            echo = bench[ERROR + k] * bench[RHO + k]
            error = sample - level - bench[DAY + k] - bench[WEEK + k] - echo
            scale = bench[SCALE + k]
            reach = clip * scale
            disbelief = bench[DISBELIEF + k] + 1.0 if abs(error) > reach else 0.0
            believed = error if error < reach else reach
            believed = believed if believed > -reach else -reach
            believed = error if disbelief > PATIENCE else believed
            bench[DISBELIEF + k] = disbelief
            scale += PACE * (abs(believed) - scale)
            bench[SCALE + k] = scale if scale > floor else floor
            believed += echo
            bench[ERROR + k] = believed
            bench[LEVEL + k] = level + bench[ALPHA + k] * believed
            bench[TREND + k] = trend + bench[BETA + k] * believed
            bench[DAY + k] += bench[GAMMA + k] * believed
            bench[WEEK + k] += bench[OMEGA + k] * believed
        for k in range(LANES):
            day[in_day * LANES + k] = bench[DAY + k]
        for k in range(LANES):
            week[in_week * LANES + k] = bench[WEEK + k]
        in_day = in_day + 1 if in_day + 1 < sizes[0] else 0
        in_week = in_week + 1 if in_week + 1 < sizes[1] else 0


@compiled
def path(
    bench: Floats, day: Floats, week: Floats, sizes: Ints, since: int, lane: int, out: Floats
) -> None:
    """Write what a candidate forecasts for the columns from `since` on, float64 [H]."""
    ahead = bench[LEVEL + lane]
    slope = bench[TREND + lane]
    echo = bench[ERROR + lane]
    for lead in range(len(out)):
        slope *= bench[PHI + lane]
        echo *= bench[RHO + lane]
        ahead += slope
        in_day = (since + lead) % sizes[0] * LANES
        in_week = (since + lead) % sizes[1] * LANES
        out[lead] = ahead + echo + day[in_day + lane] + week[in_week + lane]
