"""Raw samples to rows, one sample at a time: the obvious twin of exporter.core.grid."""

import math
from collections.abc import Sequence


def place(
    samples: Sequence[Sequence[tuple[int, float]]], start: int, end: int, step: int
) -> list[list[float]]:
    """Return one row per series, one cell per column; the last sample of a cell stays."""
    columns = list(range(start, end + 1, step))
    rows = []
    for series in samples:
        row = [math.nan] * len(columns)
        for time, value in series:
            row[columns.index(time)] = value
        rows.append(row)
    return rows


def join(
    parts: Sequence[dict[bytes, list[float]]], widths: Sequence[int]
) -> dict[bytes, list[float]]:
    """Return the rows of adjacent parts end to end; a part that lacks a series is all NaN."""
    keys = list(dict.fromkeys(key for part in parts for key in part))
    return {
        key: [
            value
            for part, width in zip(parts, widths, strict=True)
            for value in part.get(key, [math.nan] * width)
        ]
        for key in keys
    }
