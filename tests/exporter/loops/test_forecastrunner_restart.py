"""What do forecasts know again after a restart?"""

from pathlib import Path

import numpy as np
import pytest

from exporter.adapters import checkpoint
from exporter.adapters.checkpoint import Saved
from exporter.core.series import Floats
from exporter.loops.forecastrunner import ForecastRunner
from tests.exporter.arraysource import ArraySource
from tests.exporter.loops.test_forecastrunner import (
    SECONDS,
    finish,
    one_by_one,
    ordinary_days,
    outlook_of,
    query_of,
    runner_of,
)


@pytest.fixture
def values() -> Floats:
    noise = np.random.default_rng(5).normal(0.0, 1.0, (3, 400))
    values: Floats = noise + np.array([[10.0], [20.0], [30.0]]) + np.arange(400) / 100
    return values


def test_what_was_learned_survives_a_restart_and_a_reload(values: Floats, tmp_path: Path) -> None:
    path = tmp_path / "state"
    query = query_of(", limit: 25")
    steady = runner_of(ArraySource(values), query)
    for column in range(300, 340, 2):
        finish(steady, column * SECONDS)
    checkpoint.store(path, Saved({}, {"q": (steady.fingerprint, steady.state)}))
    restored = checkpoint.restore(path, {"q": query}).forecasts["q"]
    assert query.forecast is not None
    restarted = ForecastRunner(
        query,
        query.forecast,
        ArraySource(values),
        restored[1],
        one_by_one,
        ordinary_days,
        lambda: 0.0,
    )
    reloaded = runner_of(source := ArraySource(values), query)
    reloaded.succeed(steady)
    outcomes = [finish(runner, 342 * SECONDS) for runner in (reloaded, restarted, steady)]
    assert len(source.asked) == 1
    for name, expected in outlook_of(outcomes[0]).gauges.items():
        for outcome in outcomes[1:]:
            np.testing.assert_array_equal(outlook_of(outcome).gauges[name], expected, name)
    assert not np.isnan(outlook_of(outcomes[0]).gauges["anomaly_forecast_error_ratio"]).any()
    changed = query_of(", limit: 26")
    assert checkpoint.restore(path, {"q": changed}).forecasts == {}
    assert checkpoint.restore(path, {"q": query.model_copy(update={"forecast": None})}) == Saved()


def test_a_state_of_another_form_is_left_out(values: Floats, tmp_path: Path) -> None:
    path, query = tmp_path / "state", query_of()
    runner = runner_of(ArraySource(values), query)
    finish(runner, 300 * SECONDS)
    del runner.state.groups["skill"]["sums"]
    checkpoint.store(path, Saved({}, {"q": (runner.fingerprint, runner.state)}))
    assert checkpoint.restore(path, {"q": query}) == Saved()
