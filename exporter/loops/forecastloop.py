"""When is a query forecast, and what does it show after a failure?"""

import logging
from concurrent.futures import Executor

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import Outlook
from exporter.loops.forecastrunner import ForecastOutcome, ForecastRunner
from exporter.loops.showloop import ShowLoop
from promkit.clock import Clock

log = logging.getLogger(__name__)


class ForecastLoop(ShowLoop[Outlook]):
    """Forecasts one query now and then.

    Parameters
    ----------
    runner : the query
    clock : paces it
    pool : where it runs
    metrics : where it is counted
    """

    one = "forecast"

    def __init__(
        self, runner: ForecastRunner, *, clock: Clock, pool: Executor, metrics: SelfMetrics
    ) -> None:
        interval = runner.forecast.interval or 0.0
        super().__init__(
            runner.query.name,
            interval,
            runner.fingerprint,
            runner.stopping,
            metrics.forecasts.cycles,
            clock=clock,
            pool=pool,
        )
        self.runner = runner
        self._dropped = 0
        self._is_unlimited = False
        self._metrics = metrics.forecasts
        plan = runner.plan
        capacity = None if plan.capacity is None else plan.capacity.coverage
        self._metrics.remember(self.name, interval, plan.coverage, capacity)

    @property
    def outlook(self) -> Outlook | None:
        """Its forecasts, see `shown`."""
        return self.shown

    def succeed(self, before: "ForecastLoop") -> None:
        """Go on where a stopped loop of the same query was."""
        self.runner.succeed(before.runner)
        self._dropped, self._is_unlimited = before._dropped, before._is_unlimited
        self._go_on(before)
        if before.runner.query != self.runner.query:
            self.hurry()

    async def _look(self) -> Outlook:
        while True:
            outcome = await self._work(self.runner.run, self._clock.now())
            if outcome.outlook is not None:
                break
        self._take(outcome)
        return outcome.outlook

    def _take(self, outcome: ForecastOutcome) -> None:
        """Count what a cycle found."""
        self._note(outcome.failure, "crashed", "forecaster failed, seasonal naive stands in")
        metrics = self._metrics
        for what, count in outcome.breaches.counts.items():
            metrics.forecast_breaches_total.labels(self.name, what).inc(count)
        for seconds in outcome.breaches.lead_seconds.tolist():
            metrics.forecast_breach_lead_seconds.labels(self.name).observe(seconds)
        metrics.forecast_replacements_total.labels(self.name).inc(outcome.replacements)
        metrics.forecasts_total.labels(self.name).inc()
        series = 0 if outcome.outlook is None else len(outcome.outlook.keys)
        self._warn(series, outcome.dropped, outcome.without_limit)
        metrics.forecast_series_dropped.labels(self.name).set(outcome.dropped)
        metrics.forecast_series_without_limit.labels(self.name).set(outcome.without_limit)
        metrics.forecast_series.labels(self.name).set(series)
        metrics.forecast_series_replaced.labels(self.name).set(outcome.replaced)

    def _warn(self, series: int, dropped: int, without_limit: int) -> None:
        """Log, once each, what would otherwise be silence."""
        about = {"query": self.name, "series": series}
        if dropped and not self._dropped:
            about["dropped"] = dropped
            log.error("more series than max_series, the rest is not forecast", extra=about)
        is_unlimited = 0 < series == without_limit
        if is_unlimited and not self._is_unlimited:
            log.warning(
                "the limit has no answer for any series, so no breach can be told; compare its "
                "labels with those of the query",
                extra=about,
            )
        self._dropped, self._is_unlimited = dropped, is_unlimited

    def _count_none(self) -> None:
        metrics = self._metrics
        for gauge in (
            metrics.forecast_series,
            metrics.forecast_series_replaced,
            metrics.forecast_series_dropped,
            metrics.forecast_series_without_limit,
        ):
            gauge.labels(self.name).set(0)
