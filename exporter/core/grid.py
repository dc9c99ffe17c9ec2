"""How do raw samples become rows on one exact time grid?"""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from exporter.core.series import Floats, Ints, Keys, SeriesBatch
from exporter.errors import DataError


def to_batch(
    keys: Keys,
    lengths: Sequence[int],
    times: Ints,
    values: Floats,
    *,
    start: int,
    end: int,
    step: int,
    histograms: int = 0,
) -> SeriesBatch:
    """Put samples on the grid; cells without one are NaN, and of two for a cell the last stays.

    Parameters
    ----------
    keys : S series
    lengths : S numbers of samples
    times : int64 [sum of lengths], unix milliseconds, series after series
    values : float64 [sum of lengths]
    start, end : unix milliseconds of the first and the last column
    step : milliseconds between columns
    histograms : series that were left out since they hold native histograms

    Raises
    ------
    DataError
        If a series comes twice, or a sample lies beside the grid. A range query's answer is on
        the grid that was asked for; moving a stray sample to a neighbour would judge it at a
        time when it was not.
    """
    if len(set(keys)) != len(keys):
        twice = next(key for row, key in enumerate(keys) if key in keys[:row])
        raise DataError(f"the answer holds the series {_shown(twice)} twice")
    columns = grid(start, end, step)
    column, beside = np.divmod(times - start, step)
    is_stray = (beside != 0) | (column < 0) | (column >= len(columns))
    row = np.repeat(np.arange(len(keys)), lengths)
    if is_stray.any():
        stray = int(np.argmax(is_stray))
        raise DataError(
            f"series {_shown(keys[row[stray]])} has a sample at {_instant(int(times[stray]))}, "
            f"which is not on the grid asked for: every {step} ms from {_instant(start)} to "
            f"{_instant(end)}; does something between Prometheus and the exporter change the "
            "query's start or step?"
        )
    cells = np.full((len(keys), len(columns)), np.nan)
    cells[row, column] = values
    undefined = None
    if (is_nan := np.isnan(values)).any():
        undefined = np.zeros(cells.shape, dtype=np.bool_)
        undefined[row, column] = is_nan
    return SeriesBatch(keys, columns, cells, step, undefined=undefined, histograms=histograms)


def join(parts: Sequence[SeriesBatch]) -> SeriesBatch:
    """Join batches whose columns follow each other, series by series.

    parts : at least one, of one step; a series may be missing from any of them
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    row_of: dict[bytes, int] = {}
    for part in parts:
        for key in part.keys:
            row_of.setdefault(key, len(row_of))
    times = np.concatenate([part.times for part in parts])
    values = np.full((len(row_of), len(times)), np.nan)
    undefined = None
    if any(part.undefined is not None for part in parts):
        undefined = np.zeros(values.shape, dtype=np.bool_)
    column = 0
    for part in parts:
        rows = [row_of[key] for key in part.keys]
        place = slice(column, column + len(part.times))
        values[rows, place] = part.values
        if undefined is not None and part.undefined is not None:
            undefined[rows, place] = part.undefined
        column = place.stop
    histograms = parts[-1].histograms  # as of now
    return SeriesBatch(
        tuple(row_of), times, values, first.step, undefined=undefined, histograms=histograms
    )


def grid(start: int, end: int, step: int) -> Ints:
    """Return the columns from `start` to `end`, both included: int64 [T], unix milliseconds."""
    return np.arange(start, end + 1, step, dtype=np.int64)


def _shown(key: bytes) -> str:
    return key[:200].decode(errors="replace")


def _instant(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
