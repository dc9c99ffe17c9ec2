"""Train the pooled model that ships: `python -m benchmarks.training [FOLDER]`.

It learns from generated series and from the recording of quickstart/ while nothing was wrong.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import yaml

from benchmarks.training.generator import generated
from benchmarks.training.recording import RECORDING, healthy_stretches
from exporter.detectors.onnxmodel import POOLED
from exporter.training import History, Settings, save, train

SETTINGS = Settings(epochs=40, windows=60_000, seed=1)


def main(folder: Path) -> None:
    """Generate, train, save, and say what it cost."""
    made = generated(np.random.default_rng(SETTINGS.seed), each=60, length=1500)
    known = yaml.safe_load((RECORDING / "incidents.yml").read_text(encoding="utf-8"))
    history = History(
        source="benchmarks/training: generated series, and the recording of quickstart/",
        series=[*made, *healthy_stretches(RECORDING)],
        start=known["start"],
        end=known["end"],
    )
    began, spent = time.monotonic(), time.process_time()
    model = train(history, SETTINGS, datetime.now(UTC), lambda step: print(*step, file=sys.stderr))
    print(f"{time.monotonic() - began:.1f} s, {time.process_time() - spent:.1f} s of CPU")
    save(folder, model)
    print(model.metadata.model_dump_json(indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else POOLED)
