"""What is told to people, and what became of it?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from exporter.core.series import Bools, Floats


@dataclass(slots=True)
class Incident:
    """An alarm, with what detectors said at most while it lasted; `said` is the verdict."""

    id: int
    row: int
    first: int
    last: int
    threshold: float
    ratio: float
    weights: Mapping[str, float]
    peak: float
    peaks: dict[str, float]
    is_real: bool
    said: bool | None = None


@dataclass(slots=True)
class Told:
    """What became of a query.

    Parameters
    ----------
    false_alarms : [days]
    found : (row, first column) of what was really wrong and was alerted on
    changes : in words, with their day
    """

    false_alarms: Floats
    found: set[tuple[int, int]] = field(default_factory=set)
    changes: list[str] = field(default_factory=list)


def runs(on: Bools) -> list[tuple[int, int, int]]:
    """Return (row, first, last) of every run of true columns."""
    padded = np.pad(on, ((0, 0), (1, 1))).astype(np.int8)
    edges = np.diff(padded, axis=1)
    rows, firsts = np.nonzero(edges == 1)
    lasts = np.nonzero(edges == -1)[1] - 1
    return [(int(r), int(a), int(b)) for r, a, b in zip(rows, firsts, lasts, strict=True)]
