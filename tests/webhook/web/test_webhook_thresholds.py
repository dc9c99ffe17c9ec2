"""Thresholds by API: what is told, what is taken back, and by whom."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from promkit.clock import ManualClock
from promkit.webconfig import WebConfigFile
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES
from webhook.adapters.schema import thresholds
from webhook.adapters.store import Store
from webhook.adapters.thresholds import Change, Written, apply, set_ratio
from webhook.core.thresholds import Replay
from webhook.core.tokens import Key
from webhook.web.thresholds import Thresholds, add_thresholds
from webhook.web.visit import Console, InForce, add_console

UNDO = "/api/v1/thresholds/undo"


@dataclass
class Site:
    client: Any
    store: Store
    changes: list[Written]

    async def ratios(self) -> list[float]:
        return [row.ratio for row in await rows(self.store, thresholds)]


async def serve(store: Store, web_config: Path | None = None) -> AsyncIterator[Site]:
    changes: list[Written] = []

    async def keys() -> tuple[Key, ...]:
        return (Key(b"a secret of forms"),)

    app = web.Application()
    ours = "https://a.example.org"
    clock = ManualClock(NOW + 60)
    add_thresholds(app, Thresholds(store, clock, changes.append, lambda: ours))
    add_console(app, Console(clock, keys, lambda: InForce(ours)))
    if web_config is not None:
        WebConfigFile(web_config).protect(app)
    await store.write(lambda c: set_ratio(c, "cpu", {}, 1.1, "ana", "<b>noisy</b>", NOW))
    batch = Change(
        query="cpu",
        series=SERIES,
        labels=SERIES,
        after=1.1,
        reason="false_alarms",
        actor="tuning",
        why="10 false alarms",
        incidents=range(1, 11),
        replay=Replay(12, gone=(1, 2)),
        is_applied=False,
    )
    await store.write(lambda connection: apply(connection, batch, NOW + 1))
    async with TestClient(TestServer(app)) as client:
        yield Site(client, store, changes)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    async for started in serve(store):
        yield started


async def test_programs_get_ratios_and_history(site: Site) -> None:
    listed = await (await site.client.get("/api/v1/adjustments")).json()
    history = await (await site.client.get("/api/v1/thresholds/history?limit=1")).json()
    older = await (
        await site.client.get(f"/api/v1/thresholds/history?before={history['before']}&query=cpu")
    ).json()

    (only,) = listed["adjustments"]
    assert (only["query"], only["labels"], only["ratio"]) == ("cpu", {}, 1.1)
    assert only["changed_at"].startswith("2027-01-15T08:00:00")
    (proposal,) = history["history"]
    assert (proposal["action"], proposal["reason"], proposal["labels"]) == (
        "proposed",
        "false_alarms",
        SERIES,
    )
    assert proposal["replay"] == {"alarms": 12, "gone": [1, 2], "lost": [], "unknown": []}
    assert proposal["incidents"] == list(range(1, 11))
    assert [(row["change"], row["actor"]) for row in older["history"]] == [(1, "ana")]
    assert older["before"] is None
    odd = await site.client.get("/api/v1/thresholds/history?limit=0")
    assert odd.status == 400


async def test_programs_undo(site: Site) -> None:
    asked = {"change": 1, "author": "ben\x1b", "reason": "too\ndeaf"}
    done = await site.client.post(UNDO, json=asked)
    again = await site.client.post(UNDO, json=asked)
    proposal = await site.client.post(UNDO, json={"change": 2})

    assert await done.json() == {"change": 3, "undoes": 1, "query": "cpu", "ratio": 1.0}
    assert (again.status, proposal.status) == (409, 409)
    assert "undone already, by change 3" in (await again.json())["error"]
    assert await site.ratios() == [1.0]
    assert [each.reason for each in site.changes] == ["undo"]
    history = await (await site.client.get("/api/v1/thresholds/history")).json()
    assert history["history"][0]["actor"] == "ben"
    assert history["history"][0]["why"].endswith("change 1 was undone: too deaf")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "no JSON object"),
        ({}, "allowed: change"),
        ({"change": True}, "allowed: change"),
        ({"change": 10**30}, "allowed: change"),
        ({"change": 1, "author": 3}, "allowed is text"),
        ({"change": 1, "x": 3}, "unknown field 'x'"),
    ],
)
async def test_odd_requests_change_nothing(site: Site, document: object, said: str) -> None:
    answer = await site.client.post(UNDO, json=document)
    assert answer.status == 400
    assert said in (await answer.json())["error"]
    assert await site.ratios() == [1.1]


async def test_other_sites_change_nothing(site: Site) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answers = [
        await site.client.post(UNDO, data=b'{"change": 1}'),
        await site.client.post(UNDO, json={"change": 1}, headers=foreign),
    ]
    assert [each.status for each in answers] == [415, 403]
    assert await site.ratios() == [1.1]


async def test_a_password_guards_all_of_it(store: Store, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    path = tmp_path / "web.yml"
    path.write_text(f"basic_auth_users: {{ops: '{hashed}'}}\n")
    async for site in serve(store, path):
        refused = [
            await site.client.post(UNDO, json={"change": 1}),
            await site.client.get("/api/v1/adjustments"),
        ]
        assert [each.status for each in refused] == [401] * 2
        login = {"Authorization": aiohttp.encode_basic_auth("ops", "pw")}
        await site.client.post(UNDO, json={"change": 1}, headers=login)
        history = await site.client.get("/api/v1/thresholds/history", headers=login)
        assert (await history.json())["history"][0]["actor"] == "ops"
