"""The drift of all queries: their threads, their loops, and what stays at a reload.

Where queries are parts of models of the user's own, what these are worth goes along with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping

from exporter.adapters.baselinefile import baseline_path
from exporter.adapters.pagerows import QueryRow
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.conditions import AtPresent, none_at_present
from exporter.config import Config, QueryConfig
from exporter.core.published import Drifts
from exporter.core.source import Source
from exporter.loops.compiling import compile_drift_tests
from exporter.loops.driftloop import DriftLoop, Heed, nobody
from exporter.loops.driftrunner import DriftRunner
from exporter.loops.modelwatching import ModelWatching
from exporter.loops.showing import Showing
from promkit.clock import Clock

ASKERS = 2
"""Queries whose checks are under way at a time."""


class Drifting(Showing[DriftLoop]):
    """All drift loops of a running exporter.

    Parameters
    ----------
    clock : paces them
    metrics : where they are counted
    heed : told of a query and its series by severity after every check
    """

    compiled = "drift tests"
    waiting = "drift checks"

    def __init__(self, clock: Clock, metrics: SelfMetrics, heed: Heed = nobody) -> None:
        super().__init__("drift", ASKERS, clock)
        self._metrics = metrics.drift
        self._heed = heed
        self._models = ModelWatching(clock, metrics)

    def take(
        self,
        queries: Mapping[str, QueryConfig],
        source: Source,
        config: Config,
        at_present: AtPresent = none_at_present,
    ) -> None:
        """Take resolved queries in the place of the old ones, whose loops have been stopped.

        config : what they are of; it also says where baselines are kept, and which models there are
        at_present : what holds for the queries, besides how they are configured
        """
        self._models.take(config, source)
        parts = [part for model in config.watched_models for part in model.parts()]
        labels = {part.query: part.labels for part in parts}
        loops: dict[str, DriftLoop] = {}
        for name, query in queries.items():
            if query.drift is None:
                continue
            runner = DriftRunner(
                query,
                query.drift,
                source,
                baseline_path(config.state.path, name),
                self._crew.map,
                self._clock.monotonic,
                at_present,
            )
            loops[name] = DriftLoop(
                runner,
                clock=self._clock,
                pool=self._crew.askers,
                metrics=self._metrics,
                labels=labels.get(name, {}),
                heed=self._heed,
            )
            if before := self._loops.get(name):
                loops[name].succeed(before)
        for name in self._loops.keys() - loops.keys():
            self._metrics.forget(name)
        self._loops = loops

    def start(
        self, before: asyncio.Task[None], ready: Callable[[str], Awaitable[object]]
    ) -> asyncio.Task[None]:
        """Begin, as all slow work does."""
        self._models.start(before, ready)
        return super().start(before, ready)

    async def stop(self) -> None:
        """Return once no cycle runs any more; they end early."""
        await asyncio.gather(super().stop(), self._models.stop())

    def rows_without(self, others: Container[str]) -> list[QueryRow]:
        """Return what the page says of queries that are not scored, and of models."""
        return [*super().rows_without(others), *self._models.rows()]

    def dismiss(self) -> None:
        """End the threads."""
        super().dismiss()
        self._models.dismiss()

    def _compile(self, is_stopped: Callable[[], bool]) -> None:
        compile_drift_tests([loop.runner.plan for loop in self._loops.values()], is_stopped)

    def retake(self, query: str) -> None:
        """Have a query's baseline taken anew, at once.

        Raises
        ------
        LookupError
            There is no such query with `drift`; says which there are.
        """
        loop = self._loops.get(query)
        if loop is None:
            names = ", ".join(self._loops) or "none, since no query has `drift`"
            raise LookupError(f"found query {query!r}; allowed: {names}")
        loop.retake()

    def drifts(self) -> list[Drifts]:
        """Return what is published at this instant; any thread may ask."""
        found = (loop.shown for loop in self._loops.values())
        return [drifts for drifts in found if drifts is not None]
