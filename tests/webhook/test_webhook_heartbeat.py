"""The dead man's switch: held down by deliveries, let go by silence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from promkit.clock import ManualClock
from promkit.labels import parse_matchers
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.store import Store
from webhook.adapters.truthmetrics import HeartbeatMetrics
from webhook.core.routing import Routing, Target
from webhook.heartbeat import ALERTNAME, Heartbeat, Switch

SWITCH = Switch(parse_matchers('alertname="Watchdog"'), 300.0, Routing((Target("second"),)))
BEAT = replace(alert(fingerprint="beat"), labels={"alertname": "Watchdog", "severity": "none"})


@dataclass
class Watch:
    """A switch on a clock."""

    store: Store
    clock: ManualClock
    heartbeat: Heartbeat
    registry: CollectorRegistry
    wakes: list[None]

    async def beat(self) -> None:
        rest = await self.heartbeat.take(SWITCH, delivery(BEAT), self.clock.now())
        assert rest.alerts == ()

    async def check_for(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            await self.clock.advance(5)
            await self.heartbeat.check(SWITCH)

    async def told(self) -> list[tuple[str, str]]:
        return [(row.channel, row.kind) for row in await rows(self.store, notifications)]

    async def incidents(self) -> Sequence[Any]:
        return await rows(self.store, incidents)

    def restarted(self) -> "Watch":
        return _watch(self.store, self.clock)


def _watch(store: Store, clock: ManualClock) -> Watch:
    registry = CollectorRegistry()
    wakes: list[None] = []
    metrics = HeartbeatMetrics(registry)
    heartbeat = Heartbeat(store, clock, metrics, lambda: wakes.append(None))
    return Watch(store, clock, heartbeat, registry, wakes)


@pytest.fixture
def watch(store: Store) -> Watch:
    return _watch(store, ManualClock(NOW))


async def test_silence_is_told_once_and_so_is_its_end(watch: Watch) -> None:
    for _ in range(10):
        await watch.beat()
        await watch.check_for(60)
    assert await watch.incidents() == []

    await watch.check_for(1_200)
    (row,) = await watch.incidents()
    assert (row.alertname, row.severity, row.origin) == (ALERTNAME, "critical", "webhook")
    # The last beat came a minute before the end of the loop above.
    assert row.starts_at == NOW + 540 + 300
    assert await watch.told() == [("second", "firing")]

    await watch.beat()
    await watch.check_for(60)
    (row,) = await watch.incidents()
    assert row.ends_at == NOW + 1_800
    assert await watch.told() == [("second", "firing"), ("second", "resolved")]
    assert len(watch.wakes) == 2
    name = "anomaly_webhook_heartbeat_timestamp_seconds"
    assert watch.registry.get_sample_value(name) == NOW + 1_800

    await watch.check_for(600)
    assert len(await watch.incidents()) == 2, "a second silence is a second incident"


async def test_a_restart_neither_forgets_nor_repeats(watch: Watch) -> None:
    await watch.beat()
    await watch.check_for(600)
    after = watch.restarted()
    await after.check_for(1_200)
    assert len(await after.incidents()) == 1

    await after.beat()
    last = after.restarted()
    await last.check_for(5)

    assert [row.ends_at is None for row in await last.incidents()] == [False]


async def test_time_without_us_is_no_silence(watch: Watch) -> None:
    await watch.beat()
    await watch.clock.advance(86_400)
    after = watch.restarted()

    await after.check_for(295)
    assert await after.incidents() == []
    await after.check_for(5)
    assert len(await after.incidents()) == 1


async def test_what_never_came_is_missed_as_well(watch: Watch) -> None:
    await watch.check_for(300)

    (row,) = await watch.incidents()
    assert "nor ever before" in row.annotations["description"]


async def test_only_heartbeats_are_taken_out(watch: Watch) -> None:
    other = alert()
    ended = replace(BEAT, status="resolved", ends_at=NOW)

    rest = await watch.heartbeat.take(SWITCH, delivery(BEAT, other), NOW)
    assert rest.alerts == (other,)
    await watch.clock.advance(100)
    rest = await watch.heartbeat.take(SWITCH, delivery(ended), watch.clock.now())

    assert rest.alerts == ()
    name = "anomaly_webhook_heartbeat_timestamp_seconds"
    assert watch.registry.get_sample_value(name) == NOW, "its end is no heartbeat"


async def test_where_nobody_wants_to_hear_of_silence_it_is_no_incident(watch: Watch) -> None:
    await watch.clock.advance(1_000)

    await watch.heartbeat.check(replace(SWITCH, routing=Routing(())))

    assert await watch.incidents() == []
