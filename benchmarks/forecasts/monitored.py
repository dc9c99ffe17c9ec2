"""Where do real climbs come from? The recorded host, and folders of monitoring series."""

import csv
import gzip
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import yaml

from benchmarks.forecasts.climbs import Climb, Climbs, climb_between, rises
from exporter.core.series import Floats
from quickstart.backfill import RECORDING

SECONDS: Final = 5
"""Between the samples of the recording."""

HORIZON: Final = 60
"""Columns ahead that are forecast of the recording: five minutes; its incidents take no longer."""

BEFORE: Final = 60
"""Columns before an incident that tell what is usual."""

PACE: Final = 2.0
"""Times that a climb is to be steeper than the series was before."""

SPREAD: Final = 6.0
"""Interquartile ranges that a climb is to be higher than what is usual."""

SHORTEST: Final = 12
LONGEST: Final = 40
"""Columns of a climb in the monitoring series; they are forecast 48 ahead."""

KNOWN: Final = 8 * 48
"""Columns of history without which nothing is forecast."""

EACH: Final = 3
"""Climbs of a series at most, the last ones."""


def recorded() -> Climbs:
    """Return the climbs that incidents caused on the recorded host.

    Any series counts, each where an incident made it climb: at least PACE as fast as before it and
    SPREAD as far as it scattered.
    """
    document = yaml.safe_load((RECORDING / "incidents.yml").read_text(encoding="utf-8"))
    first = float(document["start"])
    cases = []
    for values in series_of(RECORDING / "node.om.gz", first, float(document["end"])):
        for incident in document["incidents"]:
            start, end = (
                int((instant - first) // SECONDS) + 1
                for instant in (incident["start"], incident["end"])
            )
            climb = climb_between(values, start - 1, end + 1)
            if climb is not None and climb.start >= BEFORE and is_new(climb):
                cases.append(climb)
    return Climbs("recorded incidents", SECONDS * 1000, 1, 720, HORIZON, tuple(cases))


def is_new(climb: Climb) -> bool:
    """Return whether a series did not climb like this just before."""
    usual = climb.values[climb.start - BEFORE : climb.start + 1]
    if np.isnan(usual).any():
        return False
    way = climb.limit - climb.values[climb.start]
    middle = np.polyfit(np.arange(len(usual)), usual, 1)
    low, high = np.quantile(usual - np.polyval(middle, np.arange(len(usual))), (0.25, 0.75))
    pace = way / (climb.crossing - climb.start)
    return bool(pace > PACE * abs(middle[0]) and way > SPREAD * (high - low))


def series_of(path: Path, start: float, end: float) -> Iterator[Floats]:
    """Yield the series of an OpenMetrics file, one column per SECONDS; NaN where none is."""
    columns = int((end - start) // SECONDS) + 1
    with gzip.open(path, "rt", encoding="utf-8") as file:
        samples = (line.rsplit(" ", 2) for line in file if not line.startswith("#"))
        for _, part in groupby(samples, key=lambda sample: sample[0]):
            values = np.full(columns, np.nan)
            for _, value, instant in part:
                column = round((float(instant) - start) / SECONDS)
                if 0 <= column < columns:
                    values[column] = float(value)
            yield values


def monitored(folder: Path) -> Climbs | None:
    """Return climbs of the series in a folder, each of a column per sample; None without any.

    Every file has the columns timestamp and value. A rise is from a low to a high between which the
    series turns by less than its own usual spread, that between its 5th and 95th percentile.
    """
    cases: list[Climb] = []
    steps = []
    for path in sorted(folder.glob("*.csv.gz")):
        times, values = _read(path)
        if len(values) <= KNOWN or not np.isfinite(values).all():
            continue
        low, high = np.quantile(values, (0.05, 0.95))
        found = [
            climb
            for start, end in rises(values, float(high - low) or np.inf)
            if (climb := climb_between(values, start, end)) is not None
            and climb.start >= KNOWN
            and SHORTEST <= climb.crossing - climb.start <= LONGEST
        ]
        cases += found[-EACH:]
        steps.append(float(np.median(np.diff(times))))
    if not cases:
        return None
    step = round(float(np.median(steps)) * 1000)
    return Climbs(f"{folder.name}, every {step // 60_000} min", step, 1, 2_016, 48, tuple(cases))


def _read(path: Path) -> tuple[Floats, Floats]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [(float(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    times, values = np.array(rows).T
    return times, values
