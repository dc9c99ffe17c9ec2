"""LSTM autoencoder: distance from what a trained network reconstructs without having seen it."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import numpy as np
from annotated_types import Gt

from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, DECADES, LEARNABLE, Scores, blank_scores
from exporter.core.series import SeriesBatch
from exporter.core.tail import HUGE
from exporter.core.windows import speculate
from exporter.detectors.base import Detector
from exporter.detectors.errorjudge import Ruler, judge_columns
from exporter.detectors.onnxmodel import ModelFolder, TrainedModel, pooled_model, predict
from promkit.durations import Duration

ERROR_MEMORY: Final = 250
"""Samples over which a series' own errors are averaged."""

WINDOWS: Final = 65_536
"""Windows made at a time: 8 MB."""

FIRST_STRETCH: Final = 16
"""Columns taken at once at the start."""

OFTEN: Final = 0.001
"""Probability of the errors by which a series' own tail is followed: rare enough to be tail, often
enough to be met in days."""


@dataclass(frozen=True, kw_only=True)
class LstmAutoencoder(Detector):
    """Flag samples far from what an LSTM autoencoder makes of the samples before them.

    Parameters
    ----------
    model : folder of a model that `anomaly-exporter train` wrote, relative to the configuration
        file; default: the pooled model that ships, for series of any kind
    accept_after : seconds after which a level that stayed odd becomes the new normal

    Notes
    -----
    The model sees a window without its newest sample, on the window's own scale (median and MAD),
    and reconstructs that sample. The error, in root mean squares of the series' own recent ones,
    has to be rare twice: among the errors of the training, and among the series' own, by whose tail
    the measure is widened where the series is wilder than what the model was trained on. A score of
    0.6 then stands for one sample in 16,000.

    Warm-up is the model's window less one (31 samples by default). NaN is skipped and not learned.
    A sample that is found odd does not enter the window, and only a short run of them teaches the
    tail, so an incident is not learned; after `accept_after` the series starts anew. A series that
    has never moved cannot be judged when it first does: NaN. Seasons longer than the window are not
    seen, and a slow shift is followed rather than flagged.

    References
    ----------
    Malhotra et al. (2016), LSTM-based Encoder-Decoder for Multi-sensor Anomaly Detection,
    arXiv:1607.00148: reconstruction backwards from the encoder's last state. Srivastava et al.
    (2015), arXiv:1502.04681: the decoder also predicts a sample that the encoder was not given;
    with it the band cannot depend on the sample that it judges.
    """

    kind: Literal["lstm_autoencoder"] = "lstm_autoencoder"
    model: ModelFolder = field(default_factory=pooled_model)
    accept_after: Annotated[Duration, Gt(0)] = 1800.0

    @property
    def memory(self) -> int:
        """The window, and the errors that the scale is taken from."""
        return self.model.past + ERROR_MEMORY

    def fresh(self, series: int) -> State:
        """Return empty windows."""
        return {
            "window": np.zeros((series, self.model.past)),
            "count": np.zeros(series, dtype=np.int64),
            "errors": np.zeros(series, dtype=np.int64),
            "square": np.zeros(series),
            "stretch": np.zeros(series),
            "held": np.zeros(series, dtype=np.int64),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        """Judge some columns ahead at once, series by series up to the next odd sample.

        The windows ahead are known as long as no sample is odd, since only those enter changed.
        So each round takes of every series as many columns as went well before, twice over, runs
        the model on all their windows in one batch, and keeps what was known rightly.
        """
        is_huge = np.abs(batch.values) > HUGE
        values = np.where(is_huge, np.copysign(np.inf, batch.values), batch.values)
        series, columns = values.shape
        scores = blank_scores(series, columns)
        ruler = _ruler(self.model, self.accept_after, batch.step)
        widest = max(1, WINDOWS // max(1, series))
        position = np.zeros(series, dtype=np.int64)
        ahead = np.full(series, FIRST_STRETCH, dtype=np.int64)
        while True:
            np.minimum(np.minimum(ahead, widest), columns - position, out=ahead)
            first = np.cumsum(ahead) - ahead
            jobs = int(ahead.sum())
            if not jobs:
                return state, scores
            past = np.zeros((jobs, self.model.past), dtype=np.float32)
            center, scale = np.full(jobs, np.nan), np.full(jobs, np.nan)
            speculate(
                state["window"], state["count"], values, position, ahead, first,
                past, center, scale,
            )  # fmt: skip
            newest = predict(self.model.graph, past)
            judge_columns(
                state["window"], state["count"], state["errors"], state["square"],
                state["stretch"], state["held"], values, position, ahead, first,
                center, scale, newest, ruler,
                scores.score, scores.expected, scores.lower, scores.upper, scores.sigmas,
            )  # fmt: skip


def _ruler(model: TrainedModel, accept_after: float, step: int) -> Ruler:
    tail = model.metadata.error_tail()
    return Ruler(
        scores=tail.scores,
        end=tail.end,
        odd=tail.error_at(LEARNABLE),
        edge=tail.error_at(ANOMALOUS),
        often=tail.error_at(-math.log10(OFTEN) / DECADES),
        patience=math.ceil(accept_after * 1000 / step),
        memory=ERROR_MEMORY,
    )
