"""How well does a model predict? `python -m benchmarks.training.skill [FOLDER]`.

Its median error over the median step from one sample to the next, for each kind of series that
the pooled model was trained on, newly made: 1 is what "as before" would give.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.training.generator import KINDS
from benchmarks.training.recording import RECORDING, healthy_stretches
from exporter.core.series import Floats
from exporter.core.windows import sliding_windows
from exporter.detectors.onnxmodel import POOLED, TrainedModel, predict, read_model

SERIES, LENGTH = 20, 1000


def skill(model: TrainedModel, series: list[Floats]) -> float:
    """Return the ratio; below 1 the model knows more than the last sample."""
    errors, steps = [], []
    for values in series:
        starts = np.arange(len(values) - model.past, dtype=np.int64)
        windows = np.empty((len(starts), model.metadata.window), dtype=np.float32)
        sliding_windows(values, starts, windows, np.empty(len(starts)))
        windows = windows[np.isfinite(windows[:, -1])]
        errors.append(np.abs(windows[:, -1] - predict(model.graph, windows[:, :-1])))
        steps.append(np.abs(windows[:, -1] - windows[:, -2]))
    return float(np.median(np.concatenate(errors)) / np.median(np.concatenate(steps)))


def main(folder: Path) -> None:
    """Print one line per kind."""
    model, rng = read_model(folder), np.random.default_rng(99)
    for kind in dict.fromkeys(KINDS):
        made = [kind(rng, LENGTH) for _ in range(SERIES)]
        print(f"{kind.__name__} {skill(model, made):.2f}")
    print(f"recording {skill(model, healthy_stretches(RECORDING)):.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else POOLED)
