"""When is a query forecast, and what does it show after a failure?"""

from concurrent.futures import Executor

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import Outlook
from exporter.forecastrunner import ForecastOutcome, ForecastRunner
from exporter.showloop import ShowLoop
from promkit.clock import Clock


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
        self._go_on(before)

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
        metrics.forecast_series.labels(self.name).set(series)
        metrics.forecast_series_replaced.labels(self.name).set(outcome.replaced)

    def _count_none(self) -> None:
        self._metrics.forecast_series.labels(self.name).set(0)
        self._metrics.forecast_series_replaced.labels(self.name).set(0)
