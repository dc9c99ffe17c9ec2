"""How much of what a series does now is what it did a period ago?

Days are looked for in half-hour means, which keeps three days of a series in half a kilobyte.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from exporter.core.kernels import compiled
from exporter.core.periods import autocorrelation, find_period
from exporter.core.runs import Singles
from exporter.core.series import Bools, Floats, Ints
from exporter.core.tail import HUGE

BLOCK: Final = 1_800_000
"""Milliseconds over which samples are averaged to look for the day; longer steps are their own."""

BLOCKS: Final = 144
"""Three days of half-hours, to compare each with the same of the day before."""

REFRESH: Final = 8 * BLOCK
"""Milliseconds between two looks at the seasons."""


class Blocks(NamedTuple):
    """Half-hour means: [S, BLOCKS] of the past, oldest first, and the one that is being summed."""

    blocks: Singles
    block_sum: Floats
    block_count: Ints


def is_refresh(time: int, step: int) -> bool:
    """Return whether the seasons are looked at after the column at `time`; unix milliseconds."""
    return time // REFRESH != (time + step) // REFRESH


def between_refreshes(times: Ints, step: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of columns that end where the seasons are looked at again."""
    ends = np.flatnonzero(times // REFRESH != (times + step) // REFRESH) + 1
    cuts = np.unique(np.concatenate([[0], ends, [len(times)]])).tolist()
    yield from pairwise(cuts)


def seasonality(ring: Floats, is_real: Bools, blocks: Singles) -> Floats:
    """Return how much of the variation is seasonal [S], NaN where too little is known."""
    samples = np.where(is_real, ring, np.nan)
    _, short = find_period(autocorrelation(samples, samples.shape[1] // 3 + 1))
    short[is_real.mean(1) < 0.5] = np.nan
    _, daily = find_period(autocorrelation(blocks.astype(np.float64), BLOCKS // 3 + 1))
    daily[np.isfinite(blocks).mean(1) < 2 / 3] = np.nan
    strength: Floats = np.fmax(short, daily)
    return strength


@compiled
def fill_blocks(values: Floats, start: int, stop: int, is_block_end: Bools, blocks: Blocks) -> None:
    """Add the columns [start, stop) of the samples [S, T] to their half-hours.

    is_block_end : bool [T], whether the column is the last of its half-hour
    """
    for row in range(values.shape[0]):
        for column in range(start, stop):
            now = values[row, column]
            if abs(now) <= HUGE:
                blocks.block_sum[row] += now
                blocks.block_count[row] += 1
            if is_block_end[column]:
                blocks.blocks[row, :-1] = blocks.blocks[row, 1:]
                count = blocks.block_count[row]
                blocks.blocks[row, -1] = blocks.block_sum[row] / count if count else np.nan
                blocks.block_sum[row] = 0.0
                blocks.block_count[row] = 0
