"""When is a query evaluated, and what does it show after a failure?"""

import asyncio
import logging
import math
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from contextvars import copy_context

from exporter.adapters.anomalies import Anomalies
from exporter.adapters.pagerows import Cost, Problem, QueryRow
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import Published
from exporter.errors import DetectorError, QueryError, QueryFailure
from exporter.explain import anomalous_rows, explain
from exporter.loops.runner import Outcome, QueryRunner
from promkit.clock import Clock
from promkit.log import trace_id
from promkit.traces import new_trace_id

log = logging.getLogger(__name__)


class QueryLoop:
    """Evaluates one query now and then at every multiple of the interval plus its offset.

    Each evaluation is a trace, whichever thread works on it.

    Parameters
    ----------
    runner : the query
    interval : seconds between evaluations
    clock : paces them
    pool : where they run
    metrics : where they are counted

    Attributes
    ----------
    published : its gauges; None when there are none, or none that could pass for current
    warming, dropped : series that no detector can judge yet; series beyond the limit
    last_success : unix seconds of the last evaluation that succeeded, or None
    last_error : what the last evaluation failed with, None when it did not
    cost : what the last evaluation with anything new took, or None
    tried : set once there has been an evaluation, good or bad
    """

    def __init__(
        self,
        runner: QueryRunner,
        interval: float,
        *,
        clock: Clock,
        pool: Executor,
        metrics: SelfMetrics,
    ) -> None:
        self.runner = runner
        self.published: Published | None = None
        self.warming = 0
        self.dropped = 0
        self.last_success: float | None = None
        self.last_error: str | None = None
        self.cost: Cost | None = None
        self.tried = asyncio.Event()
        self._failing: dict[str, DetectorError] = {}
        self._reason: QueryFailure = "internal"
        self._size: int | None = None
        self._interval = interval
        self._clock = clock
        self._pool = pool
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None
        self._job: Future[Outcome] | None = None
        self._running: asyncio.Future[Outcome] | None = None
        metrics.remember(self.name, interval)

    @property
    def name(self) -> str:
        """The query's name."""
        return self.runner.query.name

    @property
    def state(self) -> str:
        """What the page for people says of it."""
        if self.last_error is not None:
            return "failing"
        if self.last_success is None:
            return "first evaluation"
        return "warming up" if self.warming else "ok"

    def row(self) -> QueryRow:
        """Return what the page for people says of it."""
        published, plan = self.published, self.runner.weighed
        is_warming = published is not None and self.warming > 0
        return QueryRow(
            query=self.name,
            state=self.state,
            series=0 if published is None else len(published.keys),
            warming=self.warming if is_warming else 0,
            ready_in=self.runner.ready_in(published) if published and is_warming else None,
            evaluated=self.last_success,
            interval=self._interval,
            cost=self.cost,
            size=self._size,
            weights=dict(zip((one.name for one in plan.detectors), plan.weights, strict=True)),
            ratios=plan.ratios,
            problems=self._problems(),
        )

    def anomalies(self, limit: int) -> Anomalies:
        """Return the worst of what is anomalous on the page; any thread may ask."""
        if self.published is None:
            return Anomalies(0, ())
        plan, state = self.runner.weighed, self.runner.state
        rows = anomalous_rows(plan, state)
        return Anomalies(len(rows), explain(plan, state, rows[:limit]))

    def succeed(self, before: "QueryLoop") -> None:
        """Show what a stopped loop of the same query did until there is something newer."""
        self.runner.succeed(before.runner)
        self.published = before.published
        self.warming = before.warming
        self.dropped = before.dropped
        self.last_success = before.last_success
        self.last_error, self._reason = before.last_error, before._reason
        self.cost, self._size = before.cost, before._size
        if before.tried.is_set():
            self.tried.set()

    def start(self, ready: asyncio.Future[None] | None = None) -> None:
        """Begin on the running event loop, once `ready` is done."""
        self._task = asyncio.create_task(self._run(ready), name=f"query {self.name}")

    async def stop(self) -> None:
        """Return once nothing of this query runs any more; its state stays whole."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._job is not None and self._running is not None and not self._job.cancel():
            await asyncio.wait([self._running])  # it had begun already
            self._running.exception()  # nobody else is there any more to look at it

    async def _run(self, ready: asyncio.Future[None] | None) -> None:
        if ready is not None:
            await asyncio.shield(ready)
        while True:
            began = self._clock.now()
            trace_id.set(new_trace_id())
            try:
                await self._evaluate()
            except QueryError as error:
                self._withdraw(error.reason, str(error))
            except Exception as error:  # one query must never stop the others
                message = f"{type(error).__name__}: {error}"
                if self.last_error != message:
                    log.exception("evaluation failed", extra={"query": self.name})
                self._withdraw("internal", message)
            self.tried.set()
            phase = self.runner.query.offset % self._interval
            passed = self._clock.now() - phase
            due = (math.floor(passed / self._interval) + 1) * self._interval
            missed = math.floor(passed / self._interval) - math.floor(
                (began - phase) / self._interval
            )
            # A clock that was set back in between missed nothing, and a counter never falls.
            self._metrics.evaluations_missed_total.labels(self.name).inc(max(0, missed))
            await self._clock.sleep(due - passed)

    async def _evaluate(self) -> None:
        began = self._clock.monotonic()
        self._metrics.queries_total.labels(self.name).inc()
        failures: dict[str, DetectorError] = {}
        asking, judging, columns = 0.0, 0.0, 0
        while True:
            self._job = self._pool.submit(copy_context().run, self.runner.run, self._clock.now())
            self._running = asyncio.wrap_future(self._job)
            # Shielded: a reload must not abandon a thread that still writes to the runner's state.
            outcome = await asyncio.shield(self._running)
            failures.update((failure.kind, failure) for failure in outcome.failures)
            asking, judging = asking + outcome.asking, judging + outcome.judging
            columns += outcome.columns
            if not outcome.is_behind:
                break
        self._take(outcome, list(failures.values()))
        if columns:
            self.cost = Cost(asking, judging, columns)
        self.last_success = self._clock.now()
        if self.last_error is not None:
            log.info("query answers again", extra={"query": self.name})
        self.last_error = None
        self._metrics.last_evaluation_timestamp_seconds.labels(self.name).set(self.last_success)
        self._metrics.evaluation_duration_seconds.labels(self.name).observe(
            self._clock.monotonic() - began
        )

    def _take(self, outcome: Outcome, failures: Sequence[DetectorError]) -> None:
        """Show what an evaluation found, and count what failed in it."""
        for failure in failures:
            if failure.kind not in self._failing:
                about = {"query": self.name, "error": failure}
                log.warning("detector failed", extra=about, exc_info=failure)
            self._metrics.detector_failures_total.labels(failure.kind, failure.reason).inc()
        self._failing = {failure.kind: failure for failure in failures}
        self._size = outcome.size
        if outcome.dropped and not self.dropped:
            limit = self.runner.query.max_series
            log.error(
                "more series than max_series, the rest is not scored; narrow the expression or "
                "raise the limit",
                extra={"query": self.name, "max_series": limit, "dropped": outcome.dropped},
            )
        self.published = outcome.published
        self.warming = outcome.warming
        self.dropped = outcome.dropped
        metrics = self._metrics
        metrics.series.labels(self.name).set(len(outcome.published.keys))
        metrics.series_warming.labels(self.name).set(outcome.warming)
        metrics.warm_ratio.labels(self.name).set(outcome.warmth)
        metrics.series_dropped.labels(self.name).set(outcome.dropped)
        metrics.series_masked.labels(self.name).set(outcome.masked)
        metrics.quality.show(self.name, outcome.quality, outcome.histograms)

    def _withdraw(self, reason: QueryFailure, message: str) -> None:
        """Take a failed query's scores off the page: old ones must not pass for current."""
        self.published = None
        self._metrics.query_failures_total.labels(self.name, reason).inc()
        self._metrics.series.labels(self.name).set(0)
        if self.last_error != message:
            log.error(
                "query failed", extra={"query": self.name, "reason": reason, "error": message}
            )
        self.last_error, self._reason = message, reason

    def _problems(self) -> list[Problem]:
        """Return what does not go as it should, each with what to do about it."""
        found = []
        if self.last_error is not None:
            expr = self.runner.query.expr
            found.append(Problem("evaluation", self.last_error, self._reason, expr))
        if self.dropped:
            limit = self.runner.query.max_series
            message = f"{self.dropped} series beyond max_series, {limit}, are not scored"
            found.append(Problem("series", message, "max_series"))
        for kind, failure in self._failing.items():
            found.append(Problem(f"detector {kind}", str(failure), failure.reason))
        return found
