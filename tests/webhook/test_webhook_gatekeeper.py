"""The gate's loop: at once what may go out, a digest when it is due, and nothing lost."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from promkit.clock import ManualClock
from tests.webhook.bench import logged
from tests.webhook.deliveries import NOW, alert, delivery
from webhook.adapters import queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.gatemetrics import GateMetrics
from webhook.adapters.recording import Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store
from webhook.core.alerts import Alert
from webhook.core.quiet import DAYS, QuietHours
from webhook.core.routing import Routing, Target
from webhook.core.throttle import Rules, Total
from webhook.gatekeeper import LONGEST_WAIT, STORE_RETRY_SECONDS, Gatekeeper

RULES = Rules(per_metric_and_severity=300.0, total=Total(10, 900.0), digest=300.0)
ROUTING = Routing((Target("chat"), Target("pager", levels=frozenset({"critical"}))))


@dataclass
class Gate:
    store: Store
    clock: ManualClock
    rules: Rules = RULES
    is_broken: bool = False
    admitted: asyncio.Event = field(default_factory=asyncio.Event)
    keeper: Gatekeeper = field(init=False)

    def __post_init__(self) -> None:
        self.metrics = Metrics(
            "1", lambda: self.store.read_here(queries.counts), lambda: (True, 0), self.clock.now
        )
        self.keeper = Gatekeeper(
            self.store,
            self.clock,
            self.metrics,
            GateMetrics(self.metrics.registry, self.clock.now),
            settings=self.settings,
            admitted=self.admitted.set,
        )

    def settings(self) -> tuple[Rules, str]:
        if self.is_broken:
            raise ZeroDivisionError
        return self.rules, "http://a"

    async def receive(self, *alerts: Alert) -> None:
        await self.store.record(Recording(delivery(*alerts), ROUTING, self.clock.now()))
        self.keeper.wake()

    async def until(self, **states: int) -> None:
        """Wait until exactly that many notifications are in these states."""
        while True:
            rows = await self.rows()
            if states == {name: sum(row.state == name for row in rows) for name in states}:
                return

    async def rows(self) -> Any:
        return await self.store.read(
            lambda connection: connection.execute(select(notifications)).all()
        )

    async def later(self, seconds: float) -> None:
        """Let time pass once the gate waits for it."""
        await self.clock.until_sleeping()
        await self.clock.advance(seconds)

    def number(self, name: str) -> float:
        page = self.metrics.render("")[0].decode()
        (line,) = [row for row in page.splitlines() if row.startswith(f"anomaly_webhook_{name} ")]
        return float(line.rsplit(" ", 1)[1])


@asynccontextmanager
async def keeping(store: Store) -> AsyncIterator[Gate]:
    gate = Gate(store, ManualClock(NOW))
    task = asyncio.create_task(gate.keeper.run())
    yield gate
    task.cancel()
    await asyncio.wait([task])


async def test_what_is_not_held_goes_out_at_once_and_the_rest_in_a_digest(store: Store) -> None:
    async with keeping(store) as gate:
        await gate.receive(alert())
        await gate.admitted.wait()
        await gate.receive(alert(fingerprint="b"), alert(fingerprint="c", severity="warning"))
        await gate.until(pending=3, held=2)
        await gate.receive(alert("resolved", "b"))
        await gate.until(suppressed=2)
        assert gate.number("notifications_held") == 2

        gate.admitted.clear()
        for _ in range(10):
            await gate.later(LONGEST_WAIT)
        await gate.admitted.wait()
        await gate.until(digested=2, held=0)

        digests = [row for row in await gate.rows() if row.kind == "digest"]
        assert {row.channel for row in digests} == {"chat", "pager"}
        (line,) = digests[0].content["rows"]
        assert (line["what"], line["count"], line["is_open"]) == ("CpuAnomaly cpu: b", 1, False)
        assert line["why_held"] == "one in 5m for a metric and severity"
        assert gate.number('notifications_suppressed_total{reason="throttled_metric"}') == 1
        assert gate.number('notifications_suppressed_total{reason="firing_held"}') == 1
        assert gate.number("digests_total") == 2
        assert gate.number("digest_overdue_seconds") == 0


async def test_a_storm_is_named_in_one_digest_for_each_channel(store: Store) -> None:
    """A hundred alerts a second for a minute, each of a query of its own, then all at once."""
    async with keeping(store) as gate:
        for second in range(60):
            storm = [
                Alert(
                    f"{second}-{i}",
                    "firing",
                    {"alertname": "A", "query": f"q{i}", "severity": ("info", "critical")[i % 2]},
                    {},
                    NOW + second,
                    None,
                    "",
                )
                for i in range(100)
            ]
            await gate.receive(*storm)
            await gate.later(1.0)
        await gate.until(new=0)
        assert gate.number("notifications_held") == 9_000 - gate_sent(await gate.rows())
        for _ in range(12):
            await gate.later(LONGEST_WAIT)
        await gate.until(held=0, new=0)
        rows = await gate.rows()

    announced = {row.incident_id for row in rows if row.admitted_at and row.kind == "firing"}
    digests = {row.channel: row for row in rows if row.kind == "digest"}
    assert len(announced) == 9, "nine messages and the digest"
    assert len(digests) == 2
    assert digests["chat"].content["held"] == 6_000 - len(announced)
    assert len(digests["chat"].content["rows"]) == 15
    assert digests["chat"].content["still_open"] == 6_000 - len(announced)
    first = [row.incident_id for row in rows if row.channel == "pager" and row.admitted_at]
    assert len([each for each in first if each]) == 9, "the critical ones are served first"


def gate_sent(rows: Any) -> int:
    return sum(row.state == "pending" for row in rows)


async def test_new_quiet_hours_keep_what_is_held_and_their_end_frees_it(store: Store) -> None:
    night = QuietHours(frozenset(DAYS), time(8), time(12), ZoneInfo("UTC"), frozenset({"critical"}))
    async with keeping(store) as gate:
        await gate.receive(alert(), alert(fingerprint="b"))
        await gate.until(held=2)
        gate.rules = replace(RULES, quiet=(night,))
        gate.keeper.wake()
        for _ in range(11):
            await gate.later(LONGEST_WAIT)
        (held, *_) = [row for row in await gate.rows() if row.state == "held"]
        assert (held.held_reason, held.held_until) == ("quiet_hours", night.until(NOW))

        gate.rules = RULES
        gate.keeper.wake()
        await gate.later(LONGEST_WAIT)
        await gate.until(digested=2)


async def test_the_gate_survives_a_store_that_fails_and_a_defect(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "webhook")

    def rename(old: str, new: str) -> Any:
        statement = text(f"ALTER TABLE {old} RENAME TO {new}")
        return store.write(lambda connection: connection.execute(statement))

    async with keeping(store) as gate:
        await gate.clock.until_sleeping()
        await rename("notifications", "away")
        gate.keeper.wake()
        await logged(caplog, "the gate cannot decide")
        await rename("away", "notifications")
        await gate.later(STORE_RETRY_SECONDS)
        await gate.receive(alert())
        await gate.until(pending=2)

        gate.is_broken = True
        gate.keeper.wake()
        await logged(caplog, "the gate failed")
        gate.is_broken = False
        await gate.receive(alert(fingerprint="late", severity="info"))
        await gate.later(STORE_RETRY_SECONDS)
        await gate.until(pending=3)
