"""What did the recorded host of quickstart/ do while nothing was wrong?"""

import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import yaml

from exporter.core.series import Floats

RECORDING = Path(__file__).parents[2] / "quickstart" / "recording"

SETTLE = 180.0
"""Seconds after an incident's end that are left out with it."""

RATE_SAMPLES = 4
"""Samples that a rate is taken over: 20 s."""

SHORTEST = 100
"""Samples that a healthy stretch has at least."""


def healthy_stretches(folder: Path) -> list[Floats]:
    """Return the stretches between incidents, float64 [T] each; of counters the rates.

    folder : with node.om.gz and incidents.yml
    """
    known = yaml.safe_load((folder / "incidents.yml").read_text(encoding="utf-8"))
    stretches = []
    for name, (times, values) in _series(folder / "node.om.gz").items():
        when, moving = times, values
        if name.partition("{")[0].endswith("_total"):
            moving = np.maximum(values[RATE_SAMPLES:] - values[:-RATE_SAMPLES], 0.0)
            when = times[RATE_SAMPLES:]
        start = -np.inf
        for incident in [*known["incidents"], {"start": np.inf, "end": np.inf}]:
            chosen = moving[(when > start) & (when < incident["start"])]
            if len(chosen) >= SHORTEST and chosen.std() > 0:
                stretches.append(chosen)
            start = incident["end"] + SETTLE
    return stretches


def _series(path: Path) -> dict[str, tuple[Floats, Floats]]:
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, value, instant = line.rsplit(" ", 2)
                lines[name].append((float(instant), float(value)))
    pairs = {name: np.array(samples) for name, samples in lines.items()}
    return {name: (samples[:, 0], samples[:, 1]) for name, samples in pairs.items()}
