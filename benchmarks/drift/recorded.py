"""Which recordings are there to change, and where is nothing known to be wrong in them?"""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from benchmarks.accuracy.files import BadInput, datasets_of, read_series, series_of
from benchmarks.forecasts.monitored import series_of as recorded_series
from exporter.core.series import Bools, Floats, Ints
from exporter.settings.drift import STEP
from quickstart.backfill import RECORDING

STEP_OF_RECORDING: Final = 5_000
RATE: Final = 4
"""Columns that the rate of a counter is taken over: 20 s."""

SETTLE: Final = 180.0
"""Seconds after an incident's end that are left out with it."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """Series that were recorded together.

    Parameters
    ----------
    dataset, name : where they are from
    step : milliseconds between columns
    first : unix milliseconds of the first column
    values : float64 [G, T]; NaN is no sample
    is_labelled : bool [T], that something was wrong
    """

    dataset: str
    name: str
    step: int
    first: int
    values: Floats
    is_labelled: Bools

    @property
    def times(self) -> Ints:
        """Unix milliseconds of the columns, int64 [T]."""
        return self.first + self.step * np.arange(self.values.shape[1], dtype=np.int64)


def monitored(data: Path, chosen: tuple[str, ...]) -> Iterator[Recorded]:
    """Yield what is in the data sets of a folder, in columns as a drift check asks for them.

    These are five minutes apart, or as far as the samples are.

    Raises
    ------
    BadInput
        A data set is not there, or a file is not of the form.
    """
    for dataset in datasets_of(data, chosen):
        for name, path in series_of(data / dataset):
            yield in_columns(dataset, name, path)


def in_columns(dataset: str, name: str, path: Path) -> Recorded:
    """Return a file's series; a column has the newest sample since the one before."""
    found = read_series(path)
    if len(found.times) < 2:
        raise BadInput(f"{path}: found {len(found.times)} rows; needed are two or more")
    labels = labels_of(path)
    order = np.argsort(found.times, kind="stable")
    step = max(round(STEP * 1000), int(np.median(np.diff(found.times[order]))))
    places = -(-found.times[order] // step)
    columns = int(places[-1] - places[0]) + 1
    values = np.full((len(found.metrics), columns), np.nan)
    values[:, places - places[0]] = found.values[:, order]
    is_labelled = np.zeros(columns, dtype=np.bool_)
    np.logical_or.at(is_labelled, places - places[0], labels[order])
    return Recorded(dataset, name, step, int(places[0]) * step, values, is_labelled)


def labels_of(path: Path) -> Bools:
    """Return which rows of a file are labelled, bool [R]; none if it has no such column."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="", encoding="utf-8") as file:
        return np.array([row.get("label", "0") not in ("", "0") for row in csv.DictReader(file)])


def recording() -> Iterator[Recorded]:
    """Yield the series of the recorded host, of counters the rates, its incidents cut out."""
    known = yaml.safe_load((RECORDING / "incidents.yml").read_text(encoding="utf-8"))
    start, end = float(known["start"]), float(known["end"])
    for number, values in enumerate(recorded_series(RECORDING / "node.om.gz", start, end)):
        seconds = start + np.arange(len(values)) * STEP_OF_RECORDING / 1000
        is_quiet = np.ones(len(values), dtype=np.bool_)
        for incident in known["incidents"]:
            is_quiet &= (seconds < incident["start"]) | (seconds > incident["end"] + SETTLE)
        is_counter = bool(np.nanmin(np.diff(values)) >= 0 and np.nanmax(values) > 0)
        before = np.concatenate([np.full(RATE, np.nan), values[:-RATE]])
        quiet = (values - before if is_counter else values)[is_quiet][RATE:]
        nothing = np.zeros(len(quiet), dtype=np.bool_)
        first = round(start) * 1000
        yield Recorded(
            "recording", f"series {number}", STEP_OF_RECORDING, first, quiet[None], nothing
        )
