"""What begins, and what lasts: peaks of a score that fade.

`fading` keeps a score up for a while after it fell, for three lengths of time, which is how people
mark incidents: as stretches, not as single samples. `onsets` takes away what a recent peak already
said, so that one incident begins once.
"""

from typing import Final

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.series import Floats

HALF_LIVES: Final = (4.0, 16.0, 64.0)
"""Samples in which a peak fades to a half..."""

LONGEST: Final = 8 * 3600.0
"""...but at most so many seconds."""

LASTING: Final = 4.0
"""Peaks that last take so many times as long, but at most three times the longest."""

ONSET_HALF_LIFE: Final = 12 * 3600.0
"""Seconds in which an onset's peak fades to a half, but at least ten samples."""

REMEMBERED: Final = 0.8
"""Share of the peak by which the next score must exceed it to be something new."""


def fresh_peaks(series: int) -> State:
    """Return the state of series without peaks: `fading` [S, 3] and `peak` [S]."""
    return {
        "fading": np.zeros((series, len(HALF_LIVES))),
        "lasting": np.zeros((series, len(HALF_LIVES))),
        "peak": np.zeros(series),
    }


def fading(state: State, scores: Floats, step: int) -> Floats:
    """Return the mean of the fading peaks of scores [S, T] >= 0; the state is brought up to date.

    step : milliseconds between columns
    """
    return _faded(state["fading"], scores, np.array(HALF_LIVES), LONGEST * 1000 / step)


def lasting(state: State, scores: Floats, step: int) -> Floats:
    """Return likewise the mean of peaks that take longer to fade."""
    lengths = LASTING * np.array(HALF_LIVES)
    return _faded(state["lasting"], scores, lengths, 3 * LONGEST * 1000 / step)


def _faded(peaks: Floats, scores: Floats, lengths: Floats, longest: float) -> Floats:
    out = np.empty_like(scores)
    _fade(scores, peaks, 0.5 ** (1.0 / np.clip(lengths, 1.0, max(1.0, longest))), out)
    return out


def onsets(state: State, scores: Floats, step: int) -> Floats:
    """Return by how much scores [S, T] exceed what recent peaks said; likewise."""
    out = np.empty_like(scores)
    length = max(10.0, ONSET_HALF_LIFE * 1000 / step)
    _begin(scores, state["peak"], 0.5 ** (1.0 / length), out)
    return out


@compiled
def _fade(scores: Floats, peaks: Floats, decays: Floats, out: Floats) -> None:
    for row in range(scores.shape[0]):
        for column in range(scores.shape[1]):
            now = scores[row, column]
            total = 0.0
            for k in range(len(decays)):
                peaks[row, k] *= decays[k]
                peaks[row, k] = np.fmax(peaks[row, k], now)
                total += peaks[row, k]
            out[row, column] = now if np.isnan(now) else total / len(decays)


@compiled
def _begin(scores: Floats, peaks: Floats, decay: float, out: Floats) -> None:
    for row in range(scores.shape[0]):
        for column in range(scores.shape[1]):
            now = scores[row, column]
            peaks[row] *= decay
            out[row, column] = now if np.isnan(now) else max(now - REMEMBERED * peaks[row], 0.0)
            peaks[row] = np.fmax(peaks[row], now)
