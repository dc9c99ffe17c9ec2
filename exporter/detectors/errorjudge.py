"""How rare is an error, measured by those of the training and by the series' own?"""

from typing import Final, NamedTuple

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.scores import BAND_SIGMAS, MAX_SIGMAS
from exporter.core.series import Floats, Ints
from exporter.core.windows import Floats32, slide
from exporter.detectors.base import RELATIVE_RESOLUTION

TAIL_RATE: Final = 1e-4
"""How much narrower, on a log scale, a widened tail becomes with each sample. Errors beyond
`Ruler.often` widen it by about 0.2, so both are in balance where one sample in 500 lies beyond."""

PRIOR_ERRORS: Final = 20
"""Errors of one robust deviation of the window that a series is taken to have made at first."""

LEAST_SHARE: Final = 0.1
"""Of the window's robust deviation that errors are measured by at least: however well a wave has
been followed, a tenth of its height is no news."""

SHORT_RUN: Final = 10
"""Odd samples in a row that are still noise."""


class Ruler(NamedTuple):
    """What errors are measured by, in root mean squares of the series' own.

    Parameters
    ----------
    scores : float64 [K], of the errors 0 to `end` in equal steps
    end : the error of full confidence
    odd : the error from which a sample is not learned
    edge : the error at the edge of the band
    often : the error beyond which a series' own tail is looked at
    patience : samples after which a level that stayed odd is the new normal
    memory : samples over which the series' own errors are averaged
    """

    scores: Floats
    end: float
    odd: float
    edge: float
    often: float
    patience: int
    memory: int


@compiled
def confidence_in(error: float, ruler: Ruler) -> float:
    """Return the score of an error, in units of the ruler; NaN stays NaN."""
    if np.isnan(error):
        return np.nan
    cells = len(ruler.scores) - 1
    share = min(error / ruler.end, 1.0) * cells
    cell = min(int(share), cells - 1)
    low, high = ruler.scores[cell], ruler.scores[cell + 1]
    confidence: float = low + (share - cell) * (high - low)
    return confidence


@compiled
def clipped(sigmas: float) -> float:
    """Return a distance that can be published; NaN stays NaN."""
    if np.isnan(sigmas):
        return sigmas
    return min(max(sigmas, -MAX_SIGMAS), MAX_SIGMAS)


@compiled
def learn_error(
    row: int,
    missed: float,
    unit: float,
    errors: Ints,
    square: Floats,
    stretch: Floats,
    held: Ints,
    ruler: Ruler,
) -> None:
    """Learn how far the expected value was off at a sample that is not odd.

    A few odd samples before it were the series' own wild noise, which it has to be known for; they
    count as one error at the edge of the band. A longer run was an incident and teaches nothing.
    """
    if unit > 0.0:
        if 0 < held[row] <= SHORT_RUN:
            missed = ruler.edge * unit
        if missed > ruler.often * unit:
            stretch[row] += np.log(missed / (ruler.often * unit))
        elif missed >= 0.0:  # not NaN
            stretch[row] = max(0.0, stretch[row] - TAIL_RATE)
    if missed * missed < np.inf:
        errors[row] += 1
        square[row] += (missed * missed - square[row]) / min(errors[row], ruler.memory)


@compiled
def judge_columns(
    windows: Floats,
    count: Ints,
    errors: Ints,
    square: Floats,
    stretch: Floats,
    held: Ints,
    values: Floats,
    position: Ints,
    ahead: Ints,
    first: Ints,
    center: Floats,
    scale: Floats,
    newest: Floats32,
    ruler: Ruler,
    score: Floats,
    expected: Floats,
    lower: Floats,
    upper: Floats,
    sigmas: Floats,
) -> None:
    """Judge the columns ahead of each series, learn them, and stop after one that is odd.

    Parameters
    ----------
    windows, count : float64 [S, W], int64 [S], as `exporter.core.windows.speculate` has them
    errors : int64 [S], how many errors were learned
    square : float64 [S], their mean square, in the unit of the series
    stretch : float64 [S], logarithm of how much wider the tail is than that of the training
    held : int64 [S], odd samples in a row
    values : float64 [S, T]
    position, ahead, first : int64 [S], as for `speculate`; moved on by what was judged, and set to
        how many columns to try next
    center, scale, newest : [N], the windows' scale, and the newest samples as the model expects
        them, normalised
    ruler : what errors are measured by
    score, expected, lower, upper, sigmas : float64 [S, T], results
    """
    size = windows.shape[1]
    for row in range(len(windows)):
        judged = 0
        is_right = True
        while judged < ahead[row] and is_right:
            job = first[row] + judged
            column = position[row] + judged
            now = values[row, column]
            middle = np.nan
            is_odd = False
            if count[row] >= size:
                middle = center[job] + scale[job] * newest[job]
                expected[row, column] = middle
                unit = np.nan
                if errors[row] == 0 and scale[job] > 0.0:
                    errors[row], square[row] = PRIOR_ERRORS, scale[job] * scale[job]
                if scale[job] > 0.0 or square[row] > 0.0:
                    width = max(np.sqrt(square[row]), LEAST_SHARE * scale[job])
                    width = max(width, RELATIVE_RESOLUTION * abs(middle))
                    unit = width * np.exp(stretch[row])
                    lower[row, column] = middle - ruler.edge * unit
                    upper[row, column] = middle + ruler.edge * unit
                    score[row, column] = confidence_in(abs(now - middle) / unit, ruler)
                    distance = (now - middle) / unit * (BAND_SIGMAS / ruler.edge)
                    sigmas[row, column] = clipped(distance)
                    is_odd = abs(now - middle) / unit > ruler.odd
                elif now == middle:  # it has never moved, and goes on like this
                    score[row, column], sigmas[row, column] = 0.0, 0.0
                if not is_odd:
                    learn_error(row, abs(now - middle), unit, errors, square, stretch, held, ruler)
            if is_odd:
                held[row] += 1
                is_right = False
                if held[row] > ruler.patience:
                    count[row], errors[row], held[row] = 0, 0, 0
                    square[row], stretch[row] = 0.0, 0.0
                else:
                    now = np.nan
            elif np.isfinite(now):
                held[row] = 0
            if np.isfinite(now):
                slide(windows[row], now)
                count[row] += 1
            judged += 1
        position[row] += judged
        ahead[row] = 2 * ahead[row] if is_right else 1
