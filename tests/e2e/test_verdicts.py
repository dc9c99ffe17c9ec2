"""From what a person says to what the exporter alerts on, on the real programs."""

import subprocess
import sys

import pytest
import requests

from tests.e2e.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

QUERY = "runnable_processes"


def post(stack: Stack, path: str, body: object) -> requests.Response:
    return requests.post(stack.urls["webhook"] + path, json=body, timeout=5)


def test_a_verdict_is_kept_and_published(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    fired = [
        {
            "status": "firing",
            "labels": {"alertname": "AnomalyDetected", "query": QUERY, "severity": "warning"},
            "startsAt": "2026-01-01T00:00:00Z",
        }
    ]
    assert post(stack, "/api/v1/alerts", {"version": "4", "alerts": fired}).ok
    listed = stack.get("webhook", f"/api/v1/alerts?query={QUERY}&limit=1").json()["alerts"]
    incident = listed[0]["incident"]
    said = post(stack, "/api/v1/feedback", {"incident": incident, "verdict": "false_alarm"})
    assert said.ok, said.text
    verdicts = f'anomaly_feedback_total{{query="{QUERY}",verdict="false_alarm"}} >= 1'
    stack.wait_for("the verdict to be counted", lambda: stack.query(verdicts), 30)
    known = f'anomaly_verdict_start_timestamp_seconds{{incident="{incident}"}}'
    assert stack.query(known)
    fired[0] |= {"status": "resolved", "endsAt": "2026-01-01T00:10:00Z"}
    assert post(stack, "/api/v1/alerts", {"version": "4", "alerts": fired}).ok
    ended = known.replace("start", "end")
    stack.wait_for("the end to be published", lambda: stack.query(ended), 30)


def test_a_threshold_that_a_person_raised_is_what_the_exporter_judges_by(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    threshold = f'anomaly_threshold{{query="{QUERY}"}}'
    stack.wait_for("the threshold as configured", lambda: stack.value(threshold) == 0.6, 150)
    command = [sys.executable, "-m", "webhook", "thresholds", "set", QUERY, "1.2"]
    file = f"--config.file={stack.folder}/config/webhook.yml"
    done = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    stack.wait_for("it to be raised", lambda: stack.value(threshold) == pytest.approx(0.72), 60)
    page = stack.get("webhook", "/thresholds").text
    assert QUERY in page


def test_what_is_serviced_is_muted(stack: Stack) -> None:
    muted = 'anomaly_muted{query="serviced"} == 1'
    stack.wait_for("the gauge", lambda: stack.query(muted), 150)
    assert not stack.query('anomaly_score{query="serviced"}')
