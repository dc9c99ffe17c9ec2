"""How soon does compiling end when nobody waits for it any more?"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from exporter.drift.base import SeriesTest
from exporter.drift.plan import DriftPlan
from exporter.forecasters.auto import Auto
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.forecasters.plan import ForecastPlan
from exporter.loops.compiling import compile_drift_tests, compile_forecasters


@dataclass(frozen=True, kw_only=True)
class Noted(Forecaster):
    """Forecasts the last sample, and notes that it did."""

    begun: list[str]

    def _foretell(self, history: History, origins: Any, horizon: int) -> Any:
        self.begun.append(self.kind)
        last = history.values[:, origins - 1]
        return np.repeat(last[..., None], horizon, axis=2)


@dataclass(frozen=True, kw_only=True)
class NotedTest(SeriesTest):
    """Finds no drift, and notes that it looked."""

    begun: list[str]

    def _measure(self, reference: Any, recent: Any) -> Any:
        self.begun.append(self.kind)
        return np.zeros(len(recent.count)), np.ones(len(recent.count))


def plan_of(forecaster: Forecaster) -> ForecastPlan:
    return ForecastPlan(
        query="q", forecaster=forecaster, step=1, stride=1, columns=2, horizon=1, leads={}
    )


def test_forecasters_after_a_stop_are_not_compiled() -> None:
    begun: list[str] = []
    plans = [plan_of(Noted(kind=kind, begun=begun)) for kind in ("a", "b")]
    compile_forecasters(plans, lambda: bool(begun))
    assert set(begun) == {"a"}
    compile_forecasters(plans)
    assert set(begun) == {"a", "b"}


def test_a_stop_is_asked_for_between_the_members_of_auto() -> None:
    asked = []

    def is_stopped() -> bool:
        asked.append(True)
        return len(asked) > 1

    compile_forecasters([plan_of(Auto())], is_stopped)
    assert len(asked) == 2


def test_drift_tests_after_a_stop_are_not_compiled() -> None:
    begun: list[str] = []
    tests = tuple(NotedTest(kind=kind, begun=begun) for kind in ("a", "b"))
    plans = [DriftPlan(query="q", tests=tests, step=1, reference=2, window=1)]
    compile_drift_tests(plans, lambda: bool(begun))
    assert set(begun) == {"a"}
    compile_drift_tests(plans)
    assert set(begun) == {"a", "b"}
