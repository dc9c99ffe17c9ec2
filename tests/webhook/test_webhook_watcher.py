"""What is silent is looked at in a real Prometheus, and patterns are looked for."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW, delivery
from tests.webhook.judging import say
from tests.webhook.knownprometheus import ALERT, KnownPrometheus
from tests.webhook.patterned import nights, put_pattern
from webhook.adapters.gate import look
from webhook.adapters.patterns import list_patterns
from webhook.adapters.recording import Recording
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.store import Store
from webhook.adapters.verdictpast import series_of
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.alerts import Alert
from webhook.core.routing import Routing, Target
from webhook.settings.patterns import PatternsConfig
from webhook.settings.sources import SourceConfig
from webhook.watcher import Watcher

LABELS = {**ALERT, "severity": "warning"}
ROUTING = Routing((Target("chat"),))


@dataclass
class Bench:
    """A watcher and a gate over a real store, whose settings a test may turn."""

    store: Store
    clock: ManualClock
    config: WebhookConfig
    silenced: list[int] = field(default_factory=list)
    woken: list[bool] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=lambda: LABELS)

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.asking = Asking(lambda: self.config)
        self.watcher = Watcher(
            self.store,
            self.clock,
            self.registry,
            self.asking,
            lambda: self.config,
            self.silenced.append,
            lambda: self.woken.append(True),
        )

    async def begin(self, **more: Any) -> None:
        """Let a pattern of the latency be known, and its alert come."""
        now = self.clock.now()
        own = series_of(self.labels, ())
        values = {"query": "latency", "labels": own, "lower": [1.0] * 60, "upper": [3.0] * 60}
        await self.store.write(lambda c: put_pattern(c, now, now, **{**values, **more}))
        await self._deliver(Alert("a", "firing", self.labels, {}, now, None, ""))
        await self.gate()
        assert await self.states() == ["held"]

    async def end(self) -> None:
        now = self.clock.now()
        await self._deliver(Alert("a", "resolved", self.labels, {}, now - 30, now, ""))

    async def _deliver(self, alert: Alert) -> None:
        await self.store.record(Recording(delivery(alert), ROUTING, self.clock.now()))

    async def gate(self) -> None:
        now = self.clock.now()
        await self.store.write(lambda c: look(c, self.config.gate_rules, "http://a", now))

    async def states(self) -> list[str]:
        return [row.state for row in await rows(self.store, notifications)]

    async def left(self) -> str | None:
        (incident,) = await rows(self.store, incidents)
        how: str | None = incident.pattern_left
        return how

    def page(self) -> str:
        return generate_latest(self.registry).decode()


@pytest.fixture
def bench(store: Store, known: KnownPrometheus) -> Iterator[Bench]:
    config = WebhookConfig(prometheus=SourceConfig(url=known.url))
    # The latency is out of its band from five minutes before to five minutes after this instant.
    built = Bench(store, ManualClock(known.at), config)
    yield built
    built.asking.close()


async def test_it_stays_silent_while_it_fits_and_for_good_when_it_is_over(bench: Bench) -> None:
    await bench.watcher.watch()
    await bench.begin()
    for _ in range(4):
        await bench.clock.advance(40)
        await bench.watcher.watch()
        await bench.gate()
        assert await bench.states() == ["held"]
    await bench.end()
    await bench.watcher.watch()
    assert await bench.states() == ["suppressed", "suppressed"]
    assert (bench.silenced, bench.woken) == ([1], [])


async def test_it_is_told_as_soon_as_it_leaves(bench: Bench) -> None:
    await bench.begin()
    await bench.clock.advance(50)
    await bench.watcher.watch()
    assert bench.woken == []
    # A day later nothing would be known of it: the value is back to normal, the pattern is not.
    await bench.clock.advance(340)
    await bench.watcher.watch()
    assert (await bench.states(), bench.woken) == (["new"], [True])
    assert await bench.left() == "left"
    assert "anomaly_webhook_patterns_left_total 1.0" in bench.page()
    assert 'anomaly_webhook_patterns{state="active"} 1.0' in bench.page()


async def test_it_is_told_when_it_lasts_longer(bench: Bench) -> None:
    # Five minutes are gone when its alert comes.
    await bench.begin(lower=[1.0] * 10, upper=[3.0] * 10)
    await bench.watcher.watch()
    assert await bench.left() == "longer"


@pytest.mark.parametrize("how", ["unreachable", "unknown"])
async def test_it_is_told_when_prometheus_cannot_say(bench: Bench, how: str) -> None:
    if how == "unreachable":
        bench.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    else:
        bench.labels = {**LABELS, "pod": "nobody knows it"}
    await bench.begin()
    for _ in range(4):
        await bench.watcher.watch()
        await bench.gate()
        assert await bench.states() == ["held"]
        await bench.clock.advance(14)
    await bench.clock.advance(5)
    await bench.gate()
    assert await bench.states() == ["pending"]
    assert await bench.left() == "unknown"
    if how == "unreachable":
        failed = 'anomaly_webhook_pattern_watch_failures_total{reason="unreachable"} 4.0'
        assert failed in bench.page()


async def test_without_prometheus_nothing_stays_silent(bench: Bench) -> None:
    await bench.begin()
    bench.config = WebhookConfig()
    await bench.watcher.watch()
    await bench.gate()
    assert (await bench.states(), await bench.left()) == (["pending"], "ended")


async def test_patterns_are_made_of_verdicts(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.clock = ManualClock(NOW + 3600)
    bench.__post_init__()
    caplog.set_level(logging.INFO)
    numbers = await nights(bench.store, "false_alarm", 3, 2)
    await bench.watcher.make()
    numbers += await nights(bench.store, "false_alarm", 1)
    bench.config = WebhookConfig(
        prometheus=SourceConfig(url="http://127.0.0.1:9"), patterns=PatternsConfig(enabled=False)
    )
    await bench.watcher.make()
    assert await bench.store.read(list_patterns) == []

    bench.config = WebhookConfig(prometheus=SourceConfig(url="http://127.0.0.1:9"))
    await bench.watcher.make()
    await bench.watcher.make()
    (row,) = await bench.store.read(list_patterns)
    assert row.incidents == numbers
    assert [each.message for each in caplog.records] == ["a harmless pattern"]
    assert bench.woken == []

    await say(bench.store, numbers[0], "maintenance")
    await bench.watcher.make()
    (row,) = await bench.store.read(list_patterns)
    assert row.forgotten_at == NOW + 3600
    assert bench.woken == [True], "what it silenced is let through at once"
