"""Which metrics are there, and which does a PromQL expression use?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METRICS_PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"

_ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<type>gauge|counter|histogram) \|(?P<labels>[^|]*)\|",
    re.MULTILINE,
)
_RECORDED = re.compile(r"^\| `(\w+:\w+:\w+)` \|", re.MULTILINE)
_NAME = re.compile(
    r"(?<![\w:])(?:(?:(?:query|series|instance|model):)?anomaly|process|python)[\w:]*(?![\w:]*\()"
)
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


@dataclass(frozen=True, slots=True)
class Documented:
    """One row of the tables: `labels` without the series' own."""

    type: str
    labels: frozenset[str]


def documented() -> Mapping[str, Documented]:
    """Return the metric families of docs/metrics.md."""
    return {
        row["name"]: Documented(
            row["type"],
            frozenset(label.strip() for label in row["labels"].split(",") if label.strip())
            - {"series' own"},
        )
        for row in _ROW.finditer(METRICS_PAGE.read_text(encoding="utf-8"))
    }


def known_metrics() -> frozenset[str]:
    """Return every name of ours that an expression may use, those that histograms add included."""
    families = {
        name + suffix
        for name, row in documented().items()
        for suffix in _SUFFIXES.get(row.type, ("",))
    }
    return frozenset(families) | recorded_metrics()


def recorded_metrics() -> frozenset[str]:
    """Return the names that the tables say the rules record."""
    return frozenset(_RECORDED.findall(METRICS_PAGE.read_text(encoding="utf-8")))


def metrics_in(expr: str) -> frozenset[str]:
    """Return the names of metrics of ours that an expression uses."""
    without_strings = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    return frozenset(_NAME.findall(without_strings))
