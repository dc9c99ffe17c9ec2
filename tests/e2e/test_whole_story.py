"""What has been seen once everything else was tested, on the stack that all tests share."""

from pathlib import Path

import pytest

from tests.e2e.stack import Stack
from tests.grafana.catalogue import documented, known_metrics, metrics_in
from tests.grafana.expressions import dashboard_expressions

pytestmark = pytest.mark.e2e

SLOW = {
    # Known once there are days of samples.
    "anomaly_seasonality_strength",
    # Compares a month with the two before, and the webhook goes by its own clock.
    "anomaly_quality_degradation_severity",
    # Said once a query was watched for a day.
    "anomaly_shadow_alarms_per_day",
}
"""Gauges that need more time than the story takes; tests/exporter and tests/webhook see them."""


def test_every_dashboard_expression_had_data(stack: Stack) -> None:
    """Over the whole story: there were anomalies, missing series, failures."""
    # How good forecasts are was lost with the state file that was damaged.
    skill = 'anomaly_forecast_error_ratio{query="disk_used"}'
    stack.wait_for("forecasts to have come true again", lambda: stack.query(skill), 150)
    without = []
    for dashboard, panel, expr in dashboard_expressions():
        # What shows only trouble that did not come must exist without that filter.
        wanted = expr.removesuffix("> 0")
        if metrics_in(expr) & SLOW:
            continue
        if not stack.query_range(wanted, minutes=20):
            without.append(f"{dashboard} / {panel}: {expr}")
    assert not without, "\n".join(without)


def test_every_documented_metric_was_seen_and_no_other(stack: Stack) -> None:
    names = stack.get("prometheus", "/api/v1/label/__name__/values").json()["data"]
    seen = {name for name in names if name.startswith("anomaly_")}
    own = {name for name in documented() if name.startswith("anomaly_")} - SLOW
    assert seen - known_metrics() == set()
    assert {n for n in own if n not in seen and f"{n}_count" not in seen} == set()


def test_stops_cleanly(stack: Stack) -> None:
    codes = stack.stop()
    assert codes["exporter"] == 0, stack.logs()
    assert codes["webhook"] == 0, stack.logs()
    assert Path(stack.folder / "exporter.state").stat().st_size > 0
