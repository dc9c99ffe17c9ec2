"""Patterns by API: what is told of them, and how one is taken back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES
from tests.webhook.patterned import DAY, put_pattern
from webhook.adapters.patterns import list_patterns
from webhook.adapters.store import Store
from webhook.web.patterns import Patterns, add_patterns

FORGET = "/api/v1/patterns/forget"


@dataclass
class Site:
    client: Any
    store: Store
    woken: list[bool] = field(default_factory=list)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    app = web.Application()
    built = Site(None, store)
    ours = "https://a.example.org"
    clock = ManualClock(NOW)
    add_patterns(app, Patterns(store, clock, lambda: built.woken.append(True), lambda: ours))
    await store.write(lambda c: put_pattern(c, NOW - 31 * DAY, NOW - 31 * DAY))
    await store.write(lambda connection: put_pattern(connection, NOW, NOW - DAY))
    async with TestClient(TestServer(app)) as client:
        built.client = client
        yield built


async def test_programs_read_them(site: Site) -> None:
    answer = await (await site.client.get("/api/v1/patterns")).json()
    newest, oldest = answer["patterns"]
    assert newest == {
        "pattern": 2,
        "query": "cpu",
        "labels": SERIES,
        "time": "08:00",
        "timezone": "UTC",
        "state": "active",
        "seconds": 600.0,
        "incidents": [1, 2, 3],
        "silenced": 0,
        "let_through": 0,
        "created_at": "2027-01-14T08:00:00.000Z",
        "expires_at": "2027-02-13T08:00:00.000Z",
        "forgotten_at": None,
        "last_seen_at": None,
    }
    assert (oldest["pattern"], oldest["state"]) == (1, "expired")


async def test_programs_take_one_back(site: Site) -> None:
    asked = {"pattern": 2, "author": "ana\x1b", "reason": "it\nmoved"}
    done = await site.client.post(FORGET, json=asked)
    assert await done.json() == {"pattern": 2, "query": "cpu", "state": "forgotten"}
    assert site.woken == [True], "what it silenced is let through at once"
    rows = await site.store.read(list_patterns)
    assert rows[0].forgotten_at == NOW

    again = await site.client.post(FORGET, json=asked)
    assert again.status == 409
    assert "pattern 2 was forgotten at" in (await again.json())["error"]


@pytest.mark.parametrize(
    ("document", "said"),
    [([], "no JSON object"), ({}, "allowed: pattern"), ({"pattern": 2, "x": 1}, "field 'x'")],
)
async def test_odd_requests_change_nothing(site: Site, document: object, said: str) -> None:
    answer = await site.client.post(FORGET, json=document)
    assert (answer.status, said in (await answer.json())["error"]) == (400, True)
    foreign = {"Origin": "https://evil.example.org"}
    other = await site.client.post(FORGET, json={"pattern": 2}, headers=foreign)
    form = await site.client.post(FORGET, data={"pattern": "2"})
    assert (other.status, form.status) == (403, 415)
    assert site.woken == []
