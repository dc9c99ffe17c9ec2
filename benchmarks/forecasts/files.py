"""What is in a pair of files of the M4 form, and how are forecasts written beside it?"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exporter.core.series import Floats


class BadInput(Exception):
    """A file is not of the form that README.md describes; says what and where."""


@dataclass(frozen=True, eq=False)
class Pair:
    """What is known of S series, and what was held back.

    Parameters
    ----------
    names : S
    past : S arrays, float64, each of a length of its own
    future : float64 [S, H]; NaN beyond the end of a shorter row
    """

    names: tuple[str, ...]
    past: Sequence[Floats]
    future: Floats


def read_pair(train: Path, test: Path) -> Pair:
    """Read both files.

    Raises
    ------
    BadInput
        One of them is not of the form, or they do not hold the same series.
    """
    past, held_back = read_rows(train), read_rows(test)
    for path, other, missing in (
        (test, train, past.keys() - held_back.keys()),
        (train, test, held_back.keys() - past.keys()),
    ):
        if missing:
            raise BadInput(
                f"{path}: found no row for {len(missing)} series of {other}, such as "
                f"{min(missing)!r}; both need the same ids in their first column"
            )
    future = np.full((len(past), max(map(len, held_back.values()))), np.nan)
    for row, name in enumerate(past):
        future[row, : len(held_back[name])] = held_back[name]
    return Pair(tuple(past), list(past.values()), future)


def read_rows(path: Path) -> dict[str, Floats]:
    """Return the values of every row by its id, less the empty cells that end it.

    Raises
    ------
    BadInput
        Not readable, no rows, a row twice, a cell that is no number, or a gap.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    rows: dict[str, Floats] = {}
    try:
        with opened(path, "rt", newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            next(reader, None)
            for cells in filter(None, reader):
                where = f"{path}:{reader.line_num}"
                if cells[0] in rows:
                    raise BadInput(f"{where}: found the series {cells[0]!r} a second time")
                rows[cells[0]] = _values(where, cells)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from error
    if not rows:
        raise BadInput(f"{path}: found no series; needed is a header, then a row for each series")
    return rows


def _values(where: str, cells: Sequence[str]) -> Floats:
    count = len(cells)
    while count > 1 and not cells[count - 1].strip():
        count -= 1
    if count < 2:
        raise BadInput(f"{where}: the series {cells[0]!r} has no values")
    try:
        values = np.array(cells[1:count], dtype=np.float64)
    except ValueError:
        values = np.array([_number(cell) for cell in cells[1:count]])
    if not (is_number := np.isfinite(values)).all():
        column = int(np.argmin(is_number)) + 1
        raise BadInput(
            f"{where}: found {cells[column]!r} in column {column + 1} of {cells[0]!r}; allowed are "
            "finite numbers, and empty cells only after the last of them"
        )
    return values


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def write_forecasts(
    path: Path, names: Sequence[str], mean: Floats, lower: Floats, upper: Floats
) -> None:
    """Write one row per series and step; the arrays are float64 [S, H]."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["series", "step", "mean", "lo", "hi"])
        told = np.stack([mean, lower, upper], 2).tolist()
        for name, steps in zip(names, told, strict=True):
            writer.writerows([name, step, *three] for step, three in enumerate(steps, start=1))
