"""From a changed world to a notified person, on the real programs."""

import time
from collections.abc import Callable

import pytest

from tests.e2e.receiver import Delivery, Receiver
from tests.e2e.stack import Stack

# The disk fills meanwhile, so that test_forecasts.py has not long to wait.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700), pytest.mark.usefixtures("filling")]

SERIES = '{query="noise"}'


def about_drift(receiver: Receiver) -> list[Delivery]:
    return [
        one
        for one in receiver.deliveries
        if one.body["alertname"] == "AnomalyDrift" and one.body["labels"].get("query") == "noise"
    ]


def test_a_shift_is_told_once_and_with_its_numbers(
    stack: Stack,
    receiver: Receiver,
    shift: float,
    record_property: Callable[[str, object], None],
) -> None:
    fired = stack.wait_for(
        "the notification", lambda: about_drift(receiver), shift - time.time() + 360
    )
    seen = stack.query_range(f"anomaly_drift_severity{SERIES}", minutes=15)
    severities = [(when, float(value)) for one in seen for when, value in one["values"]]
    before = [value for when, value in severities if when <= shift]
    found = min(when for when, value in severities if value >= 2)
    assert before, "no check before the shift"
    assert max(before) == 0.0
    assert found > shift
    # A window that lies wholly behind it, a check and a scrape at the latest.
    assert found - shift <= 130, f"found only after {found - shift:.0f} s"
    (told,) = fired
    assert told.body["status"] == "firing"
    assert told.body["severity"] == "warning"
    description = told.body["annotations"]["description"]
    assert 'series="a"' in description
    assert "distributed unlike its baseline" in description
    assert "ks " in description
    assert told.body["annotations"]["runbook_url"].endswith("#anomalydrift")
    record_property("drift_found_after_seconds", round(found - shift, 1))
    record_property("drift_notified_after_seconds", round(told.at - shift, 1))


def test_the_page_of_metrics_tells_the_tests_apart(stack: Stack) -> None:
    found = stack.query(f"anomaly_drift_statistic{SERIES}")
    assert {one["metric"]["test"] for one in found} == {"ks", "psi", "wasserstein"}
    assert (stack.value(f"anomaly_drift_p_value{SERIES}") or 1.0) < 0.01
    assert stack.value('anomaly_exporter_drift_series{query="noise",severity="none"}') == 0
