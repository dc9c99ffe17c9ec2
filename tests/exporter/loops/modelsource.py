"""A Prometheus in memory that knows predictions and what came true of them."""

from dataclasses import dataclass, field

import numpy as np

from exporter.config import parse_config
from exporter.core.grid import grid
from exporter.core.series import Floats, SeriesBatch
from exporter.errors import SourceUnavailable
from exporter.settings.modelwatch import WatchedModelConfig

HOUR = 3_600_000
DAY = 24 * HOUR
ORIGIN = 20_000 * DAY
"""The instant of column 0; columns are an hour apart."""


@dataclass
class ModelSource:
    """Answers `score` and `truth`.

    Parameters
    ----------
    scores, truths : float64 [S, T]
    delay : columns by which the truth comes later
    """

    scores: Floats
    truths: Floats
    delay: int = 0
    label: str = '{"__name__":"truth","row":"%d"}'
    asked: list[tuple[str, int, int]] = field(default_factory=list)
    is_down: bool = False

    def fetch(self, expr: str, start: int, end: int, step: int, timeout: float) -> SeriesBatch:
        """Answer with what there is of it."""
        self.asked.append((expr, start, end))
        if self.is_down:
            raise SourceUnavailable("unavailable", "down")
        values, late, form = self.scores, 0, '{"__name__":"score","row":"%d"}'
        if expr == "truth":
            values, late, form = self.truths, self.delay, self.label
        times = grid(start, end, step)
        columns = (times - ORIGIN) // HOUR - late
        is_there = (columns >= 0) & (columns < values.shape[1])
        known = np.full((len(values), len(times)), np.nan)
        known[:, is_there] = values[:, columns[is_there]]
        keys = tuple((form % row).encode() for row in range(len(values)))
        rows = np.flatnonzero(~np.isnan(known).all(1))
        return SeriesBatch(keys, times, known, step).rows(rows)


def predicted(days: int, series: int, wrong: float, seed: int = 1) -> tuple[Floats, Floats]:
    """Return scores and truths, float64 [series, 24 days], a share of them wrong."""
    rng = np.random.default_rng(seed)
    shape = (series, 24 * days)
    truths = (rng.random(shape) < 0.4).astype(np.float64)
    is_wrong = rng.random(shape) < wrong
    scores = 0.25 * rng.random(shape) + np.where((truths == 1) ^ is_wrong, 0.6, 0.2)
    return scores, truths


def model_of(more: str = "", version: str = "1", expr: str = "score") -> WatchedModelConfig:
    """Return a resolved model with predictions every hour."""
    text = (
        f'watched_models: [{{name: m, version: "{version}", prediction: {expr}, label: truth, '
        f"step: 1h, offset: 0{more}}}]"
    )
    (model,) = parse_config(text, "c.yml").all_watched_models()
    return model
