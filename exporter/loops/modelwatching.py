"""The quality of all models of the user's own: their threads, their loops, and their gauges."""

from collections.abc import Callable
from pathlib import Path

from exporter.adapters.modelmetrics import ModelGauges
from exporter.adapters.pagerows import QueryRow
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.tallyfile import tally_path
from exporter.config import Config
from exporter.core.source import Source
from exporter.loops.modelloop import ModelLoop
from exporter.loops.modelrunner import ModelRunner
from exporter.loops.showing import Showing
from exporter.modelwatch.degradation import ModelQuality
from promkit.clock import Clock

ASKERS = 1
"""Models that are looked at at a time: each look is short, and few are due at once."""


class ModelWatching(Showing[ModelLoop]):
    """All loops that look at the quality of models.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted, and their gauges shown
    """

    compiled = "model checks"
    waiting = "model checks"

    def __init__(self, clock: Clock, metrics: SelfMetrics) -> None:
        super().__init__("models", ASKERS, clock)
        self._metrics = metrics.models
        metrics.also(ModelGauges(self.qualities))

    def take(self, config: Config, source: Source) -> None:
        """Take the models with a label in the place of the old ones, whose loops are stopped."""
        loops: dict[str, ModelLoop] = {}
        state: Path | None = config.state.path
        for model in config.all_watched_models():
            if model.label is None:
                continue
            runner = ModelRunner(
                model, source, tally_path(state, model.name), self._clock.monotonic
            )
            loops[model.name] = ModelLoop(
                runner, clock=self._clock, pool=self._crew.askers, metrics=self._metrics
            )
            if before := self._loops.get(model.name):
                loops[model.name].succeed(before)
        for name in self._loops.keys() - loops.keys():
            self._metrics.forget(name)
        self._loops = loops

    def _compile(self, is_stopped: Callable[[], bool]) -> None:
        """Do nothing: there are no kernels."""

    def qualities(self) -> dict[str, ModelQuality]:
        """Return what is known of each model at this instant; any thread may ask."""
        found = ((name, loop.shown) for name, loop in self._loops.items())
        return {name: quality for name, quality in found if quality is not None}

    def rows(self) -> list[QueryRow]:
        """Return what the page for people says of them."""
        return [
            QueryRow(
                query=f"quality of {name} {loop.runner.model.version}",
                state=loop.state,
                evaluated=loop.last_success,
                problems=() if loop.problem is None else (loop.problem,),
            )
            for name, loop in self._loops.items()
        ]
