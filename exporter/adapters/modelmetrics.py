"""How good are users' own models, as gauges, and how are the looks at them doing?"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, Final, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.adapters.metricset import Cycles, MetricSet
from exporter.errors import ModelFailure
from exporter.modelwatch.degradation import ModelQuality

_LOOKS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

_WINDOWS: Final[Mapping[str, tuple[str, str]]] = {
    "predictions": (
        "anomaly_model_predictions",
        "Predictions in the window, with a known truth or without.",
    ),
    "labelled": (
        "anomaly_model_labelled_predictions",
        "Predictions in the window whose truth is known.",
    ),
    "precision": (
        "anomaly_model_precision_ratio",
        "Share of the predictions of 1 in the window that came true.",
    ),
    "recall": (
        "anomaly_model_recall_ratio",
        "Share of what came true in the window that was predicted.",
    ),
    "f1": ("anomaly_model_f1_ratio", "Harmonic mean of precision and recall in the window."),
    "roc_auc": (
        "anomaly_model_roc_auc_ratio",
        "How likely something that came true in the window had a higher score than something that "
        "did not.",
    ),
}
"""Attribute of `Measures` -> name and help text."""


class ModelMetrics(MetricSet):
    """Metrics of the models with a label; each attribute is one, as in `SelfMetrics`."""

    subject: ClassVar[str] = "model"

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self.model_quality_checks_total = self._counter(
            "model_quality_checks_total",
            "Checks of a model's quality that published something.",
            "model",
        )
        self.model_quality_check_failures_total = self._counter(
            "model_quality_check_failures_total",
            "Checks of a model's quality that published nothing, or not all since labels are "
            "neither 0 nor 1, or whose history could not be read or written, by reason.",
            "model",
            "reason",
            values=get_args(ModelFailure),
        )
        self.model_quality_check_duration_seconds = self._histogram(
            "model_quality_check_duration_seconds",
            "Time from asking Prometheus to published quality, per check.",
            "model",
            buckets=_LOOKS,
        )
        self.last_model_quality_check_timestamp_seconds = self._gauge(
            "last_model_quality_check_timestamp_seconds",
            "When a model's quality was last published, in unix seconds; 0 for never.",
            "model",
        )
        self.model_quality_check_interval_seconds = self._gauge(
            "model_quality_check_interval_seconds",
            "Configured time between checks of quality.",
            "model",
        )

    @property
    def cycles(self) -> Cycles:
        """What is counted of every check."""
        return Cycles(
            self.model_quality_check_failures_total,
            self.last_model_quality_check_timestamp_seconds,
            self.model_quality_check_duration_seconds,
        )

    def remember(self, model: str, interval: float) -> None:
        """Begin the metrics of a model that is checked every `interval` seconds."""
        self.begin(model)
        self.model_quality_check_interval_seconds.labels(model).set(interval)


class ModelGauges(Collector):
    """The quality of all models, as it is known at a scrape.

    Parameters
    ----------
    known : returns model -> what is known of it
    """

    def __init__(self, known: Callable[[], Mapping[str, ModelQuality]]) -> None:
        self._known = known

    def describe(self) -> Iterable[Metric]:
        """Return nothing: what there is may change from scrape to scrape."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the families that have a value."""
        known = self._known()
        windows = [
            ((model, one.version, window), measures)
            for model, one in known.items()
            for window, measures in one.windows.items()
        ]
        for attribute, (name, text) in _WINDOWS.items():
            found = ((labels, getattr(measures, attribute)) for labels, measures in windows)
            yield from _family(name, text, ("window",), found)
        compared = [
            ((model, one.version), one.degradation)
            for model, one in known.items()
            if one.degradation is not None
        ]
        yield from _family(
            "anomaly_model_reference_f1_ratio",
            "F1 that the newest seven days are compared with, by what it is that of.",
            ("reference",),
            (((*labels, found.kind), found.reference) for labels, found in compared),
        )
        yield from _family(
            "anomaly_model_f1_drop_ratio",
            "By how much F1 of the newest seven days is lower than the reference, as a share; "
            "negative where it is higher.",
            (),
            ((labels, found.drop) for labels, found in compared),
        )
        yield from _family(
            "anomaly_model_degradation_severity",
            "How much worse the model is, by more than chance: 0 none, 1 minor, 2 moderate, "
            "3 severe.",
            (),
            ((labels, found.severity) for labels, found in compared),
        )


def _family(
    name: str,
    text: str,
    more: tuple[str, ...],
    values: Iterable[tuple[tuple[str, ...], float]],
) -> Iterator[Metric]:
    """Yield a family if there is anything in it; what is NaN is not."""
    family = GaugeMetricFamily(name, text, labels=("model", "model_version", *more))
    for labels, value in values:
        if not math.isnan(value):
            family.add_metric(labels, value)
    if family.samples:
        yield family
