"""What is in a folder of labelled series, and how are scores written beside it?"""

import csv
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

import numpy as np

from exporter.core.series import Bools, Floats, Ints

INDEX: Final = "index.csv"
_SUFFIXES: Final = (".csv", ".csv.gz")
_NOTHING: Final = frozenset({"", "nan", "null", "none", "na"})
_BESIDE: Final = frozenset({"timestamp", "label"})
"""Columns that are no metric. The label is never read."""


class BadInput(Exception):
    """A file or folder is not of the form that README.md describes; says what and where."""


@dataclass(frozen=True, eq=False)
class SeriesFile:
    """The rows of one file.

    Parameters
    ----------
    stamps : R timestamps as they stand in the file
    times : int64 [R], the same in unix milliseconds
    metrics : S names
    values : float64 [S, R], NaN where the file has nothing
    """

    stamps: Sequence[str]
    times: Ints
    metrics: tuple[str, ...]
    values: Floats


def datasets_of(data: Path, chosen: Sequence[str] = ()) -> list[str]:
    """Return the chosen data sets, by default all: the folders that have an index.

    Raises
    ------
    BadInput
        A chosen one is not there, or there is none at all.
    """
    if not data.is_dir():
        raise BadInput(f"{data}: no such file or folder")
    there = sorted(index.parent.name for index in data.glob(f"*/{INDEX}"))
    if not there:
        raise BadInput(f"{data}: no folder in it has an {INDEX}; each data set needs one")
    if missing := [name for name in chosen if name not in there]:
        raise BadInput(f"{data}: no data set {missing[0]!r}; there are {', '.join(there)}")
    return list(chosen) or there


def series_of(folder: Path) -> list[tuple[str, Path]]:
    """Return name and file of every series that a data set's index lists.

    Raises
    ------
    BadInput
        The index has no column `series`, or a file is missing.
    """
    with (folder / INDEX).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if "series" not in (reader.fieldnames or ()):
            found = ", ".join(reader.fieldnames or ()) or "nothing"
            raise BadInput(f"{folder / INDEX}: no column series, found {found}")
        names = [row["series"] for row in reader]
    return [(name, _file_of(folder, name)) for name in names]


def _file_of(folder: Path, name: str) -> Path:
    for suffix in _SUFFIXES:
        if (path := folder / f"{name}{suffix}").is_file():
            return path
    raise BadInput(
        f"{folder / INDEX} lists {name}, but neither {name}.csv nor {name}.csv.gz is there"
    )


def read_series(path: Path) -> SeriesFile:
    """Read one file.

    Raises
    ------
    BadInput
        A column is missing, or a cell is no number.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    header = [name.strip() for name in rows[0]] if rows else []
    metrics = tuple(name for name in header if name not in _BESIDE)
    if "timestamp" not in header or not metrics:
        raise BadInput(
            f"{path}: found the columns {', '.join(header) or 'none'}; needed are timestamp and "
            "value, or timestamp and one column per metric"
        )
    if twice := {name for name in header if header.count(name) > 1}:
        raise BadInput(f"{path}: found the column {min(twice)} twice; names have to differ")
    body = rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise BadInput(
                f"{path}:{number}: found {len(row)} fields, the header has {len(header)}"
            )
    cells = dict(zip(header, zip(*body, strict=True) if body else [()] * len(header), strict=True))
    seconds = _numbers(path, "timestamp", cells["timestamp"])
    if np.isnan(seconds).any():
        number = int(np.argmax(np.isnan(seconds))) + 2
        raise BadInput(f"{path}:{number}: a row without timestamp")
    return SeriesFile(
        stamps=cells["timestamp"],
        times=np.round(seconds * 1000).astype(np.int64),
        metrics=metrics,
        values=np.array([_numbers(path, name, cells[name]) for name in metrics]),
    )


def _numbers(path: Path, column: str, cells: Sequence[str]) -> Floats:
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        return np.array([_number(path, column, row, cell) for row, cell in enumerate(cells)])


def _number(path: Path, column: str, row: int, cell: str) -> float:
    if cell.strip().lower() in _NOTHING:
        return np.nan
    try:
        return float(cell)
    except ValueError:
        raise BadInput(
            f"{path}:{row + 2}: found {cell!r} in column {column}; allowed is a number or nothing"
        ) from None


def write_scores(
    path: Path, stamps: Sequence[str], score: Floats, event: Floats, alert: Bools
) -> None:
    """Write one row per timestamp; a score that cannot be told is left empty."""
    text = StringIO()
    text.write("timestamp,score,event,alert\n")
    for stamp, one, other, alarm in zip(
        stamps, score.tolist(), event.tolist(), alert.tolist(), strict=True
    ):
        text.write(f"{stamp},{_told(one)},{_told(other)},{int(alarm)}\n")
    path.write_text(text.getvalue(), encoding="utf-8")


def _told(score: float) -> str:
    return "" if math.isnan(score) else f"{score:.7g}"
