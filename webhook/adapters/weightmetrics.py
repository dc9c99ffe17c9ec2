"""What do weights tell Prometheus? Each ratio that was ever changed, for the exporter to read."""

from collections.abc import Callable, Sequence
from typing import Any, get_args

from prometheus_client import CollectorRegistry
from sqlalchemy import Row

from webhook.adapters.thresholdmetrics import RatioMetrics, Ratios
from webhook.core.weights import Reason

RATIO = "anomaly_detector_weight_ratio"


def weight_metrics(
    registry: CollectorRegistry, ratios: Callable[[], Sequence[Row[Any]]]
) -> RatioMetrics:
    """Return what is published of weights.

    Parameters
    ----------
    ratios : reads them from the store; raises StoreUnavailable when it cannot
    """
    about = "What people's verdicts multiply a detector's weight by; 1 once that is undone."
    gauge = Ratios(RATIO, about, ratios, lambda row: {"query": row.query, "detector": row.detector})
    return RatioMetrics(registry, "weight", "detectors' weights", get_args(Reason), gauge)
