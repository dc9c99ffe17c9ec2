"""Are the rules sound, is every alert tried both ways, and does the runbook know it?"""

import re
import subprocess
from pathlib import Path

import pytest

from tests.grafana.catalogue import known_metrics, metrics_in, recorded_metrics
from tests.rules.rulefiles import CASE_FILES, ROOT, RULE_FILES, Alert, alerts, cases, rules

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALWAYS_FIRING = {"AnomalyWatchdog"}
SECTIONS = set(re.findall(r"^## (Anomal\w+)$", RUNBOOK, flags=re.MULTILINE))


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], check=False, capture_output=True, text=True, timeout=200
    )


def test_promtool_accepts_the_rules() -> None:
    done = promtool("check", "rules", *RULE_FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.name)
def test_promtool_sees_what_the_cases_expect(path: Path) -> None:
    done = promtool("test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts(), ids=str)
def test_alert_is_complete(alert: Alert) -> None:
    assert alert.severity in {"info", "warning", "critical"}
    assert set(alert.annotations) >= {"summary", "description", "runbook_url"}
    summary = re.sub(r"\{\{.*?\}\}", "x", alert.annotations["summary"])
    assert re.fullmatch(r"[^.]+\.", summary), "one sentence with a full stop"
    assert alert.annotations["runbook_url"].endswith(f"#{alert.name.lower()}")
    assert alert.name in SECTIONS, "docs/runbook.md has no section for it"


@pytest.mark.parametrize("alert", alerts(), ids=str)
def test_alert_has_a_case_that_fires(alert: Alert) -> None:
    fired = [
        expected
        for name, expectations in cases()
        for expected in expectations
        if name == alert.name and expected["exp_labels"]["severity"] == alert.severity
    ]
    assert fired
    assert all(set(each["exp_annotations"]) == set(alert.annotations) for each in fired)


@pytest.mark.parametrize("name", sorted({alert.name for alert in alerts()} - ALWAYS_FIRING))
def test_alert_has_a_case_that_stays_silent(name: str) -> None:
    assert any(tried == name and not expected for tried, expected in cases())


def test_cases_and_runbook_speak_of_real_alerts() -> None:
    names = {alert.name for alert in alerts()}
    assert {name for name, _ in cases()} == names  # promtool passes silently on a misspelt name
    assert names == SECTIONS


def test_rules_use_and_record_what_is_documented() -> None:
    assert {rule["record"] for rule in rules() if "record" in rule} == recorded_metrics()
    used = {metric for rule in rules() for metric in metrics_in(rule["expr"])}
    assert used <= known_metrics()


def test_runbook_queries_use_metrics_that_exist() -> None:
    queries = re.findall(r"^```promql\n(.*?)^```", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
    assert queries
    assert {metric for query in queries for metric in metrics_in(query)} <= known_metrics()
