"""What do the shipped rule files and their promtool cases say?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


def rules() -> list[dict[str, Any]]:
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


def cases() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every promtool case: an alert's name and what it expects to fire."""
    for path in CASE_FILES:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", ()):
                yield case["alertname"], case["exp_alerts"]
