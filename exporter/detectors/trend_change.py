"""Trend change: the slope of now against the slope of just before."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from exporter.core.kernels import compiled
from exporter.core.rows import State
from exporter.core.scores import LEARNABLE, Scores, blank_scores, confidence, sigmas_at
from exporter.core.seasonality import (
    BLOCK,
    BLOCKS,
    Blocks,
    between_refreshes,
    fill_blocks,
    is_refresh,
    seasonality,
)
from exporter.core.series import Bools, Floats, Ints, SeriesBatch
from exporter.core.tail import HUGE, MEMORY
from exporter.core.trend import trend
from exporter.detectors.base import RELATIVE_RESOLUTION, Detector

SHARPER: Final = 1.3
"""Factor from the t statistic to the deviations of core/scores.py: the statistic's own tail is
lighter than that ruler's. See docs/detectors.md for the simulation."""

PRIOR_SAMPLES: Final = 20.0
PRIOR_LIKENESS: Final = 0.8
"""What residuals are taken for before they are known: as correlated as a wandering series."""

ODD_SIGMAS: Final = sigmas_at(LEARNABLE)
MOST_SIGMAS: Final = 2.0 * ODD_SIGMAS
"""Statistics beyond count as this many: one change must not hide the next, many may."""


@dataclass(frozen=True, kw_only=True)
class TrendChange(Detector):
    """Flag changes of slope: what was flat climbs, what climbed falls.

    Publishes the slope of the current window, the direction and size of the change, and how much
    of the variation repeats (gauges `anomaly_trend_slope_per_second`, `anomaly_trend_change` and
    `anomaly_seasonality_strength`). The change is the difference of the two slopes as a share of
    both and their uncertainty together: -1 a climb that became the same fall, +0.9 a plain that
    became a clear climb.

    Parameters
    ----------
    window : samples in each of the two adjacent windows
    degree : degree of the polynomial fitted to each window; slopes are taken in its middle, and
        what a higher degree follows is curvature, not noise

    Notes
    -----
    Warm-up is two windows. A gap counts as its last sample; with more than half of the samples
    missing it cannot tell. The score comes from the t statistic of the difference, with the
    effective number of samples that the residuals' autocorrelation leaves (core/trend.py), the
    larger one of now and usually. So 0.6 stays as rare for noise with an autocorrelation of 0.9
    as for white noise; a series whose statistic is usually larger (sawteeth, nights) has it divided
    by that. A change is one alarm, which ends when both windows have seen the new slope. It misses
    changes slower than the windows, and single spikes. The strength of the season is the
    autocorrelation at the best period among one and a half hours to a day, on half-hour means of
    three days, and among 3 samples to two thirds of a window; 0 where none is clear. There is no
    band.

    References
    ----------
    Chow (1960), doi:10.2307/1910133, for comparing two adjacent regressions; Bayley and Hammersley
    (1946), doi:10.2307/2983560, for the effective number of autocorrelated samples.
    """

    signals: ClassVar[tuple[str, ...]] = (
        "anomaly_trend_slope_per_second",
        "anomaly_trend_change",
        "anomaly_seasonality_strength",
    )
    kind: Literal["trend_change"] = "trend_change"
    window: Annotated[int, Ge(10), Le(1000)] = 50
    degree: Annotated[int, Ge(1), Le(5)] = 1

    @property
    def memory(self) -> int:
        """Several times both windows, to know the residuals."""
        return 10 * self.window

    def fresh(self, series: int) -> State:
        """Return the state of series without a past."""
        return {
            "ring": np.full((series, 2 * self.window), np.nan),
            "is_real": np.zeros((series, 2 * self.window), dtype=np.bool_),
            "samples": np.zeros(series, dtype=np.int64),
            "energy": np.zeros(series),
            "likeness": np.zeros(series),
            "blocks": np.full((series, BLOCKS), np.nan, dtype=np.float32),
            "block_sum": np.zeros(series),
            "block_count": np.zeros(series, dtype=np.int64),
            "strength": np.full(series, np.nan),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        series, columns = batch.values.shape
        scores = blank_scores(series, columns, self.signals)
        slope, change, strength = (scores.signals[name] for name in self.signals)
        fit = trend(self.window, self.degree)
        shape = Shape(fit.basis, fit.slopes, fit.doubt)
        told = Told(np.full((series, columns), np.nan), slope, change)
        block = max(BLOCK, batch.step)
        is_block_end = batch.times // block != (batch.times + batch.step) // block
        past = Past(**{name: state[name] for name in Past._fields})
        blocks = Blocks(**{name: state[name] for name in Blocks._fields})
        for start, stop in between_refreshes(batch.times, batch.step):
            advance_trend(batch.values, start, stop, past, shape, told)
            fill_blocks(batch.values, start, stop, is_block_end, blocks)
            strength[:, start:stop] = state["strength"][:, None]
            if is_refresh(int(batch.times[stop - 1]), batch.step):
                state["strength"] = seasonality(state["ring"], state["is_real"], state["blocks"])
        slope /= batch.step / 1000
        scores.score[:] = confidence(told.sigmas)
        return state, scores


class Shape(NamedTuple):
    """`core.trend.Trend`, as kernels take it."""

    basis: Floats
    slopes: Floats
    doubt: Floats


class Past(NamedTuple):
    """What is remembered of the series; the first axis is [S].

    Parameters
    ----------
    ring : [S, 2 W], the latest samples, oldest first; a gap holds the sample before it
    is_real : [S, 2 W], whether they are samples
    samples : statistics that were learned
    energy : mean square of them
    likeness : mean autocorrelation of the residuals
    """

    ring: Floats
    is_real: Bools
    samples: Ints
    energy: Floats
    likeness: Floats


class Told(NamedTuple):
    """What is said of the samples, to be written; each float64 [S, T].

    Parameters
    ----------
    sigmas : difference of the slopes on the scale of core/scores.py
    slope : of the current window, per sample
    change : direction and size of the difference, in [-1, 1]
    """

    sigmas: Floats
    slope: Floats
    change: Floats


@compiled
def fit_window(line: Floats, first: int, basis: Floats, parts: Floats) -> tuple[float, float]:
    """Return the residuals' sum of squares, and of products with the one before.

    Parameters
    ----------
    line : float64 [N], samples without gaps
    first : index of the window's first sample
    basis : float64 [degree + 1, W]
    parts : float64 [degree + 1], written: the samples' coefficients
    """
    terms, window = basis.shape
    for term in range(terms):
        total = 0.0
        for place in range(window):
            total += basis[term, place] * (line[first + place] - line[first])
        parts[term] = total
    square, product, before = 0.0, 0.0, 0.0
    for place in range(window):
        rest = line[first + place] - line[first]
        for term in range(terms):
            rest -= parts[term] * basis[term, place]
        square += rest * rest
        product += rest * before
        before = rest
    return square, product


@compiled
def advance_trend(
    values: Floats, start: int, stop: int, past: Past, shape: Shape, told: Told
) -> None:
    """Judge the columns [start, stop) of the samples [S, T] and learn them."""
    width = past.ring.shape[1]
    line = np.empty(width + stop - start)
    real = np.empty(width + stop - start, dtype=np.bool_)
    parts = np.empty((2, len(shape.slopes)))
    for row in range(values.shape[0]):
        line[:width] = past.ring[row]
        real[:width] = past.is_real[row]
        held = real[:width].sum()
        for column in range(start, stop):
            now = values[row, column]
            end = width + column - start
            real[end] = abs(now) <= HUGE
            line[end] = now if real[end] else line[end - 1]
            first = end - width + 1
            held += int(real[end]) - int(real[first - 1])
            if not (math.isnan(now) or 2 * held < width or math.isnan(line[first])):
                judge_window(line, first, row, column, past, shape, told, parts)
        past.ring[row] = line[stop - start :]
        past.is_real[row] = real[stop - start :]


@compiled
def judge_window(
    line: Floats,
    first: int,
    row: int,
    column: int,
    past: Past,
    shape: Shape,
    told: Told,
    parts: Floats,
) -> None:
    """Judge the change between the two windows that begin at `line[first]`.

    parts : float64 [2, degree + 1], written: the coefficients of both windows
    """
    window = shape.basis.shape[1]
    square_old, product_old = fit_window(line, first, shape.basis, parts[0])
    square_new, product_new = fit_window(line, first + window, shape.basis, parts[1])
    square = square_old + square_new
    again = (product_old + product_new) / square if square > 0.0 else 0.0
    seen = min(float(past.samples[row]), MEMORY)
    usual = seen * past.likeness[row] + PRIOR_SAMPLES * PRIOR_LIKENESS
    slot = min(max(again, usual / (seen + PRIOR_SAMPLES), 0.0), 1.0) * (len(shape.doubt) - 1)
    low = min(int(slot), len(shape.doubt) - 2)
    variance = shape.doubt[low] + (slot - low) * (shape.doubt[low + 1] - shape.doubt[low])
    resolution = RELATIVE_RESOLUTION * max(abs(line[first]), abs(line[first + 2 * window - 1]))
    square = max(square, 2 * window * resolution * resolution, 1e-300)
    error = math.sqrt(square * variance)
    slope_old, slope_new = 0.0, 0.0
    for term in range(len(shape.slopes)):
        slope_old += shape.slopes[term] * parts[0, term]
        slope_new += shape.slopes[term] * parts[1, term]
    gap = slope_new - slope_old
    usually = max(1.0, math.sqrt(past.energy[row]))
    sigmas = SHARPER * gap / error / usually
    told.sigmas[row, column] = sigmas
    told.slope[row, column] = slope_new
    told.change[row, column] = gap / (abs(slope_old) + abs(slope_new) + 3.0 * error)
    share = 1.0 / (seen + 1.0)
    top = min(abs(sigmas), MOST_SIGMAS) * usually / SHARPER
    past.energy[row] += share * (top * top - past.energy[row])
    if abs(sigmas) < ODD_SIGMAS:
        past.likeness[row] += share * (min(max(again, 0.0), 1.0) - past.likeness[row])
    past.samples[row] += 1
