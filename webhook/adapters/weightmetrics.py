"""What do weights tell Prometheus? Each ratio that was ever changed, for the exporter to read."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Row

from webhook.adapters.thresholdmetrics import Ratios
from webhook.core.weights import Reason

RATIO = "anomaly_detector_weight_ratio"


class WeightMetrics:
    """Publishes ratios, and counts how they came about.

    Parameters
    ----------
    ratios : reads them from the store; raises StoreUnavailable when it cannot
    """

    def __init__(
        self, registry: CollectorRegistry, ratios: Callable[[], Sequence[Row[Any]]]
    ) -> None:
        self._changes = Counter(
            "anomaly_webhook_weight_changes_total",
            "Changes of detectors' weights, by what made them.",
            ["reason"],
            registry=registry,
        )
        self._proposals = Counter(
            "anomaly_webhook_weight_proposals_total",
            "Changes that were not made, since alarms that people confirmed might be missed.",
            ["reason"],
            registry=registry,
        )
        for reason in get_args(Reason):
            self._changes.labels(reason)
            self._proposals.labels(reason)
        about = "What people's verdicts multiply a detector's weight by; 1 once that is undone."
        registry.register(
            Ratios(RATIO, about, ratios, lambda row: {"query": row.query, "detector": row.detector})
        )

    def changed(self, reason: Reason, *, is_applied: bool) -> None:
        """Count a change, or one that was only proposed."""
        (self._changes if is_applied else self._proposals).labels(reason).inc()
