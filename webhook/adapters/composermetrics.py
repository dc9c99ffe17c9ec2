"""Which numbers tell whether messages say what they could?"""

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter

from webhook.adapters.prometheus import PrometheusReason

EnrichmentReason = Literal[PrometheusReason, "store", "secret", "template", "internal"]
REASONS: tuple[EnrichmentReason, ...] = get_args(EnrichmentReason)


class ComposerMetrics:
    """Messages that were composed, and what went wrong with parts of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._enrichments = Counter(
            "anomaly_webhook_enrichments_total",
            "Incidents for which was looked up what a message could say.",
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_enrichment_failures_total",
            "Parts of messages that were left out because they could not be found out.",
            ["reason"],
            registry=registry,
        )
        for reason in REASONS:
            self._failures.labels(reason)

    def looked_up(self) -> None:
        """Count an incident."""
        self._enrichments.inc()

    def failed(self, reason: EnrichmentReason) -> None:
        """Count a part that is missing."""
        self._failures.labels(reason).inc()
