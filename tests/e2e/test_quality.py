"""From what people say to how good alerts are, on the real programs."""

import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import requests

from tests.e2e.stack import Stack

# The machine was loaded by test_alert_path.py, so that there are anomalous samples.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

QUERY = "runnable_processes"
ANOMALOUS = f'anomaly_score{{query="{QUERY}"}} >= anomaly_threshold'
ROUND = "quality"


def rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def post(stack: Stack, path: str, body: object) -> Any:
    answer = requests.post(stack.urls["webhook"] + path, json=body, timeout=5)
    assert answer.ok, answer.text
    return answer.json()


def alerted(stack: Stack) -> list[int]:
    """Let twelve short alerts come and go just after the series was anomalous."""
    found = stack.query_range(ANOMALOUS, minutes=60)
    assert found, "nothing was anomalous within the hour"
    last = max(float(at) for series in found for at, _ in series["values"])
    labels = {name: value for name, value in found[0]["metric"].items() if name != "__name__"}
    labels |= {"alertname": "AnomalyDetected", "severity": "warning", "round": ROUND}
    for second in range(12):
        alert = {
            "status": "resolved",
            "labels": labels,
            "startsAt": rfc3339(last + 5 + second),
            "endsAt": rfc3339(last + 5.5 + second),
        }
        post(stack, "/api/v1/alerts", {"version": "4", "alerts": [alert]})
    wanted = f'/api/v1/alerts?query={QUERY}&filter=round="{ROUND}"'
    listed = stack.get("webhook", wanted).json()["alerts"]
    return [one["incident"] for one in listed]


def test_verdicts_become_numbers(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    incidents = alerted(stack)
    assert len(incidents) == 12
    for number, incident in enumerate(incidents):
        verdict = "confirmed" if number % 2 else "false_alarm"
        post(stack, "/api/v1/feedback", {"incident": incident, "verdict": verdict})
    early = time.time() - 3000
    mark = {"query": QUERY, "labels": {}, "start": rfc3339(early), "end": rfc3339(early + 10)}
    post(stack, "/api/v1/missed", mark)
    # So that what looks once an hour looks again.
    stack.kill("webhook")
    stack.start("webhook")
    stack.wait_until_ready("webhook")

    of = f'{{query="{QUERY}",window="7d"}}'
    precision = f"anomaly_quality_precision_ratio{of}"
    found = stack.wait_for("precision", lambda: stack.value(precision), 120)
    assert found is not None
    assert 0.2 < found < 0.8
    for name in (
        "anomaly_quality_recall_ratio",
        "anomaly_quality_f1_ratio",
        "anomaly_quality_roc_auc_ratio",
        "anomaly_quality_time_to_detect_seconds",
        "anomaly_quality_detector_precision_ratio",
        "anomaly_quality_detector_recall_ratio",
        "anomaly_quality_detector_roc_auc_ratio",
        "anomaly_shadow_f1_ratio",
    ):
        stack.wait_for(name, partial(stack.query, f"{name}{of}"), 150)
    (week,) = stack.get("webhook", f"/api/v1/quality?query={QUERY}&window=7d").json()["quality"]
    assert week["false_alarms"] >= 6
    low, high = week["precision"]["interval"]
    assert low < week["precision"]["value"] < high


def test_a_weight_that_a_person_moved_is_published(stack: Stack) -> None:
    stack.wait_until_ready(seconds=180)
    file = f"--config.file={stack.folder}/config/webhook.yml"
    command = [sys.executable, "-m", "webhook", "weights"]
    ratio = f'anomaly_detector_weight_ratio{{query="{QUERY}",detector="mad"}}'
    for arguments, wanted in ((["set", QUERY, "mad", "0.9"], "0.9"), (["reset", QUERY], "1")):
        done = subprocess.run(
            [*command, *arguments, file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        stack.wait_for("the ratio", partial(stack.query, f"{ratio} == {wanted}"), 30)
