"""A page on which every metric of the exporter stands."""

import json
import math

import numpy as np

from exporter.adapters.adjustmentmetrics import AdjustmentFacts, AdjustmentMetrics
from exporter.adapters.calendarmetrics import CalendarMetrics
from exporter.adapters.calendars import CalendarState
from exporter.adapters.exposition import Page
from exporter.adapters.maskmetrics import MaskFacts, MaskMetrics
from exporter.adapters.modelmetrics import ModelGauges
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import (
    FORECAST_GAUGES,
    GAUGES,
    OUTLOOK_GAUGES,
    TEST_GAUGES,
    Drifts,
    Outlook,
    Published,
)
from exporter.core.quality import Counts, Quality
from exporter.modelwatch.degradation import Degradation, ModelQuality
from exporter.modelwatch.measures import Measures

NAN = math.nan


def key(**labels: str) -> bytes:
    return json.dumps(labels, separators=(",", ":"), ensure_ascii=False).encode()


def full_page() -> str:
    """Return a page on which every metric stands, without what depends on the machine."""
    keys = (
        key(__name__="node_load1", instance="db-1:9100", job="node"),
        key(__name__="node_load1", instance="web\\1", job='"node"\n'),
        key(__name__="node_load1", instance="straße:9100"),
    )
    published = [
        Published(
            query="load",
            keys=keys,
            gauges={
                "anomaly_score": np.array([0.0, 0.875, 1.0]),
                "anomaly_threshold": np.full(3, 0.6),
                "anomaly_value": np.array([0.25, 1e-7, 123456789012345680.0]),
                "anomaly_expected_value": np.array([0.5, NAN, -0.0]),
                "anomaly_lower_bound": np.array([-math.inf, NAN, 0.1]),
                "anomaly_upper_bound": np.array([math.inf, NAN, 0.30000000000000004]),
                "anomaly_level": np.array([0.25, 0.9375, 1.0]),
                "anomaly_onset": np.array([0.0, 0.125, 1.0]),
                "anomaly_deviation_sigmas": np.array([-1.5, NAN, math.inf]),
            },
            missing=(key(__name__="node_load1", instance="gone:9100"),),
            detector_scores={"mad": np.array([0.0, NAN, 1.0]), "zscore": np.full(3, NAN)},
            per_detector=True,
            muted=(key(__name__="node_load1", instance="straße:9100"),),
            weights={"mad": 0.8, "zscore": 1.0},
            combine="max",
        ),
        Published("quiet", (), {name: np.empty(0) for name in GAUGES}, (), {"mad": np.empty(0)}),
    ]
    ahead = np.array([1.5, NAN, math.inf])
    outlook = Outlook(
        query="load",
        keys=keys,
        leads={"6h": dict.fromkeys(FORECAST_GAUGES, ahead), "24h": {}},
        gauges=dict.fromkeys(OUTLOOK_GAUGES, ahead),
    )
    drifts = Drifts(
        query="load",
        keys=keys,
        tests={
            "ks": dict.fromkeys(TEST_GAUGES, np.array([0.5, NAN, 0.25])),
            "psi": {"anomaly_drift_statistic": np.array([0.125, NAN, 0.0])},
        },
        gauges={"anomaly_drift_severity": np.array([2.0, NAN, 0.0])},
    )
    feature = Drifts(
        query="churn.3.tenure",
        keys=(key(model="own"),),
        tests={"ks": {"anomaly_drift_statistic": np.array([0.5])}},
        gauges={"anomaly_drift_severity": np.array([1.0])},
        labels={"model": "churn", "model_version": "3", "part": "feature", "feature": "tenure"},
    )
    known = Measures(200, 120, 0.75, 0.5, 0.625, NAN, NAN)
    churn = ModelQuality(
        "3",
        {"7d": Measures(90, 80), "30d": known},
        Degradation("first_days", 0.6875, 0.0625, 0.02, 2),
    )
    metrics = SelfMetrics("1.2.3", ["mad", "zscore"])
    metrics.remember("load", 15.0)
    metrics.describe("load", "")
    metrics.describe("load", "processes", "auto", "24h")
    metrics.describe("forgotten", "s")
    metrics.also(CalendarMetrics(lambda: [CalendarState("feasts", 2, 1_763_700_000.0)]))
    facts = AdjustmentFacts({"load": (2, 1)}, 1_763_700_000.0, 1, {"timeout": 3})
    metrics.also(AdjustmentMetrics(lambda: facts))
    metrics.also(AdjustmentMetrics(lambda: None))
    metrics.also(MaskMetrics(lambda: MaskFacts(3, 1_763_700_000.0, {"malformed": 1})))
    metrics.also(MaskMetrics(lambda: None))
    metrics.forecasts.remember("load", 300.0, 0.9, 0.8)
    metrics.forecasts.remember("forgotten", 300.0, 0.9, 0.8)
    metrics.forecasts.forget("forgotten")
    quality = Quality(Counts(90.0, 10.0, 3.0, 9.0, 0.5, 0.25), 1_500.0, 1_763_700_000_000)
    metrics.quality.show("load", quality, 2)
    metrics.drift.remember("load", 3_600.0)
    metrics.drift.set_series("load", {"none": 1, "high": 1})
    metrics.drift.remember("forgotten", 3_600.0)
    metrics.drift.forget("forgotten")
    metrics.also(ModelGauges(lambda: {"churn": churn}))
    metrics.models.remember("churn", 3_600.0)
    metrics.models.remember("forgotten", 60.0)
    metrics.models.forget("forgotten")
    metrics.remember("forgotten", 60.0)
    metrics.quality.show("forgotten", quality, 2)
    metrics.forget("forgotten")
    metrics.evaluation_duration_seconds.labels("load").observe(0.125)
    metrics.phase_duration_seconds.labels("fetch").observe(0.0625)
    metrics.queries_total.labels("load").inc()
    metrics.last_evaluation_timestamp_seconds.labels("load").set(1_763_700_000)
    page = b"".join(Page().render(published, [outlook], [drifts, feature])) + metrics.render()
    return "".join(
        line
        for line in page.decode().splitlines(keepends=True)
        if not line.startswith(("process_", "python_"))
    )
