"""When is a query forecast, and what does it show after a failure?"""

import logging
from concurrent.futures import Executor

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import Outlook
from exporter.errors import ForecastFailure, QueryError
from exporter.forecastrunner import ForecastOutcome, ForecastRunner
from exporter.slowloop import SlowLoop
from promkit.clock import Clock

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds of failures after which a forecast is withdrawn, unless its interval is longer."""


class ForecastLoop(SlowLoop):
    """Forecasts one query now and then.

    Parameters
    ----------
    runner : the query
    clock : paces it
    pool : where it runs
    metrics : where it is counted

    Attributes
    ----------
    outlook : its forecasts; None when there are none, or none that could pass for current
    last_success : unix seconds of the last cycle that succeeded, or None
    """

    def __init__(
        self, runner: ForecastRunner, *, clock: Clock, pool: Executor, metrics: SelfMetrics
    ) -> None:
        interval = runner.forecast.interval or 0.0
        super().__init__(runner.query.name, interval, clock=clock, pool=pool)
        self.runner = runner
        self.outlook: Outlook | None = None
        self.last_success: float | None = None
        self._metrics = metrics.forecasts
        self._failing: str | None = None
        plan = runner.plan
        capacity = None if plan.capacity is None else plan.capacity.coverage
        self._metrics.remember(self.name, interval, plan.coverage, capacity)

    @property
    def state(self) -> str:
        """What the page for people says of it."""
        if self.last_error is not None:
            return "failing"
        return "first forecast" if self.last_success is None else "ok"

    def succeed(self, before: "ForecastLoop") -> None:
        """Go on where a stopped loop of the same query was."""
        self.runner.succeed(before.runner)
        if before.runner.fingerprint == self.runner.fingerprint:
            self.outlook = before.outlook
            self.last_success = before.last_success
            self.last_error = before.last_error

    async def stop(self) -> None:
        """Return once nothing of this loop runs any more; a cycle ends early."""
        self.runner.stopping.set()
        await super().stop()

    async def _cycle(self) -> None:
        began = self._clock.monotonic()
        while True:
            outcome = await self._work(self.runner.run, self._clock.now())
            if not outcome.is_behind:
                break
        self._take(outcome)
        self.last_success = self._clock.now()
        if self.last_error is not None:
            log.info("forecasts succeed again", extra={"query": self.name})
        self.last_error = None
        self._metrics.last_forecast_timestamp_seconds.labels(self.name).set(self.last_success)
        self._metrics.forecast_duration_seconds.labels(self.name).observe(
            self._clock.monotonic() - began
        )

    def _take(self, outcome: ForecastOutcome) -> None:
        """Show what a cycle found, and count it."""
        if outcome.failure is None:
            self._failing = None
        else:
            message = str(outcome.failure)
            self._count_failure("crashed")
            if self._failing != message:
                about = {"query": self.name, "error": message}
                log.warning(
                    "forecaster failed, seasonal naive stands in",
                    extra=about,
                    exc_info=outcome.failure,
                )
            self._failing = message
        metrics = self._metrics
        for what, count in outcome.breaches.counts.items():
            metrics.forecast_breaches_total.labels(self.name, what).inc(count)
        for seconds in outcome.breaches.lead_seconds.tolist():
            metrics.forecast_breach_lead_seconds.labels(self.name).observe(seconds)
        metrics.forecast_replacements_total.labels(self.name).inc(outcome.replacements)
        metrics.forecasts_total.labels(self.name).inc()
        self.outlook = outcome.outlook
        series = 0 if outcome.outlook is None else len(outcome.outlook.keys)
        metrics.forecast_series.labels(self.name).set(series)
        metrics.forecast_series_replaced.labels(self.name).set(outcome.replaced)

    def _fail(self, error: Exception) -> None:
        """Count and log a failure; the last forecasts stay until they are too old."""
        if isinstance(error, QueryError):
            message, reason = str(error), error.reason
        else:
            message, reason = f"{type(error).__name__}: {error}", "internal"
        self._count_failure(reason)
        if self.last_error != message:
            about = {"query": self.name, "reason": reason, "error": message}
            log.error("forecast failed", extra=about, exc_info=reason == "internal")
        self.last_error = message
        oldest = self._clock.now() - max(3 * self.interval, self.interval + PATIENCE)
        if self.outlook is not None and (self.last_success or 0.0) < oldest:
            log.error("forecasts are too old, withdrawn", extra={"query": self.name})
            self.outlook = None
            self._metrics.forecast_series.labels(self.name).set(0)
            self._metrics.forecast_series_replaced.labels(self.name).set(0)

    def _count_failure(self, reason: ForecastFailure) -> None:
        self._metrics.forecast_failures_total.labels(self.name, reason).inc()
