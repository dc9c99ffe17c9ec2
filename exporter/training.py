"""How does history become a model: what is enough, what is held back, what is written down?"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

import exporter
from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats, Ints
from exporter.core.windows import Floats32, sliding_windows
from exporter.detectors.errorjudge import LEAST_SHARE
from exporter.detectors.errortail import ErrorTail
from exporter.detectors.onnxmodel import (
    GRAPH_FILE,
    METADATA_FILE,
    Metadata,
    TrainedModel,
    predict,
)
from exporter.errors import TrainingError
from promkit.atomicfile import write_atomically
from promkit.durations import format_duration

if TYPE_CHECKING:
    from exporter.lstm import Progress

MIN_DURATION: Final = 7 * 86_400.0
MIN_SAMPLES: Final = 10_000

HELD_BACK: Final = 0.2
"""Share of each series, its end, that the model does not learn from."""

MOST_HELD_BACK: Final = 100_000
"""Windows that the errors are measured on at most."""

TAIL: Final = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4, 1e-4)
"""Probabilities whose errors are written down, as far as the windows held back can tell them."""

EXCEEDANCES: Final = 10
"""Errors that lie above a quantile which is to be believed."""


@dataclass(frozen=True, eq=False)
class History:
    """What to learn from.

    Parameters
    ----------
    source : where it came from, for the metadata
    series : one float64 [T] each; NaN is "no sample"
    start, end : unix seconds of the first and the last sample
    """

    source: str
    series: Sequence[Floats]
    start: float
    end: float

    @property
    def samples(self) -> int:
        """How many there are in all series together."""
        return sum(int(np.isfinite(values).sum()) for values in self.series)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.

    Parameters
    ----------
    window : samples that the model reconstructs
    hidden : size of the LSTM's state
    epochs : passes over the training windows
    windows : training windows at most, drawn evenly from all of them
    seed : of all that is random
    """

    window: int = 32
    hidden: int = 16
    epochs: int = 8
    windows: int = 12_000
    seed: int = 0


def check_history(history: History, min_duration: float, min_samples: int) -> None:
    """Refuse a history that is too short.

    min_duration : seconds from the first to the last sample

    Raises
    ------
    TrainingError
        Says what was found, what is needed and how to go on without.
    """
    if history.samples < min_samples:
        raise TrainingError(
            f"{history.source}: found {history.samples} samples, {min_samples} are needed for a "
            "model that knows what is normal; take a longer range or more series, or lower "
            "--min-samples"
        )
    found = history.end - history.start
    if found < min_duration:
        raise TrainingError(
            f"{history.source}: found {format_duration(round(found))} from the first sample to the "
            f"last, {format_duration(min_duration)} are needed to have seen a whole week; take a "
            "longer range, or lower --min-duration"
        )


def check_installed() -> None:
    """Refuse to begin without what training needs.

    Raises
    ------
    TrainingError
        Names what is missing, and how to get it.
    """
    for module in ("torch", "onnx"):
        if find_spec(module) is None:
            raise TrainingError(
                f"training needs PyTorch and onnx, found no {module}; install them with: "
                "pip install 'anomaly-exporter[train]'"
            )


def train(
    history: History,
    settings: Settings,
    now: datetime,
    progress: "Callable[[Progress], None]" = lambda _: None,
) -> TrainedModel:
    """Train a model; the same history, settings and versions give the same one but for `now`.

    Raises
    ------
    TrainingError
        The extra is not installed, or too little of the history moves.
    """
    check_installed()
    import torch

    from exporter.lstm import fit

    rng = np.random.default_rng(settings.seed)
    learned, held_back = split(history.series, settings, rng)
    graph, loss = fit(
        learned.samples,
        hidden=settings.hidden,
        epochs=settings.epochs,
        seed=settings.seed,
        progress=progress,
    )
    errors = errors_of(graph, held_back)
    chances = [chance for chance in TAIL if chance * len(errors) >= EXCEEDANCES]
    quantiles = np.maximum(np.quantile(errors, 1 - np.array(chances)), 1e-6).tolist()
    metadata = Metadata(
        sha256=hashlib.sha256(graph).hexdigest(),
        exporter_version=exporter.__version__,
        torch_version=str(torch.__version__),
        trained_at=now,
        source=history.source,
        data_start=datetime.fromtimestamp(history.start, UTC),
        data_end=datetime.fromtimestamp(history.end, UTC),
        series=len(history.series),
        samples=history.samples,
        window=settings.window,
        hidden=settings.hidden,
        epochs=settings.epochs,
        training_windows=len(learned.scale),
        held_back_windows=len(held_back.scale),
        seed=settings.seed,
        loss=_shown(loss),
        error_probabilities=tuple(chances),
        error_quantiles=tuple(_shown(size) for size in quantiles),
        threshold=_shown(ErrorTail(chances, quantiles).error_at(ANOMALOUS)),
    )
    return TrainedModel.of(metadata, graph)


