"""What do verdicts tell Prometheus? How many there were, and when what was judged began and ended.

Marks where an alert should have come are told of likewise, as the verdict `missed`. The exporter
reads the two gauges to learn from past incidents, so they carry the labels of the series; a label
of its own that has one of our names is called exported_….
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Row

from webhook.adapters.feedback import Judged
from webhook.core.links import series_labels
from webhook.errors import StoreUnavailable

KEPT_SECONDS = 90 * 86_400.0
MISSED = "missed"
_OURS = ("verdict", "incident")
# What a scrape of the exporter adds to a series, and a scrape of ours would add again.
_SCRAPED = ("job", "anomaly-exporter")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class VerdictMetrics:
    """Counts verdicts, and publishes those of the last 90 days.

    Parameters
    ----------
    judged : reads them from the store; raises StoreUnavailable when it cannot
    marked : reads the marks where an alert should have come; raises likewise
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        judged: Callable[[], Sequence[Judged]],
        marked: Callable[[], Sequence[Row[Any]]] = tuple,
    ) -> None:
        self._verdicts = Counter(
            "anomaly_feedback_total",
            "Verdicts on incidents, changed ones included.",
            ["query", "verdict"],
            registry=registry,
        )
        registry.register(_Spans(judged, marked))

    def judged(self, query: str, verdict: str) -> None:
        """Count a verdict that is new or has changed."""
        self._verdicts.labels(query, verdict).inc()


class _Spans(Collector):
    def __init__(
        self, judged: Callable[[], Sequence[Judged]], marked: Callable[[], Sequence[Row[Any]]]
    ) -> None:
        self._judged = judged
        self._marked = marked

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering does not read the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield both families; nothing when the store cannot be read."""
        try:
            judged, marked = self._judged(), self._marked()
        except StoreUnavailable:
            return
        start, end = (
            "anomaly_verdict_start_timestamp_seconds",
            "anomaly_verdict_end_timestamp_seconds",
        )
        began = Metric(
            start, "When an incident that people judged began, in unix seconds.", "gauge"
        )
        ended = Metric(end, "When it ended, in unix seconds; none while it is open.", "gauge")
        for each in judged:
            labels = labels_of(each.incident, each.verdict)
            began.add_sample(start, labels, each.incident.starts_at)
            if each.incident.ends_at is not None:
                ended.add_sample(end, labels, each.incident.ends_at)
        for mark in marked:
            labels = _labels(mark.query, mark.labels, MISSED, f"missed-{mark.id}")
            began.add_sample(start, labels, mark.starts_at)
            ended.add_sample(end, labels, mark.ends_at)
        yield began
        yield ended


def labels_of(incident: Row[Any], verdict: str) -> dict[str, str]:
    """Return the labels of a verdict's gauges."""
    return _labels(incident.query, series_labels(incident.labels), verdict, str(incident.id))


def _labels(query: str, series: Mapping[str, str], verdict: str, incident: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for name, value in series.items():
        if (name, value) != _SCRAPED and _NAME.fullmatch(name) and name != "__name__":
            labels[f"exported_{name}" if name in _OURS else name] = value
    return {**labels, "query": query, "verdict": verdict, "incident": incident}
