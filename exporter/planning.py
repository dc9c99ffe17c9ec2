"""What do the pure parts need to know of a configured query, and what does its state depend on?"""

import json
import math
import re
from collections.abc import Set
from typing import Any
from zoneinfo import ZoneInfo

from exporter.config import QueryConfig, milliseconds
from exporter.drift.plan import DriftPlan
from exporter.ensemble import MEAN, Combination
from exporter.forecasters.plan import CapacityPlan, ForecastPlan
from exporter.judge import Policy
from exporter.plan import Plan
from exporter.settings.drift import DriftConfig
from exporter.settings.forecast import CapacityConfig, ForecastConfig, lead_name, stride_of
from exporter.settings.modelwatch import WatchedModelConfig


def plan_of(query: QueryConfig) -> Plan:
    """Return what the pipeline needs to know of a resolved query."""
    low, high = query.range
    return Plan(
        query=query.name,
        detectors=query.detectors,
        combination=Combination(
            kind=query.combine or MEAN.kind,
            quorum=MEAN.quorum if query.quorum is None else query.quorum,
        ),
        policy=Policy(
            direction=query.direction,
            low=-math.inf if low is None else low,
            high=math.inf if high is None else high,
            min_deviation=query.min_deviation,
            min_relative_deviation=query.min_relative_deviation,
            threshold=query.threshold,
        ),
        grace=milliseconds(query.grace),
        missing_for=milliseconds(query.missing_for),
        remember_for=milliseconds(query.remember_for),
        max_series=query.max_series,
        per_detector=query.publish_detector_scores,
        zone=_zone(query),
    )


def forecast_plan_of(query: QueryConfig, forecast: ForecastConfig) -> ForecastPlan:
    """Return what a forecast cycle needs to know of a resolved query."""
    low, high = query.range
    step = forecast.step or 0.0
    return ForecastPlan(
        query=query.name,
        forecaster=forecast.forecaster,
        step=milliseconds(step),
        stride=stride_of(step, forecast.interval or 0.0),
        columns=milliseconds(forecast.lookback) // milliseconds(step),
        horizon=milliseconds(forecast.horizon) // milliseconds(step),
        leads={
            lead_name(lead): milliseconds(lead) // milliseconds(step)
            for lead in forecast.horizons or ()
        },
        coverage=forecast.coverage,
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        direction=forecast.direction or "up",
        grace=milliseconds(query.grace),
        zone=_zone(query),
        capacity=_capacity_plan_of(forecast),
        is_scored=bool(query.detectors),
    )


def drift_plan_of(query: QueryConfig, drift: DriftConfig) -> DriftPlan:
    """Return what a drift check needs to know of a resolved query."""
    step = milliseconds(drift.step)
    return DriftPlan(
        query=query.name,
        tests=drift.tests,
        step=step,
        reference=milliseconds(drift.reference) // step,
        window=milliseconds(drift.window) // step,
        by=drift.by,
        retake=None if drift.retake is None else milliseconds(drift.retake),
        grace=milliseconds(query.grace),
        zone=_zone(query),
    )


def fingerprint(query: QueryConfig) -> str:
    """Return what a resolved query's state depends on; a change of it means a cold start."""
    kept = {"expr", "step", "timezone", "detectors"}
    return _marked(query, kept, {"detectors": {"__all__": {"weight"}}})


def forecast_fingerprint(query: QueryConfig) -> str:
    """Return what the state of a resolved query's forecasts depends on, likewise."""
    kept = {"expr", "timezone", "forecast"}
    return _marked(query, kept, {"forecast": {"interval", "lookback", "capacity"}})


def drift_fingerprint(query: QueryConfig) -> str:
    """Return what the baselines of a resolved query depend on, likewise."""
    but = set(DriftConfig.model_fields) - {"reference", "step"}
    return _marked(query, {"expr", "drift"}, {"drift": but})


def tally_fingerprint(model: WatchedModelConfig) -> str:
    """Return what is counted of a resolved model's predictions depends on, likewise."""
    kept = {"prediction", "label", "decision", "on", "label_delay", "step"}
    return re.sub(r"\s+", " ", model.model_dump_json(include=kept))


def parameters_of(query: QueryConfig) -> dict[str, Any]:
    """Return the settings of a resolved query that make its model, for people to compare."""
    kept = {"expr", "step", "lookback", "timezone", "detectors", "combine", "quorum"}
    kept |= {"direction", "range", "min_deviation", "min_relative_deviation", "threshold"}
    parameters: dict[str, Any] = json.loads(query.model_dump_json(include=kept))
    return parameters


def _capacity_plan_of(forecast: ForecastConfig) -> CapacityPlan | None:
    if forecast.limit is None or forecast.capacity is False:
        return None
    asked = CapacityConfig() if forecast.capacity is True else forecast.capacity
    window = milliseconds(asked.window or forecast.lookback)
    return CapacityPlan(
        columns=max(2, window // milliseconds(forecast.step)), coverage=asked.coverage
    )


def _zone(query: QueryConfig) -> ZoneInfo | None:
    return None if query.timezone is None else ZoneInfo(query.timezone)


def _marked(query: QueryConfig, kept: Set[str], but: dict[str, Any]) -> str:
    text = query.model_dump_json(include=set(kept), exclude=but)
    return re.sub(r"\s+", " ", text)