def _shown(number: float) -> float:
    return float(f"{number:.5g}")


def save(folder: Path, model: TrainedModel) -> None:
    """Write a model's two files, each atomically, the folder being made if need be.

    Should the program be killed between them, then the SHA-256 in the metadata does not fit the
    graph, and the exporter refuses the folder.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = model.metadata.model_dump_json(indent=2) + "\n"
    for name, data in ((GRAPH_FILE, model.graph), (METADATA_FILE, text.encode())):
        write_atomically(folder / name, data)
        (folder / name).chmod(0o644)  # it holds no secret, and another user may serve it


class Windows(NamedTuple):
    """Windows out of many series.

    Parameters
    ----------
    samples : float32 [N, W], each on its own scale
    scale : float64 [N], robust standard deviations of all samples but the newest
    series : int64 [N], which one it is from
    """

    samples: Floats32
    scale: Floats
    series: Ints


def errors_of(graph: bytes, windows: Windows) -> Floats:
    """Return what the detector would measure the errors as, float64 [N].

    That is in root mean squares of the series' errors, or in a tenth of the window's robust
    deviation where that is larger.
    """
    seen, newest = windows.samples[:, :-1], windows.samples[:, -1]
    missed = np.abs(newest - predict(graph, seen)).astype(np.float64) * windows.scale
    counts = np.bincount(windows.series)
    squares = np.bincount(windows.series, np.square(missed))
    typical = np.sqrt(squares / np.maximum(counts, 1))[windows.series]
    errors: Floats = missed / np.maximum(typical, LEAST_SHARE * windows.scale)
    return errors


def split(
    series: Sequence[Floats], settings: Settings, rng: np.random.Generator
) -> tuple[Windows, Windows]:
    """Return windows to learn from, and later ones to measure errors on.

    Raises
    ------
    TrainingError
        There are too few windows in which anything moves.
    """
    whole = [values[np.isfinite(values)] for values in series]
    ends = [round(len(values) * (1 - HELD_BACK)) for values in whole]
    early = [values[:end] for values, end in zip(whole, ends, strict=True)]
    late = [values[end:] for values, end in zip(whole, ends, strict=True)]
    learned = _draw(early, settings.window, settings.windows, rng)
    held_back = _draw(late, settings.window, MOST_HELD_BACK, rng)
    fewest = int(EXCEEDANCES / TAIL[1])
    if min(len(learned.scale), len(held_back.scale)) < fewest:
        raise TrainingError(
            f"found {len(learned.scale)} windows of {settings.window} samples to learn from and "
            f"{len(held_back.scale)} to hold back in which anything moves, {fewest} of each are "
            "needed; take a longer range, or series that are not constant"
        )
    return learned, held_back


def _draw(series: Sequence[Floats], window: int, most: int, rng: np.random.Generator) -> Windows:
    """Return up to `most` windows, evenly drawn without repetition."""
    counts = np.array([max(0, len(values) - window + 1) for values in series], dtype=np.int64)
    total = int(counts.sum())
    chosen = np.sort(rng.choice(total, min(most, total), replace=False))
    bounds = np.concatenate([[0], np.cumsum(counts)])
    samples = np.empty((len(chosen), window), dtype=np.float32)
    scale = np.empty(len(chosen))
    cuts = np.searchsorted(chosen, bounds)
    for row, values in enumerate(series):
        own = slice(cuts[row], cuts[row + 1])
        starts: Ints = chosen[own] - bounds[row]
        sliding_windows(np.ascontiguousarray(values), starts, samples[own], scale[own])
    moves = np.isfinite(samples[:, -1])
    number: Ints = np.repeat(np.arange(len(series)), np.diff(cuts))
    return Windows(samples[moves], scale[moves], number[moves])
