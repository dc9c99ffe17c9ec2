"""Which numbers does the daemon publish about itself?"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from webhook.adapters.outbox import SuppressedReason
from webhook.adapters.queries import Counts
from webhook.core.incidents import Change
from webhook.errors import FailureReason, StoreUnavailable

SUPPRESSED: tuple[SuppressedReason, ...] = (
    "repeated",
    "stale",
    "already_resolved",
    "no_channel",
    "superseded",
    "firing_not_delivered",
    "throttled_metric",
    "throttled_total",
    "flapping",
    "quiet_hours",
    "grouped",
    "missed",
    "harmless_pattern",
    "firing_held",
)
FAILURES: tuple[FailureReason, ...] = (
    "rejected",
    "redirected",
    "rate_limited",
    "server_error",
    "timeout",
    "unreachable",
    "tls",
    "secret",
    "internal",
)
# Alerts without a notification of their own, and why.
_QUIET: dict[Change, SuppressedReason] = {
    Change.REPEATED: "repeated",
    Change.STALE: "stale",
    Change.MISSED: "already_resolved",
}
# The annotation types what the library left untyped.
_hide_created: Callable[[], None] = disable_created_metrics
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400)


class Metrics:
    """The daemon's counters, on a registry of its own.

    Parameters
    ----------
    version : for the build info
    counts : reads the store's sizes at each scrape; raises StoreUnavailable when it cannot
    reloads : tells whether the last reload succeeded, and the unix second of the last success
    now : unix seconds
    """

    def __init__(
        self,
        version: str,
        counts: Callable[[], Counts],
        reloads: Callable[[], tuple[bool, float]],
        now: Callable[[], float],
    ) -> None:
        # Two lines per counter that nobody has asked for yet.
        _hide_created()
        registry = CollectorRegistry()
        self._registry = registry
        self._received = Counter(
            "anomaly_webhook_alerts_received_total",
            "Alerts stored, firing and resolved, repetitions included.",
            registry=registry,
        )
        self._refused = Counter(
            "anomaly_webhook_deliveries_refused_total",
            "Requests of Alertmanager answered with 503, which it sends again.",
            registry=registry,
        )
        self._quarantined = Counter(
            "anomaly_webhook_quarantined_total",
            "Request bodies that could not be read, in whole or in part, as alerts.",
            registry=registry,
        )
        self._notifications = Counter(
            "anomaly_webhook_notifications_total",
            "Attempts to send a notification.",
            ["channel"],
            registry=registry,
        )
        self._failures = Counter(
            "anomaly_webhook_notification_failures_total",
            "Attempts to send a notification that failed.",
            ["channel", "reason"],
            registry=registry,
        )
        self._dead = Counter(
            "anomaly_webhook_notifications_dead_total",
            "Notifications given up: refused for good, or not delivered within a day.",
            ["channel"],
            registry=registry,
        )
        self._suppressed = Counter(
            "anomaly_webhook_notifications_suppressed_total",
            "Alerts or notifications that got no notification of their own, and why.",
            ["reason"],
            registry=registry,
        )
        self._latency = Histogram(
            "anomaly_webhook_notification_latency_seconds",
            "From receiving the alert to the channel having accepted its notification.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.registry = registry
        """For what other parts publish."""
        for suppressed in SUPPRESSED:
            self._suppressed.labels(suppressed)
        registry.register(_Sizes(version, counts, reloads, now))
        for process in (ProcessCollector, PlatformCollector, GCCollector):
            process(registry=registry)

    def expect_channels(self, names: Iterable[str]) -> None:
        """Export zeros for channels that have sent nothing yet, so that rates start right."""
        for name in names:
            self._notifications.labels(name)
            self._dead.labels(name)
            for reason in FAILURES:
                self._failures.labels(name, reason)

    def recorded(self, change: Change, count: int) -> None:
        """Count alerts of a delivery that was committed."""
        self._received.inc(count)
        if change in _QUIET:
            self.suppressed(_QUIET[change], count)

    def suppressed(self, reason: SuppressedReason, count: int) -> None:
        """Count what needed no notification."""
        self._suppressed.labels(reason).inc(count)

    def refused(self) -> None:
        """Count a 503."""
        self._refused.inc()

    def quarantined(self) -> None:
        """Count a body that could not be read."""
        self._quarantined.inc()

    def sent(self, channel: str, latency: float) -> None:
        """Count a success; `latency` in seconds since the alert came."""
        self._notifications.labels(channel).inc()
        self._latency.observe(max(0.0, latency))

    def failed(self, channel: str, reason: FailureReason, *, is_dead: bool) -> None:
        """Count a failed attempt, and whether it was the last one."""
        self._notifications.labels(channel).inc()
        self._failures.labels(channel, reason).inc()
        if is_dead:
            self._dead.labels(channel).inc()

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the page and its content type in the format that `Accept` prefers.

        Reads the store: call it in a thread.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Sizes(Collector):
    """Gauges that are read rather than kept: the store's sizes, the last reload, the build."""

    def __init__(
        self,
        version: str,
        counts: Callable[[], Counts],
        reloads: Callable[[], tuple[bool, float]],
        now: Callable[[], float],
    ) -> None:
        self._version = version
        self._counts = counts
        self._reloads = reloads
        self._now = now

    def describe(self) -> Iterable[Metric]:
        """Name nothing, so that registering does not read the store."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the families; without the store's when it cannot be read."""
        build = GaugeMetricFamily(
            "anomaly_webhook_build_info", "Always 1, with the version.", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build
        is_successful, timestamp = self._reloads()
        yield GaugeMetricFamily(
            "anomaly_webhook_config_last_reload_successful",
            "Whether the configuration in force is the one in the file.",
            value=float(is_successful),
        )
        yield GaugeMetricFamily(
            "anomaly_webhook_config_last_reload_success_timestamp_seconds",
            "When the configuration was last taken into use.",
            value=timestamp,
        )
        try:
            counts = self._counts()
        except StoreUnavailable:
            # A scrape must show the rest; the missing gauges go stale and can be alerted on.
            return
        yield GaugeMetricFamily(
            "anomaly_webhook_incidents_open",
            "Incidents that are open now.",
            value=counts.open_incidents,
        )
        yield GaugeMetricFamily(
            "anomaly_webhook_outbox_size",
            "Notifications that are neither sent nor given up.",
            value=counts.pending,
        )
        yield GaugeMetricFamily(
            "anomaly_webhook_notifications_held",
            "Notifications held back until a digest names them.",
            value=counts.held,
        )
        oldest = counts.oldest_pending_at
        yield GaugeMetricFamily(
            "anomaly_webhook_oldest_pending_seconds",
            "Age of the oldest notification in the outbox; 0 when it is empty.",
            value=0.0 if oldest is None else max(0.0, self._now() - oldest),
        )
