"""What do the dashboards ask Prometheus?"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DASHBOARDS = sorted((Path(__file__).parents[2] / "grafana" / "dashboards").glob("*.json"))

_DEFAULTS = (
    ("${series:raw}", 'query=~".+"'),
    ("$query", ".*"),
    ("$model", ".*"),
    ("$window", "30d"),
    ("$horizon", "1m"),  # a lead that the e2e test publishes
    ("$__rate_interval", "1m"),
    ("$__range", "1h"),
)
_SIGNS_OF_TROUBLE = (">= anomaly_threshold", "ALERTS", "anomaly_series_missing")


def panels(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the panels of a dashboard, those in collapsed rows included."""
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
        yield panel
        yield from panel.get("panels", ())


def dashboard_expressions() -> list[tuple[str, str, str]]:
    """Return (dashboard, panel title, PromQL with defaults for its variables) of every query."""
    return [
        (path.stem, str(panel["title"]), with_defaults(target["expr"]))
        for path in DASHBOARDS
        for panel in panels(path)
        for target in panel.get("targets", ())
    ]


def with_defaults(expr: str) -> str:
    """Replace the dashboards' variables."""
    for variable, value in _DEFAULTS:
        expr = expr.replace(variable, value)
    return expr


def may_be_empty(expr: str) -> bool:
    """Say whether an expression of a dashboard returns nothing while all is well."""
    if expr.endswith("or vector(0)"):
        return False
    return expr.endswith("> 0") or any(sign in expr for sign in _SIGNS_OF_TROUBLE)
