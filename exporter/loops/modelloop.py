"""When is a model's quality looked at, and what does it show after a failure?"""

from concurrent.futures import Executor

from exporter.adapters.modelmetrics import ModelMetrics
from exporter.adapters.nextsteps import Fault
from exporter.errors import ModelError, StateError
from exporter.loops.modelrunner import ModelRunner
from exporter.loops.showloop import ShowLoop
from exporter.modelwatch.degradation import ModelQuality
from promkit.clock import Clock


class ModelLoop(ShowLoop[ModelQuality]):
    """Looks at the quality of one model now and then.

    Parameters
    ----------
    runner : the model
    clock : paces it
    pool : where it runs
    metrics : where it is counted
    """

    one = "model check"

    def __init__(
        self, runner: ModelRunner, *, clock: Clock, pool: Executor, metrics: ModelMetrics
    ) -> None:
        interval = runner.model.interval
        super().__init__(
            runner.model.name,
            interval,
            f"{runner.model.version} {runner.fingerprint}",
            runner.stopping,
            metrics.cycles,
            clock=clock,
            pool=pool,
        )
        self.runner = runner
        self._metrics = metrics
        metrics.remember(self.name, interval)

    def succeed(self, before: "ModelLoop") -> None:
        """Go on where a stopped loop of the same model was."""
        self.runner.succeed(before.runner)
        self._go_on(before)
        if before.runner.model != self.runner.model:
            self.hurry()

    async def _look(self) -> ModelQuality:
        while True:
            outcome = await self._work(self.runner.run, self._clock.now())
            if outcome.quality is not None:
                break
        reason = outcome.failure.reason if outcome.failure else "internal"
        self._note(outcome.failure, reason, "a model's quality is not all known, or not kept")
        self._metrics.model_quality_checks_total.labels(self.name).inc()
        return outcome.quality

    def _count_none(self) -> None:
        """Leave it: what is not shown has no gauges."""

    def _reason(self, error: Exception) -> tuple[Fault, str]:
        if isinstance(error, ModelError):
            return error.reason, str(error)
        if isinstance(error, StateError):
            return "tallies", str(error)
        return super()._reason(error)
