"""How bad an alert is, and why."""

import pytest

from webhook.core.facts import Reading
from webhook.core.severity import Bounds, SeverityRules, announced, judge


@pytest.mark.parametrize(
    ("score", "sigmas", "level"),
    [
        (0.69, None, "low"),
        (0.7, None, "medium"),
        (0.9, None, "medium"),
        (0.91, None, "critical"),
        (None, 2.9, "low"),
        (None, -3.0, "medium"),
        (None, 5.0, "medium"),
        (None, -5.1, "critical"),
        (0.2, 4.0, "medium"),
        (0.95, 1.0, "critical"),
        (None, float("inf"), "critical"),
        (None, None, "medium"),
    ],
)
def test_without_a_label_score_and_deviation_decide(
    score: float | None, sigmas: float | None, level: str
) -> None:
    assert judge({}, Reading(score=score, sigmas=sigmas), SeverityRules()).level == level


@pytest.mark.parametrize(
    ("label", "level"),
    [("critical", "critical"), (" Page ", "critical"), ("error", "high"), ("warning", "medium")],
)
def test_the_label_decides_whatever_the_score(label: str, level: str) -> None:
    found = judge({"severity": label}, Reading(score=0.0), SeverityRules())

    assert found.level == level
    assert found.why == f"the label severity is {label.strip().lower()!r}"


def test_a_label_of_ones_own_and_bounds_of_ones_own() -> None:
    rules = SeverityRules({"p1": "high"}, score=Bounds(0.5, 0.99, high=0.8), otherwise="low")

    assert judge({"severity": "P1"}, Reading(), rules).level == "high"
    found = judge({"severity": "critical"}, Reading(score=0.85), rules)
    assert found.level == "high"
    assert found.why == (
        "the label severity is 'critical', which means nothing here; the score is 0.85"
    )
    assert judge({}, Reading(), rules).level == "low"
    assert judge({}, Reading(), rules).why == (
        "there is no label severity, nor a score or deviation"
    )


def test_the_numbers_that_an_alert_carries() -> None:
    labels = {"score": "0.1", "sigmas": "4"}

    assert announced(labels, {"score": "0.8"}) == Reading(score=0.8, sigmas=4.0)
    assert announced({}, {"score": "high", "anomaly_score": "NaN"}) == Reading()
    assert announced({}, {"deviation_sigmas": "+Inf"}).sigmas == float("inf")
