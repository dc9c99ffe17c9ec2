"""What do the shipped rule files and their promtool cases say?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "rules").glob("*.yml"))
CASE_FILES = sorted((ROOT / "rules" / "tests").glob("*.test.yml"))


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule; several may share a name and differ in severity."""

    name: str
    severity: str
    annotations: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}-{self.severity}"


@cache
def rules() -> Sequence[dict[str, Any]]:
    """Return every rule of every file."""
    return [
        rule
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[Alert]:
    """Return every alerting rule."""
    return [
        Alert(rule["alert"], rule["labels"]["severity"], rule["annotations"])
        for rule in rules()
        if "alert" in rule
    ]


@cache
def cases() -> Sequence[tuple[str, list[dict[str, Any]]]]:
    """Return every promtool case: an alert's name and what it expects to fire."""
    return [
        (case["alertname"], case["exp_alerts"])
        for path in CASE_FILES
        for test in yaml.safe_load(path.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
    ]
