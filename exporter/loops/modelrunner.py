"""What is a look at a model's quality? New predictions find their truth, and are counted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from exporter.adapters.statefile import set_aside
from exporter.adapters.tallyfile import load_history, save_history
from exporter.config import milliseconds
from exporter.core.pieces import Stopped
from exporter.core.source import Source
from exporter.errors import ModelError, StateCorrupt, StateError
from exporter.loops.slices import Slices
from exporter.modelwatch.day import DAY, days_of
from exporter.modelwatch.degradation import ModelQuality, quality_of
from exporter.modelwatch.history import KEPT, History, taken_up
from exporter.modelwatch.pairs import Pairs, pairs_of
from exporter.planning import tally_fingerprint
from exporter.settings.modelwatch import WatchedModelConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelOutcome:
    """What one look did.

    Parameters
    ----------
    quality : what is known now; None if `is_behind`
    failure : what could not be counted, or kept; the rest was
    is_behind : there is more history up to now; to be called again at once
    """

    quality: ModelQuality | None = None
    failure: ModelError | None = None
    is_behind: bool = False


class ModelRunner:
    """The quality of one model; `run` is called from one thread at a time.

    Parameters
    ----------
    model : resolved, see `Config.all_watched_models`, with a prediction and a label
    source : where both come from
    path : where what was counted is kept, or None
    clock : seconds that never go back
    writes : whether it is kept there, and a damaged file moved away
    """

    def __init__(
        self,
        model: WatchedModelConfig,
        source: Source,
        path: Path | None,
        clock: Callable[[], float],
        *,
        writes: bool = True,
    ) -> None:
        self.model = model
        self.fingerprint = tally_fingerprint(model)
        self.stopping = Event()
        self.history: History | None = None
        self._step = milliseconds(model.step)
        self._delay = milliseconds(model.label_delay)
        self._path = path
        self._writes = writes
        self._is_loaded = path is None
        self._is_saved = True
        self._odd = 0
        self._series = [0, 0]
        self._slices = [
            Slices(f"{model.name}.{what}", expr or "", self._step, model.timeout, source, clock)
            for what, expr in (("prediction", model.prediction), ("label", model.label))
        ]

    def succeed(self, before: "ModelRunner") -> None:
        """Go on with what a stopped runner of the same model knows."""
        if before._is_loaded and before._path == self._path:
            self.history = before.history
            self._is_loaded = True
            self._is_saved = before._is_saved

    def run(self, now: float) -> ModelOutcome:
        """Count what is new up to `now` (unix seconds).

        If much is new, only the first of it; the outcome says that it `is_behind`.

        Raises
        ------
        QueryError
            Prediction or truth have no answer; the next call asks for the same columns again.
        ModelError
            A prediction has two truths at once; likewise.
        StateError
            There is a history that cannot be read, and must not be lost.
        Stopped
            `stopping` was set.
        """
        self._load()
        history = taken_up(self.history, self.model.version, self.fingerprint)
        step, tally = self._step, history.current
        late = milliseconds(self.model.offset) + self._delay
        end = (milliseconds(now) - late) // step * step
        if tally.until > end and tally.until > tally.since:
            tally = tally.back_to(end, step)
        start = max(tally.until, (end - KEPT * DAY) // step * step) + step
        if start <= end:
            last, pairs = self._ask(start, end)
            tally = tally.plus(last, list(days_of(pairs, self.model.decision)))
            self._odd += pairs.odd
        else:
            last = end
        is_changed = self.history is None or tally is not self.history.current
        self.history = history = history.with_current(tally)
        self._is_saved = self._is_saved and not is_changed
        if last < end:
            return ModelOutcome(is_behind=True)
        return ModelOutcome(quality_of(history, self.model.baseline_f1), self._failure())

    def _ask(self, start: int, end: int) -> tuple[int, Pairs]:
        """Return the pairs of the first columns from `start` on, and which is the last."""
        if self.stopping.is_set():
            raise Stopped("the look was told to end")
        delay = self._delay
        last, predictions = self._slices[0].fetch(start, end, self._series[0])
        until, labels = self._slices[1].fetch(start + delay, last + delay, self._series[1])
        self._series = [len(predictions.keys), len(labels.keys)]
        if until - delay < last:
            last = until - delay
            predictions = predictions.columns(0, len(labels.times))
        return last, pairs_of(predictions, labels, self.model.on)

    def _failure(self) -> ModelError | None:
        """Return what is wrong with what was counted, and keep it."""
        odd, self._odd = self._odd, 0
        if not self._is_saved and self._path is not None and self._writes and self.history:
            try:
                save_history(self._path, self.history)
            except StateError as error:
                return ModelError("tallies", str(error))
            self._is_saved = True
        if odd:
            return ModelError(
                "labels", f"the truth of {odd} predictions was neither 0 nor 1; they are left out"
            )
        return None

    def _load(self) -> None:
        if self._is_loaded or self._path is None:
            return
        if self._path.exists():
            try:
                self.history = load_history(self._path)
            except StateCorrupt as error:
                if not self._writes:
                    raise
                about = {"model": self.model.name, **set_aside(self._path, error)}
                log.error("what was counted is damaged, counting it again", extra=about)
        self._is_loaded = True
