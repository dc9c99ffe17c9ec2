"""From a loaded machine to a notified person, on the real programs.

One stack, one story, in the order of the functions: it takes minutes to warm up, so that the
later tests build on the earlier ones.
"""

import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.e2e.receiver import Delivery, Receiver
from tests.e2e.stack import Stack

# The disk fills meanwhile, so that test_forecasts.py has not long to wait.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.usefixtures("filling")]

STEP = 5.0
SERIES = '{query="runnable_processes"}'
HOGS = 64


def load(seconds: int) -> subprocess.Popen[bytes]:
    """Keep every core busy from now on, politely: what watches the load must go on."""
    stress = shutil.which("stress-ng")
    assert stress, "stress-ng is needed: apt-get install stress-ng (make test does it as root)"
    command = [stress, "--quiet", "--cpu", str(HOGS), "--timeout", f"{seconds}s"]
    return subprocess.Popen(["nice", "-n", "19", *command])


def about_load(receiver: Receiver, status: str, since: float) -> list[Delivery]:
    return [
        one
        for one in receiver.deliveries
        if one.at >= since
        and one.body["status"] == status
        and one.body["labels"].get("query") == "runnable_processes"
        and one.body["alertname"] == "AnomalyDetected"
    ]


def assert_tells_what_is_known(stack: Stack, body: dict[str, Any]) -> None:
    """What Prometheus and the webhook's own past know stands beside what the rule has written."""
    assert body["lower_bound"] <= body["expected"] <= body["upper_bound"] < body["value"]
    assert body["score"] >= body["threshold"]
    assert body["sigmas"] > 0
    assert "is above the band" in body["why"]
    assert body["sparkline"].strip()
    assert body["siblings"]["watched"] == 1
    links = body["links"]
    assert links["graph"].startswith(f"{stack.urls['prometheus']}/graph?g0.expr=")
    assert "/#/silences/new?filter=" in links["silence"]
    for name in ("incident", "confirm", "false_alarm"):
        assert requests.get(links[name], timeout=5).ok, links[name]
    picture = requests.get(links["picture"], timeout=10)
    assert picture.content.startswith(b"\x89PNG"), picture.text


def test_comes_up_and_warms_up(stack: Stack) -> None:
    stack.wait_until_ready()
    stack.wait_for("five targets to be up", lambda: stack.value("sum(up)") == 5, 30)
    stack.wait_for("the band", lambda: stack.query(f"anomaly_upper_bound{SERIES}"), 150)
    assert stack.value(f"anomaly_exporter_series_warming{SERIES}") == 0


def test_both_pages_are_clean(stack: Stack) -> None:
    for name in ("exporter", "webhook"):
        page = stack.get(name, "/metrics")
        done = subprocess.run(
            [stack.programs["promtool"], "check", "metrics"],
            input=page.content,
            capture_output=True,
            check=False,
        )
        complaints = done.stderr.decode() + done.stdout.decode()
        assert done.returncode == 0, f"{name}: {complaints}"


def test_a_broken_query_costs_only_itself(stack: Stack) -> None:
    failures = 'anomaly_exporter_query_failures_total{query="broken",reason="rejected"}'
    assert (stack.value(failures) or 0) >= 1
    assert "parse error" in stack.get("exporter", "/").text


def test_load_is_notified_within_30_seconds_and_resolved(
    stack: Stack, receiver: Receiver, record_property: Callable[[str, object], None]
) -> None:
    began = time.time()
    stress = load(60)
    try:
        fired = stack.wait_for(
            "the notification", lambda: about_load(receiver, "firing", began), 60
        )[0]
        listed = stack.get("exporter", "/api/v1/anomalies?query=runnable_processes").json()
        why = listed["anomalies"][0]["reason"]
    finally:
        stress.terminate()
        stress.wait()
    ended = time.time()
    delay = fired.at - began
    assert delay <= 30, f"notified only after {delay:.1f} s"
    annotations = fired.body["annotations"]
    assert "above the band" in why
    assert "runnable_processes" in annotations["summary"]
    assert "expected" in annotations["description"]
    assert "unknown" not in annotations["description"], annotations["description"]
    assert annotations["runbook_url"].endswith("#anomalydetected")
    assert_tells_what_is_known(stack, fired.body)
    resolved = stack.wait_for(
        "the all-clear", lambda: about_load(receiver, "resolved", ended), 180
    )[0]
    assert resolved.body["incident"] == fired.body["incident"]
    record_property("notified_after_seconds", round(delay, 1))
    record_property("resolved_after_seconds", round(resolved.at - ended, 1))


def test_kill_minus_nine_loses_nothing(
    stack: Stack, receiver: Receiver, record_property: Callable[[str, object], None]
) -> None:
    began = time.time()
    known = stack.get("webhook", "/api/v1/alerts").json()["alerts"]
    stress = load(60)
    try:
        stack.wait_for(
            "the score to rise",
            lambda: any(
                line.startswith(f"anomaly_score{SERIES[:-1]}") and float(line.split()[-1]) >= 0.6
                for line in stack.get("exporter", "/metrics").text.splitlines()
            ),
            40,
        )
        stack.kill("exporter", "webhook")
        restarted = time.time()
        stack.start("exporter", "webhook")
        stack.wait_until_ready("exporter", "webhook", seconds=60)
        ready = time.time() - restarted
        ran, waited = stack.ran_and_waited("exporter")
        page = stack.get("exporter", "/metrics").text
        warm = [line for line in page.splitlines() if line.startswith("anomaly_upper_bound{")]
        assert warm, "no band on the first page after the restart: it started cold"
        record_property("warm_again_after_seconds", round(ready, 1))
        # Others may keep the machine busy, too: what counts is what it does, not when it may.
        record_property("of_which_ran_seconds", round(ran, 1))
        assert max(ran, ready - waited) <= STEP, f"warm only after {ready:.1f} s\n{stack.logs()}"
        fired = stack.wait_for(
            "the notification", lambda: about_load(receiver, "firing", began), 60
        )
    finally:
        stress.terminate()
        stress.wait()
    kept = {one["fingerprint"] for one in stack.get("webhook", "/api/v1/alerts").json()["alerts"]}
    assert {one["fingerprint"] for one in known} <= kept
    assert len({one.body["incident"] for one in fired}) == len(fired), "told twice"


@pytest.mark.usefixtures("crossed")  # the disk is to be seen until then
def test_a_vanished_target_is_missing_not_normal(stack: Stack) -> None:
    stack.kill("node_exporter")
    stack.wait_for(
        "the series to be missing",
        lambda: (
            stack.value(f"anomaly_series_missing{SERIES}") == 1
            and not stack.query(f"anomaly_score{SERIES}")
        ),
        60,
    )
    stack.start("node_exporter")
    stack.wait_for(
        "the series to be back, and warm",
        lambda: (
            not stack.query(f"anomaly_series_missing{SERIES}")
            and stack.query(f"anomaly_upper_bound{SERIES}")
        ),
        60,
    )


def test_without_prometheus_nothing_is_shown_as_current(stack: Stack) -> None:
    def has_scores() -> bool:
        return "\nanomaly_score{" in stack.get("exporter", "/metrics").text

    assert has_scores()
    stack.kill("prometheus")
    stack.wait_for("the scores to be withdrawn", lambda: not has_scores(), 60)
    assert stack.get("exporter", "/-/healthy").ok
    stack.start("prometheus")
    stack.wait_for("the scores to be back", has_scores, 60)
