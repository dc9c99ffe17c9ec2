"""What history does a CSV file hold?"""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from exporter.core.series import Floats
from exporter.errors import TrainingError
from exporter.training import History

_TIME = "timestamp"
_NO_SAMPLE = ("", "nan", "null")


def read_csv(path: Path) -> History:
    """Read `timestamp,<series...>`: one row per instant, oldest first, one column per series.

    Timestamps are unix seconds or RFC 3339. An empty cell, `NaN` and `null` are "no sample".

    Raises
    ------
    TrainingError
        The file cannot be read or is of another form; the message says which line and why.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            names = _series_names(path, next(lines, []))
            times, rows = _read_rows(path, lines, len(names))
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} is no CSV in UTF-8: {error}") from error
    if not times:
        raise TrainingError(f"{path} holds a heading and no rows")
    values: Floats = np.array(rows, dtype=np.float64)
    return History(path.name, list(np.ascontiguousarray(values.T)), times[0], times[-1])


def _series_names(path: Path, heading: list[str]) -> list[str]:
    names = [name.strip() for name in heading]
    if len(names) < 2 or names[0] != _TIME:
        raise TrainingError(
            f"{path}:1: found the heading {','.join(names)[:80]!r}; allowed: {_TIME},<series...>"
        )
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise TrainingError(f"{path}:1: the column {twice[0]!r} comes twice; name each once")
    return names[1:]


def _read_rows(
    path: Path, lines: Iterator[list[str]], series: int
) -> tuple[list[float], list[list[float]]]:
    times: list[float] = []
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        if len(line) != series + 1:
            raise TrainingError(
                f"{path}:{number}: found {len(line)} cells, the heading has {series + 1}"
            )
        try:
            instant = _instant(line[0])
            row = [_sample(cell) for cell in line[1:]]
        except ValueError as error:
            raise TrainingError(f"{path}:{number}: {error}") from error
        if times and instant <= times[-1]:
            raise TrainingError(
                f"{path}:{number}: the timestamp {line[0]} is not after the one before it; sort "
                "the rows by time, oldest first, one row per instant"
            )
        times.append(instant)
        rows.append(row)
    return times, rows


def _instant(cell: str) -> float:
    try:
        if cell.strip().replace(".", "", 1).isdigit():
            # Refuses milliseconds, which would lie beyond the year 9999.
            return datetime.fromtimestamp(float(cell), UTC).timestamp()
        instant = datetime.fromisoformat(cell.strip())
        if instant.tzinfo is None:
            raise ValueError("which zone?")
        return instant.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"found the timestamp {cell[:40]!r}; allowed: unix seconds, or RFC 3339 with a zone "
            "such as 2026-01-31T10:00:00Z"
        ) from error


def _sample(cell: str) -> float:
    if cell.strip().lower() in _NO_SAMPLE:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise ValueError(
            f"found {cell[:40]!r}; allowed: a number, or nothing for no sample"
        ) from None
