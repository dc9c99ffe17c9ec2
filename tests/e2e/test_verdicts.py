"""From what a person says to what the exporter alerts on, on the real programs."""

import subprocess
import sys
import time
from functools import partial

import pytest
import requests

from tests.e2e.stack import Stack
from webhook.core.message import rfc3339

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

QUERY = "runnable_processes"


def post(stack: Stack, path: str, body: object) -> requests.Response:
    return requests.post(stack.urls["webhook"] + path, json=body, timeout=5)


def command(stack: Stack, *words: str) -> str:
    """Return what a command of the webhook prints, with the daemon running beside it."""
    file = f"--config.file={stack.folder}/config/webhook.yml"
    done = subprocess.run(
        [sys.executable, "-m", "webhook", *words, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
    command(stack, "thresholds", "set", QUERY, "1.2")
    stack.wait_for("it to be raised", lambda: stack.value(threshold) == pytest.approx(0.72), 60)
    page = stack.get("webhook", "/thresholds").text
    assert QUERY in page


def test_what_is_said_in_a_shell_is_published(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    listed = stack.get("webhook", f"/api/v1/alerts?query={QUERY}&limit=1").json()["alerts"]
    incident = listed[0]["incident"]
    command(stack, "verdict", f"{incident}", "maintenance", "--reason", "a new disk")
    command(stack, "missed", "add", "kept", "--start", "-2m", "--end", "-1m")
    said = f'anomaly_verdict_start_timestamp_seconds{{verdict="maintenance",incident="{incident}"}}'
    missed = 'anomaly_verdict_end_timestamp_seconds{verdict="missed",query="kept"}'
    for expr in (said, missed):
        stack.wait_for(expr, partial(stack.query, expr), 30)


def test_what_is_silenced_is_not_learned_from(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    now = time.time()
    silence = {
        "matchers": [{"name": "series", "value": "d", "isRegex": False, "isEqual": True}],
        "startsAt": rfc3339(now),
        "endsAt": rfc3339(now + 3600),
        "createdBy": "ana",
        "comment": "about the only series of `kept`",
    }
    said = requests.post(f"{stack.urls['alertmanager']}/api/v2/silences", json=silence, timeout=5)
    assert said.ok, said.text
    published = f'anomaly_silence_end_timestamp_seconds{{silence="{said.json()["silenceID"]}"}}'
    stack.wait_for("the silence to be published", lambda: stack.query(published), 90)
    masked = 'anomaly_exporter_series_masked{query="kept"} == 1'
    stack.wait_for("its series to be masked", lambda: stack.query(masked), 120)


def test_what_is_serviced_is_muted(stack: Stack) -> None:
    muted = 'anomaly_muted{query="serviced"} == 1'
    stack.wait_for("the gauge", lambda: stack.query(muted), 150)
    assert not stack.query('anomaly_score{query="serviced"}')
