"""What does quality tell Prometheus? One snapshot; what cannot be said has no sample."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from webhook.core.degradation import Degradation
from webhook.core.quality import DetectorQuality, Quality

_OF_QUERY: Mapping[str, tuple[str, Callable[[Quality], float | None]]] = {
    "anomaly_quality_precision_ratio": (
        "Confirmed incidents, of confirmed ones and false alarms.",
        lambda quality: quality.precision.value,
    ),
    "anomaly_quality_recall_ratio": (
        "Confirmed incidents, of confirmed ones and marks of missed ones.",
        lambda quality: quality.recall.value,
    ),
    "anomaly_quality_f1_ratio": (
        "Harmonic mean of precision and recall, from their counts.",
        lambda quality: quality.f1,
    ),
    "anomaly_quality_roc_auc_ratio": (
        "How often a real incident has a higher score than a false alarm.",
        lambda quality: quality.roc_auc,
    ),
    "anomaly_quality_false_alarms_per_day": (
        "False alarms per day that the query was watched.",
        lambda quality: quality.false_alarms_per_day,
    ),
    "anomaly_quality_time_to_detect_seconds": (
        "Median time from the first anomalous sample to the incident, of confirmed ones.",
        lambda quality: quality.time_to_detect,
    ),
    "anomaly_quality_unjudged_incidents": (
        "Incidents of scores of which nobody said what they were.",
        lambda quality: quality.unjudged,
    ),
    "anomaly_quality_judged_incidents": (
        "Incidents of scores of which people said what they were.",
        lambda quality: quality.judged,
    ),
}
_OF_DETECTOR: Mapping[str, tuple[str, Callable[[DetectorQuality], float | None]]] = {
    "anomaly_quality_detector_precision_ratio": (
        "Real incidents, of those in which the detector's score reached the threshold.",
        lambda quality: quality.precision.value,
    ),
    "anomaly_quality_detector_recall_ratio": (
        "Real incidents in which the detector's score reached the threshold.",
        lambda quality: quality.recall.value,
    ),
    "anomaly_quality_detector_roc_auc_ratio": (
        "How often the detector's score is higher in a real incident than in a false alarm.",
        lambda quality: quality.roc_auc,
    ),
}
_SEVERITY = "anomaly_quality_degradation_severity"


class QualityMetrics(Collector):
    """Publishes what was computed last.

    Parameters
    ----------
    registry : it registers there
    latest : returns quality by query and window
    degradations : returns degradation by query
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        latest: Callable[[], Mapping[tuple[str, str], Quality]],
        degradations: Callable[[], Mapping[str, Degradation]],
    ) -> None:
        self._latest = latest
        self._degradations = degradations
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering asks for nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family, also those without a sample."""
        latest = self._latest()
        for name, (words, value_of) in _OF_QUERY.items():
            family = Metric(name, words, "gauge")
            for (query, window), quality in latest.items():
                if (value := value_of(quality)) is not None:
                    family.add_sample(name, {"query": query, "window": window}, value)
            yield family
        for name, (words, of_detector) in _OF_DETECTOR.items():
            family = Metric(name, words, "gauge")
            for (query, window), quality in latest.items():
                for detector, one in quality.detectors.items():
                    if (value := of_detector(one)) is not None:
                        labels = {"query": query, "detector": detector, "window": window}
                        family.add_sample(name, labels, value)
            yield family
        family = Metric(_SEVERITY, "Whether F1 fell: 0 no, 1 minor, 2 moderate, 3 severe.", "gauge")
        for query, degradation in self._degradations().items():
            family.add_sample(_SEVERITY, {"query": query}, degradation.severity)
        yield family
