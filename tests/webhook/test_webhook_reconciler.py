"""Comparing with Alertmanager and Prometheus over a real store and real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from promkit.clock import ManualClock
from promkit.httpconfig import HttpConfig, requests_session
from promkit.labels import parse_matchers
from tests.webhook.adapters.storing import ROUTING, record, rows
from tests.webhook.deliveries import NOW, alert
from tests.webhook.standins.observability import Observability, observed
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.jsonget import JsonSource
from webhook.adapters.schema import events, incidents
from webhook.adapters.store import Store
from webhook.adapters.truthmetrics import ReconcileMetrics
from webhook.core.fingerprint import fingerprint
from webhook.reconciler import Reconciler, Scope

LABELS = {"alertname": "Down", "severity": "critical", "instance": "db1"}


@dataclass
class Case:
    """A reconciler that came up at NOW, and what it works with."""

    store: Store
    known: Observability
    clock: ManualClock
    registry: CollectorRegistry
    reconciler: Reconciler
    scope: Scope
    wakes: list[None]

    async def run(self) -> None:
        await self.reconciler.run(self.scope, 60.0)

    async def later(self, seconds: float = 60.0) -> None:
        await self.clock.advance(seconds)
        await self.run()

    async def incidents(self) -> dict[str, Any]:
        """Return the latest incident of each fingerprint."""
        return {row.fingerprint: row for row in await rows(self.store, incidents)}

    def count(self, name: str, **labels: str) -> float:
        full = f"anomaly_webhook_reconcile_{name}"
        return self.registry.get_sample_value(full, labels) or 0.0

    def restarted(self) -> "Case":
        return _case(self.store, self.known, self.clock)


def _case(store: Store, known: Observability, clock: ManualClock) -> Case:
    registry = CollectorRegistry()
    wakes: list[None] = []
    reconciler = Reconciler(store, clock, ReconcileMetrics(registry), lambda: wakes.append(None))
    source = JsonSource(known.url, requests_session(HttpConfig()), seconds=5)
    scope = Scope(
        Alertmanager(source),
        AlertsHistory(source),
        receiver="hook",
        matchers=(),
        heartbeats=parse_matchers('alertname="Watchdog"'),
        wait=360.0,
        settle=300.0,
        lookback=86_400.0,
        routing=ROUTING,
    )
    return Case(store, known, clock, registry, reconciler, scope, wakes)


@pytest.fixture
async def case(store: Store) -> AsyncIterator[Case]:
    async with observed() as known:
        yield _case(store, known, ManualClock(NOW))


async def test_what_fires_since_before_we_came_up_is_known_at_once(case: Case) -> None:
    mine = case.known.fires(LABELS, NOW - 90, NOW - 10)
    case.known.fires({**LABELS, "instance": "other"}, NOW - 90, NOW - 10, receiver="team-x")
    case.known.fires({**LABELS, "instance": "s"}, NOW - 90, NOW - 10, state="suppressed")
    case.known.fires({**LABELS, "instance": "m"}, NOW - 90, NOW - 10, muted_by=("night",))
    case.known.fires({"alertname": "Watchdog"}, NOW - 9_000, NOW - 10)

    await case.run()
    await case.later()

    found = await case.incidents()
    assert set(found) == {mine}
    assert found[mine].origin == "reconcile"
    assert found[mine].starts_at == pytest.approx(NOW - 90, abs=0.001)
    (event,) = await rows(case.store, events)
    assert (event.source, event.cause) == ("reconcile", "listed by Alertmanager")
    assert len(case.wakes) == 1
    assert case.count("recovered_total", state="firing") == 1
    assert case.count("last_success_timestamp_seconds") == NOW + 60


async def test_a_younger_alert_is_left_to_alertmanager_for_a_while(case: Case) -> None:
    await case.run()
    case.known.fires(LABELS, NOW + 10, NOW + 10)

    await case.later(60)
    assert await case.incidents() == {}
    for _ in range(6):
        await case.later(60)
    assert len(await case.incidents()) == 1


async def test_what_came_and_went_while_we_were_away_is_kept(case: Case) -> None:
    await case.run()
    await case.clock.advance(600)
    gone = case.known.fired(LABELS, NOW + 100, NOW + 160)
    case.known.fired({"alertname": "Watchdog"}, NOW + 100, NOW + 160)
    case.known.route = {
        "receiver": "hook",
        "routes": [{"receiver": "team-x", "matchers": ['team="x"']}],
    }
    case.known.fired({**LABELS, "team": "x"}, NOW + 100, NOW + 160)
    again = case.restarted()

    await again.run()
    await again.later()

    found = await again.incidents()
    assert set(found) == {gone}
    assert (found[gone].starts_at, found[gone].ends_at) == (NOW + 100, NOW + 160)
    assert found[gone].origin == "reconcile"
    assert again.count("recovered_total", state="ended") == 1


async def test_external_labels_are_part_of_what_alertmanager_gets(case: Case) -> None:
    await case.run()
    await case.clock.advance(600)
    case.known.prometheus = {
        "global": {"external_labels": {"cluster": "eu", "replica": "a", "severity": "none"}},
        "alerting": {"alert_relabel_configs": [{"action": "labeldrop", "regex": "replica"}]},
    }
    case.known.fired(LABELS, NOW + 100, NOW + 160)
    again = case.restarted()

    await again.run()

    assert set(await again.incidents()) == {fingerprint({**LABELS, "cluster": "eu"})}


async def test_an_incident_that_ended_meanwhile_ends_when_it_did(case: Case) -> None:
    mine = case.known.fires(LABELS, NOW - 90, NOW - 10)
    await case.run()
    case.known.alerts.clear()
    await case.clock.advance(600)
    case.known.fired(LABELS, NOW - 90, NOW + 160)
    again = case.restarted()

    await again.run()

    assert (await again.incidents())[mine].ends_at == NOW + 160
    assert again.count("closed_total") == 1


async def test_a_first_start_looks_at_no_history(case: Case) -> None:
    case.known.fired(LABELS, NOW - 160, NOW - 100)

    await case.run()

    assert await case.incidents() == {}


async def test_an_end_that_nobody_delivered_is_found_in_two_looks(case: Case) -> None:
    labels = alert().labels
    await record(case.store, alert(fingerprint=fingerprint(labels)))
    case.known.fires(dict(labels), NOW - 60, NOW - 10)
    await case.run()
    case.known.alerts.clear()

    await case.later()
    (open_one,) = (await case.incidents()).values()
    await case.later()
    (closed,) = (await case.incidents()).values()

    assert open_one.ends_at is None
    assert closed.ends_at == NOW + 60
    assert case.count("closed_total") == 1


async def test_alertmanager_that_has_just_started_ends_nothing(case: Case) -> None:
    await record(case.store, alert(fingerprint="abc"))
    case.known.fires(dict(alert().labels), NOW - 60, NOW - 10)
    case.known.alerts[0][1]["fingerprint"] = "abc"
    await case.run()
    case.known.alerts.clear()
    case.known.started_at = NOW

    for _ in range(4):
        await case.later()
    assert (await case.incidents())["abc"].ends_at is None
    for _ in range(3):
        await case.later()
    assert (await case.incidents())["abc"].ends_at is not None


async def test_what_prometheus_still_fires_is_not_ended(case: Case) -> None:
    mine = case.known.fires(LABELS, NOW - 90, NOW - 10)
    await case.run()
    case.known.alerts.clear()
    case.known.fired(LABELS, NOW - 90, NOW + 1_000)

    for _ in range(5):
        await case.later()

    assert (await case.incidents())[mine].ends_at is None


async def test_alerts_of_another_alertmanager_are_not_ended(case: Case) -> None:
    await record(case.store, alert())

    for _ in range(10):
        await case.later()

    assert (await case.incidents())["abc"].ends_at is None


async def test_an_alert_that_was_given_up_and_seen_again_is_open_again(case: Case) -> None:
    """Alertmanager timed it out, and then Prometheus went on with its old start."""
    mine = fingerprint(LABELS)
    told = replace(alert(fingerprint=mine, starts_at=NOW - 900), labels=LABELS)
    await record(case.store, told, now=NOW - 890)
    given_up = replace(told, status="resolved", ends_at=NOW - 300)
    await record(case.store, given_up, now=NOW - 299)
    await record(case.store, told, now=NOW - 30)
    assert (await case.incidents())[mine].ends_at == NOW - 300, "a delivery cannot tell"
    case.known.fires(LABELS, NOW - 900, NOW - 31)

    await case.run()

    row = (await case.incidents())[mine]
    assert (row.ends_at, row.starts_at) == (None, pytest.approx(NOW - 31, abs=0.001))
    await record(case.store, told, now=NOW + 1)
    await record(case.store, replace(told, status="resolved", ends_at=NOW + 5), now=NOW + 6)
    assert (await case.incidents())[mine].ends_at == NOW + 5


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (503, None, "unavailable"),
        (404, "not found", "rejected"),
        (302, None, "rejected"),
        (200, "<html>", "bad_answer"),
        (200, '{"alerts": 1}', "bad_answer"),
        (200, "[" * 100_000, "bad_answer"),
        (200, '[{"alerts": [{"labels": 1}], "receiver": {"name": "hook"}}]', "bad_answer"),
    ],
)
async def test_failures_are_counted_and_change_nothing(
    case: Case, status: int, text: str | None, reason: str
) -> None:
    await record(case.store, alert())
    case.known.status, case.known.body = status, text

    for _ in range(3):
        await case.later()

    assert case.count("failures_total", reason=reason) == 3
    assert case.count("runs_total") == 3
    assert (await case.incidents())["abc"].ends_at is None


async def test_a_gap_stays_open_until_it_was_looked_into(case: Case) -> None:
    await case.run()
    await case.clock.advance(600)
    gone = case.known.fired(LABELS, NOW + 100, NOW + 160)
    again = case.restarted()
    again.known.status = 503
    await again.run()
    again.known.status = 200

    await again.later()

    assert set(await again.incidents()) == {gone}


async def test_no_connection_and_no_prometheus(store: Store) -> None:
    async with observed() as known:
        case = _case(store, known, ManualClock(NOW))
    await case.run()
    assert case.count("failures_total", reason="unavailable") == 1

    async with observed() as known:
        case = _case(store, known, ManualClock(NOW))
        case.scope = replace(case.scope, history=None, receiver=None)
        known.fires(LABELS, NOW - 90, NOW - 10, receiver="anything")
        await case.run()
        assert len(await case.incidents()) == 1
