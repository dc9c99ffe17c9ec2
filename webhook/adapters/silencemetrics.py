"""Which silences does Prometheus hear of? Those that hold or held, for the exporter to read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from webhook.core.silences import Silence
from webhook.errors import LookupReason

START = "anomaly_silence_start_timestamp_seconds"
END = "anomaly_silence_end_timestamp_seconds"
LEFT_OUT = "anomaly_webhook_silences_left_out"
LAST_READ = "anomaly_webhook_silences_last_read_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Known:
    """What Alertmanager said last.

    Parameters
    ----------
    silences : those that are published
    left_out : how many are not, since there are too many or their matchers are too long
    read_at : unix seconds
    """

    silences: Sequence[Silence]
    left_out: int
    read_at: float


class SilenceMetrics:
    """Publishes what is known, and counts failures to read it.

    Parameters
    ----------
    known : returns what was read last; None where Alertmanager was never asked
    """

    def __init__(self, registry: CollectorRegistry, known: Callable[[], Known | None]) -> None:
        self._failures = Counter(
            "anomaly_webhook_silence_read_failures_total",
            "Attempts to read Alertmanager's silences that failed.",
            ["reason"],
            registry=registry,
        )
        for reason in get_args(LookupReason):
            self._failures.labels(reason)
        registry.register(_Silences(known))

    def failed(self, reason: LookupReason) -> None:
        """Count an attempt that failed."""
        self._failures.labels(reason).inc()


class _Silences(Collector):
    def __init__(self, known: Callable[[], Known | None]) -> None:
        self._known = known

    def describe(self) -> Iterable[Metric]:
        """Name nothing: all of them come and go."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield what is known; nothing where nobody is asked."""
        known = self._known()
        if known is None:
            return
        began = Metric(START, "When a silence of Alertmanager began, in unix seconds.", "gauge")
        ended = Metric(END, "When it ends or has ended, in unix seconds.", "gauge")
        for each in known.silences:
            labels = {"silence": each.id, "matchers": each.matchers}
            began.add_sample(START, labels, each.starts_at)
            ended.add_sample(END, labels, each.ends_at)
        yield began
        yield ended
        for name, what, value in (
            (LEFT_OUT, "Silences not published: too many, or matchers too long.", known.left_out),
            (
                LAST_READ,
                "When Alertmanager's silences were last read, in unix seconds.",
                known.read_at,
            ),
        ):
            family = Metric(name, what, "gauge")
            family.add_sample(name, {}, value)
            yield family
