"""Which numbers does the gate publish about digests?"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class GateMetrics:
    """Digests made, and how late the next one is.

    Parameters
    ----------
    now : unix seconds
    """

    def __init__(self, registry: CollectorRegistry, now: Callable[[], float]) -> None:
        self._now = now
        self._next_at: float | None = None
        self._digests = Counter(
            "anomaly_webhook_digests_total",
            "Digests of alerts that were held back, one for each channel.",
            registry=registry,
        )
        overdue = Gauge(
            "anomaly_webhook_digest_overdue_seconds",
            "How long a digest has been due that the limits allow; 0 when none is.",
            registry=registry,
        )
        overdue.set_function(self._overdue)

    def looked(self, digests: int, next_at: float | None) -> None:
        """Take in what a look did, and when the next digest is due, unix seconds."""
        self._digests.inc(digests)
        self._next_at = next_at

    def _overdue(self) -> float:
        return 0.0 if self._next_at is None else max(0.0, self._now() - self._next_at)
