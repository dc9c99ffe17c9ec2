"""What do thresholds tell Prometheus? Each ratio that was ever changed, for the exporter to read.

A label of a series that has one of our names is called exported_…, as a scrape would call it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Row

from webhook.core.thresholds import Reason
from webhook.errors import StoreUnavailable

RATIO = "anomaly_threshold_adjustment_ratio"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class RatioMetrics:
    """Publishes ratios, and counts how they came about.

    Parameters
    ----------
    kind, what : in the names of the counters, and in words
    reasons : for which there are changes
    ratios : what is published
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        kind: Literal["threshold", "weight"],
        what: str,
        reasons: Sequence[str],
        ratios: "Ratios",
    ) -> None:
        self._changes = Counter(
            f"anomaly_webhook_{kind}_changes_total",
            f"Changes of {what}, by what made them.",
            ["reason"],
            registry=registry,
        )
        self._proposals = Counter(
            f"anomaly_webhook_{kind}_proposals_total",
            "Changes that were not made, since alarms that people confirmed might be missed.",
            ["reason"],
            registry=registry,
        )
        for reason in reasons:
            self._changes.labels(reason)
            self._proposals.labels(reason)
        registry.register(ratios)

    def changed(self, reason: str, *, is_applied: bool) -> None:
        """Count a change, or one that was only proposed."""
        (self._changes if is_applied else self._proposals).labels(reason).inc()


def threshold_metrics(
    registry: CollectorRegistry, ratios: Callable[[], Sequence[Row[Any]]]
) -> RatioMetrics:
    """Return what is published of thresholds.

    Parameters
    ----------
    ratios : reads them from the store; raises StoreUnavailable when it cannot
    """
    about = "What people's verdicts multiply a threshold by; 1 once that is undone."
    gauge = Ratios(RATIO, about, ratios, lambda row: _labels(row.query, row.labels))
    return RatioMetrics(registry, "threshold", "thresholds", get_args(Reason), gauge)


class Ratios(Collector):
    """A gauge with one line for each ratio that was ever changed.

    Parameters
    ----------
    name, about : of the gauge
    ratios : reads them from the store; raises StoreUnavailable when it cannot
    labels : returns those of one
    """

    def __init__(
        self,
        name: str,
        about: str,
        ratios: Callable[[], Sequence[Row[Any]]],
        labels: Callable[[Row[Any]], dict[str, str]],
    ) -> None:
        self._name = name
        self._about = about
        self._ratios = ratios
        self._labels = labels

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering does not read the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the family; nothing when the store cannot be read."""
        try:
            rows = self._ratios()
        except StoreUnavailable:
            return
        family = Metric(self._name, self._about, "gauge")
        for row in rows:
            family.add_sample(self._name, self._labels(row), row.ratio)
        yield family


def _labels(query: str, labels: Mapping[str, str]) -> dict[str, str]:
    own = {
        "exported_query" if name == "query" else name: value
        for name, value in labels.items()
        if _NAME.fullmatch(name) and name != "__name__"
    }
    return {**own, "query": query}
