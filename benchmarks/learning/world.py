"""What happened, and what did each detector say of it at the time?"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy.files import BadInput, read_series, series_of
from exporter.core.series import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One metric of several servers.

    Parameters
    ----------
    name : of the metric
    series : S names
    times : unix seconds [T]
    votes : detector -> scores [S, T]; NaN is "cannot tell"
    is_real : whether something was wrong, [S, T]
    """

    name: str
    series: tuple[str, ...]
    times: Floats
    votes: Mapping[str, Floats]
    is_real: Bools


def queries_of(data: Path, votes: Path, dataset: str) -> list[Query]:
    """Return the metrics of a dataset whose series are called `server__metric`.

    Raises
    ------
    BadInput
        If a file is missing or is none.
    """
    grouped: defaultdict[str, list[tuple[str, Path]]] = defaultdict(list)
    for name, path in series_of(data / dataset):
        grouped[name.rpartition("__")[2]].append((name, path))
    return [_query(metric, members, votes / dataset) for metric, members in grouped.items()]


def _query(metric: str, members: Sequence[tuple[str, Path]], kept: Path) -> Query:
    times = read_series(members[0][1]).times / 1000.0
    rows, labels = [], []
    for name, path in members:
        labelled = _labels(path)
        if len(labelled) != len(times):
            raise BadInput(f"{path}: not on the grid of {metric}'s other series")
        archive = np.load(kept / f"{name}.votes.npz", allow_pickle=False)
        rows.append({kind: archive[kind][0] for kind in archive if ":" not in kind})
        labels.append(labelled)
    votes = {kind: np.array([row[kind] for row in rows], dtype=float) for kind in rows[0]}
    return Query(metric, tuple(name for name, _ in members), times, votes, np.array(labels))


def _labels(path: Path) -> Bools:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return np.array([row["label"] not in ("0", "0.0", "") for row in csv.DictReader(file)])
