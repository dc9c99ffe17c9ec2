"""What does a window of samples look like with its level and its size taken away?

So that one model can judge series of any unit, every window is put on one scale: its median is
zero and its robust standard deviation one.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from exporter.core.kernels import compiled
from exporter.core.rolling import MAD_TO_SIGMA
from exporter.core.series import Floats, Ints

Floats32 = npt.NDArray[np.float32]

FARTHEST: Final = 10.0
"""Normalised samples are cut here: one spike must not drown what else a window says."""

LEAST_SHARE: Final = 0.25
"""The scale is at least this share of the root mean square distance from the median: a window that
mostly repeats one value has a MAD of zero although it moves."""


@compiled
def center_and_scale(window: Floats, buffer: Floats) -> tuple[float, float]:
    """Return median and robust standard deviation of `window` [W]; 0 when all samples are equal.

    buffer : float64 [W], overwritten
    """
    size = len(window)
    buffer[:] = window
    buffer.sort()
    center = 0.5 * (buffer[(size - 1) // 2] + buffer[size // 2])
    square = 0.0
    for place in range(size):
        buffer[place] = abs(window[place] - center)
        square += buffer[place] * buffer[place]
    buffer.sort()
    mad = 0.5 * (buffer[(size - 1) // 2] + buffer[size // 2])
    return center, max(MAD_TO_SIGMA * mad, LEAST_SHARE * np.sqrt(square / size))


@compiled
def normalise(window: Floats, center: float, scale: float, out: Floats32) -> None:
    """Write `window` [W] into `out` [W] with its level and size taken away; all equal gives 0."""
    for place in range(len(window)):
        out[place] = 0.0
        if 0.0 < scale < np.inf:
            distance = (window[place] - center) / scale
            out[place] = min(max(distance, -FARTHEST), FARTHEST)


@compiled
def sliding_windows(values: Floats, starts: Ints, out: Floats32, scales: Floats) -> None:
    """Write the windows that begin at `starts` into `out` [N, W], their scales into `scales` [N].

    For training. The last sample of each is the one to be predicted: it is put on the scale of
    those before it, uncut, and does not take part in it. It is NaN where those are all equal.

    values : float64 [T], finite
    starts : int64 [N]
    """
    past = out.shape[1] - 1
    buffer = np.empty(past)
    for job in range(len(starts)):
        window = values[starts[job] : starts[job] + past]
        center, scale = center_and_scale(window, buffer)
        normalise(window, center, scale, out[job, :past])
        out[job, past] = np.nan
        scales[job] = scale
        if 0.0 < scale < np.inf:
            out[job, past] = (values[starts[job] + past] - center) / scale


@compiled
def speculate(
    windows: Floats,
    count: Ints,
    values: Floats,
    position: Ints,
    ahead: Ints,
    first: Ints,
    past: Floats32,
    center: Floats,
    scale: Floats,
) -> None:
    """Write what each sample ahead will be judged by, if all before it enter the window unchanged.

    Parameters
    ----------
    windows, count : float64 [S, W], oldest sample first, the last `count` [S] of which are there
    values : float64 [S, T]; what is not finite does not enter
    position, ahead : int64 [S], first column to look at, and how many
    first : int64 [S], place of the first of them among the N results
    past : float32 [N, W], results: the window normalised; zeros while it is not full
    center, scale : float64 [N], results: of the window; NaN while it is not full
    """
    size = windows.shape[1]
    buffer = np.empty(size)
    for row in range(len(windows)):
        window = windows[row].copy()
        held = count[row]
        is_known = False
        for place in range(ahead[row]):
            job = first[row] + place
            if held >= size and is_known:  # nothing entered since the last column
                past[job] = past[job - 1]
                center[job], scale[job] = center[job - 1], scale[job - 1]
            elif held >= size:
                center[job], scale[job] = center_and_scale(window, buffer)
                normalise(window, center[job], scale[job], past[job])
                is_known = True
            now = values[row, position[row] + place]
            if np.isfinite(now):
                slide(window, now)
                held += 1
                is_known = False


@compiled
def slide(window: Floats, now: float) -> None:
    """Let a sample into `window` [W], in place, and the oldest out."""
    window[:-1] = window[1:]
    window[-1] = now
