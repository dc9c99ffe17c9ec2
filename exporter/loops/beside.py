"""What runs beside the evaluations: forecasts, drift, the life of models, verdicts."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace

from exporter.adapters.adjustmentfile import adjustments_path
from exporter.adapters.adjustmentmetrics import AdjustmentFacts, AdjustmentMetrics
from exporter.adapters.checkpoint import Outlooks
from exporter.adapters.maskmetrics import MaskFacts, MaskMetrics
from exporter.adapters.pagerows import Problem, QueryRow
from exporter.adapters.prometheus import PrometheusSource
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.conditions import Conditions
from exporter.config import Config, QueryConfig
from exporter.core.adjustments import NO_ADJUSTMENTS
from exporter.core.masks import NO_MASKS, Mask, Masks
from exporter.core.weights import NO_WEIGHTS
from exporter.loops.adjusting import AdjustmentLoop
from exporter.loops.drifting import Drifting
from exporter.loops.forecasting import Forecasting
from exporter.loops.maintenance import masks_of
from exporter.loops.maskreading import MaskLoop, question
from exporter.loops.refitting import Refitting
from exporter.loops.runner import QueryRunner
from exporter.loops.slowloop import SlowLoop
from exporter.loops.typewatch import TypeLoop
from promkit.clock import Clock


class Beside:
    """All slow work of a running exporter; none of it delays an evaluation.

    Parameters
    ----------
    clock : paces it
    pool : where evaluations run, and short requests of others
    metrics : where it is counted
    """

    def __init__(self, clock: Clock, pool: Executor, metrics: SelfMetrics) -> None:
        self._clock = clock
        self._pool = pool
        self._metrics = metrics
        self.forecasting = Forecasting(clock, metrics)
        self.refitting = Refitting(clock, metrics, self._retake)
        self.drifting = Drifting(clock, metrics, self.refitting.note_drift)
        self._types: TypeLoop | None = None
        self._adjusting: AdjustmentLoop | None = None
        self._masking: MaskLoop | None = None
        self._maintenance: Sequence[Mask] = ()
        self._known: tuple[Sequence[Mask], Masks] = ((), NO_MASKS)
        metrics.also(MaskMetrics(self._mask_facts))
        metrics.also(AdjustmentMetrics(self._adjustment_facts))

    def take(
        self,
        config: Config,
        queries: Mapping[str, QueryConfig],
        runners: Mapping[str, QueryRunner],
        source: PrometheusSource,
        outlooks: Outlooks,
    ) -> None:
        """Take resolved queries in the place of the old ones, whose work has been stopped.

        runners : of the queries that are scored
        outlooks : what is known from before the exporter was started
        """
        self.forecasting.take(queries, source, outlooks, config.calendars, self.at_present)
        self.drifting.take(queries, source, config, self.at_present)
        self._maintenance = masks_of(config.maintenance, self.forecasting.special)
        self._known = ([], NO_MASKS)  # of no loop
        self.refitting.take(queries, runners, source, config.state.path)
        self._adjusting = self._adjuster(config, runners, source)
        self._masking = self._mask_reader(config, source)
        self._types = TypeLoop(
            source,
            {name: queries[name].expr for name in runners},
            known={} if self._types is None else self._types.known,
            clock=self._clock,
            pool=self._pool,
            metrics=self._metrics.quality,
        )

    def start(
        self,
        compiling: asyncio.Task[None],
        tried: Mapping[str, asyncio.Event],
    ) -> None:
        """Begin, each query once it has been evaluated.

        compiling : what is compiled before
        tried : set once there has been an evaluation of the query
        """

        async def until_tried(name: str) -> None:
            if name in tried:
                await tried[name].wait()

        if self._adjusting is not None:
            self._adjusting.start(_at_once)
        if self._masking is not None:
            self._masking.start(_at_once)
        if self._types is not None:
            self._types.start(_all(tried))
        compiled = self.forecasting.start(compiling, until_tried)
        self.drifting.start(compiled, until_tried)
        self.refitting.start(until_tried)

    async def stop(self) -> None:
        """Return once nothing runs any more; what is under way ends early."""
        others = [one.stop() for one in self._others() if one is not None]
        await asyncio.gather(
            self.forecasting.stop(), self.drifting.stop(), self.refitting.stop(), *others
        )

    def at_present(self) -> Conditions:
        """Return what holds for the queries now; any thread may ask."""
        adjusting = self._adjusting
        adjustments, weights = NO_ADJUSTMENTS, NO_WEIGHTS
        if adjusting is not None:
            adjustments, weights = adjusting.adjustments, adjusting.weights
        read = () if self._masking is None else self._masking.masks
        if read is not self._known[0]:
            self._known = read, Masks((*self._maintenance, *read))
        return Conditions(adjustments, self._known[1], weights)

    async def until_masked(self) -> None:
        """Return once incidents and alerts have been read, if they can be."""
        if self._masking is not None:
            await self._masking.tried.wait()

    def _others(self) -> tuple[SlowLoop | None, ...]:
        return self._types, self._adjusting, self._masking

    def rows(self, scored: Collection[QueryRow]) -> list[QueryRow]:
        """Return what the page for people says of all queries, given what it says of some."""
        rows = list(scored)
        rows += self.forecasting.rows_without({row.query for row in rows})
        rows += self.drifting.rows_without({row.query for row in rows})
        facts = self._adjustment_facts()
        return [
            replace(
                self.refitting.row(row),
                forecast=self.forecasting.row(row.query),
                drift=self.drifting.row(row.query),
                moved=None if facts is None else facts.moved.get(row.query),
            )
            for row in rows
        ]

    def problems(self) -> list[Problem]:
        """Return what the page says that concerns no single query."""
        problem = None if self._adjusting is None else self._adjusting.problem
        return [] if problem is None else [problem]

    def verdicts_read(self) -> float | None:
        """Return when verdicts were last read: unix seconds, 0 for never; None if nobody asks."""
        facts = self._adjustment_facts()
        return None if facts is None else facts.last_read

    def _adjuster(
        self, config: Config, queries: Collection[str], source: PrometheusSource
    ) -> AdjustmentLoop | None:
        """Return the loop that reads adjustments, which goes on where the one before was."""
        if not config.adjustments.enabled:
            return None
        loop = AdjustmentLoop(
            config.adjustments,
            config.evaluation_interval,
            tuple(queries),
            source,
            adjustments_path(config.state.path),
            clock=self._clock,
            pool=self._pool,
        )
        if self._adjusting is None:
            loop.restore()
        else:
            loop.succeed(self._adjusting)
        return loop

    def _mask_reader(self, config: Config, source: PrometheusSource) -> MaskLoop | None:
        """Return the loop that reads incidents, silences and alerts, likewise."""
        if not question(config.masks) and config.masks.alerts is None:
            return None
        loop = MaskLoop(config.masks, source, clock=self._clock, pool=self._pool)
        if self._masking is not None:
            loop.succeed(self._masking)
        return loop

    def _mask_facts(self) -> MaskFacts | None:
        return None if self._masking is None else self._masking.facts()

    def _adjustment_facts(self) -> AdjustmentFacts | None:
        return None if self._adjusting is None else self._adjusting.facts()

    def _retake(self, query: str) -> None:
        self.drifting.retake(query)

    def dismiss(self) -> None:
        """End the threads."""
        for one in (self.forecasting, self.drifting, self.refitting):
            one.dismiss()


async def _at_once() -> None: ...


def _all(tried: Mapping[str, asyncio.Event]) -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        for event in tried.values():
            await event.wait()

    return wait
