"""Weights by API: what is shown, what is taken back, and by whom."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from webhook.adapters.schema import weights
from webhook.adapters.store import Store
from webhook.adapters.weights import (
    WeightChange,
    WeightsWritten,
    apply_weights,
    set_weights,
)
from webhook.core.thresholds import Replay
from webhook.core.tokens import Key
from webhook.core.weights import Ensemble, Evidence, Record
from webhook.web.thresholds import Thresholds, add_thresholds
from webhook.web.visit import Console, InForce, add_console
from webhook.web.weights import Weights, add_weights

UNDO = "/api/v1/weights/undo"
HOME = "https://a.example.org"


@dataclass
class Site:
    client: Any
    store: Store
    changes: list[WeightsWritten]

    async def ratios(self) -> dict[str, float]:
        return {row.detector: row.ratio for row in await rows(self.store, weights)}


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    changes: list[WeightsWritten] = []
    clock = ManualClock(NOW + 60)

    async def keys() -> tuple[Key, ...]:
        return (Key(b"a secret of forms"),)

    app = web.Application()
    add_thresholds(app, Thresholds(store, clock, lambda _: None, lambda: HOME))
    add_weights(app, Weights(store, clock, changes.append, lambda: HOME))
    add_console(app, Console(clock, keys, lambda: InForce(HOME, "UTC")))
    chosen = {"mad": 1.2, "zscore": 0.8}
    await store.write(lambda c: set_weights(c, "cpu", chosen, "ana", "noisy", NOW))
    proposal = WeightChange(
        query="cpu",
        after={"mad": 1.3},
        reason="weekly",
        actor="tuning",
        why="7 real and 3 false alarms",
        evidence=Evidence(7, 3, {"mad": Record(7, 0)}),
        ensemble=Ensemble("max", 0.5, {"mad": 0.4}),
        replay=Replay(12, gone=(1,), lost=(1,)),
        is_applied=False,
    )
    await store.write(lambda connection: apply_weights(connection, proposal, NOW + 1))
    async with TestClient(TestServer(app)) as client:
        yield Site(client, store, changes)


async def test_programs_get_ratios_and_history(site: Site) -> None:
    listed = (await (await site.client.get("/api/v1/weights")).json())["weights"]
    both = await (await site.client.get("/api/v1/adjustments")).json()
    history = await (await site.client.get("/api/v1/weights/history?limit=1")).json()
    older = await (
        await site.client.get(f"/api/v1/weights/history?before={history['before']}&query=cpu")
    ).json()

    assert [(row["query"], row["detector"], row["ratio"]) for row in listed] == [
        ("cpu", "mad", 1.2),
        ("cpu", "zscore", 0.8),
    ]
    assert listed[0]["changed_at"].startswith("2027-01-15T08:00:00")
    assert both == {"adjustments": [], "weights": listed}
    (proposed,) = history["history"]
    assert (proposed["action"], proposed["reason"], proposed["actor"]) == (
        "proposed",
        "weekly",
        "tuning",
    )
    assert (proposed["before"], proposed["after"]) == ({"mad": 1.2}, {"mad": 1.3})
    assert proposed["replay"]["lost"] == [1]
    assert proposed["evidence"]["detectors"]["mad"]["real"] == 7
    assert proposed["ensemble"] == {"combine": "max", "quorum": 0.5, "weights": {"mad": 0.4}}
    (set_by_ana,) = older["history"]
    assert (set_by_ana["action"], set_by_ana["evidence"], older["before"]) == (
        "lowered",
        None,
        None,
    )
    assert (await site.client.get("/api/v1/weights/history?limit=0")).status == 400
    assert (await site.client.get("/api/v1/thresholds/history")).status == 200


async def test_programs_undo(site: Site) -> None:
    asked = {"change": 1, "author": "ben\x1b", "reason": "too\ndeaf"}
    done = await site.client.post(UNDO, json=asked)
    again = await site.client.post(UNDO, json=asked)
    proposal = await site.client.post(UNDO, json={"change": 2})
    unknown = await site.client.post(UNDO, json={"change": 9})
    as_threshold = await site.client.post("/api/v1/thresholds/undo", json={"change": 1})

    assert await done.json() == {
        "change": 3,
        "undoes": 1,
        "query": "cpu",
        "ratios": {"mad": 1.0, "zscore": 1.0},
    }
    assert [each.status for each in (again, proposal, unknown, as_threshold)] == [409] * 4
    assert "undone already, by change 3" in (await again.json())["error"]
    assert await site.ratios() == {"mad": 1.0, "zscore": 1.0}
    assert [each.reason for each in site.changes] == ["undo"]
    history = await (await site.client.get("/api/v1/weights/history")).json()
    assert history["history"][0]["actor"] == "ben"
    assert history["history"][0]["why"].endswith("change 1 was undone: too deaf")


async def test_other_sites_and_odd_requests_change_nothing(site: Site) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answers = [
        await site.client.post(UNDO, data=b'{"change": 1}'),
        await site.client.post(UNDO, json={"change": 1}, headers=foreign),
        await site.client.post(UNDO, json={"change": "1"}),
    ]
    assert [each.status for each in answers] == [415, 403, 400]
    assert await site.ratios() == {"mad": 1.2, "zscore": 0.8}
