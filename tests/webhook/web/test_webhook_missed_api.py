"""Marks by the API: what is taken, what is refused in words, and what changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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
from tests.webhook.judging import judged
from webhook.adapters.schema import missed
from webhook.adapters.store import Store
from webhook.core.message import rfc3339
from webhook.web.missed import Marking, add_missed

MISSED = "/api/v1/missed"
GOOD = {
    "query": "cpu",
    "labels": {"instance": "a"},
    "start": rfc3339(NOW - 900),
    "end": NOW - 300,
    "reason": "nobody was told",
}


@dataclass
class Site:
    client: Any
    store: Store
    judged: list[tuple[str, str]] = field(default_factory=list)

    async def post(self, document: object, path: str = MISSED, **options: Any) -> tuple[int, Any]:
        answer = await self.client.post(path, json=document, **options)
        return answer.status, await answer.json()


@pytest.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[Site]:
    app = web.Application()
    told: list[tuple[str, str]] = []
    add_missed(
        app,
        Marking(
            store,
            ManualClock(NOW),
            lambda query, verdict: told.append((query, verdict)),
            lambda: "https://a.example.org",
            lambda: "it will be looked at",
        ),
    )
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(f"basic_auth_users: {{ops: '{hashed}'}}\n")
    WebConfigFile(tmp_path / "web.yml").protect(app)
    login = {"Authorization": aiohttp.encode_basic_auth("ops", "pw")}
    async with TestClient(TestServer(app), headers=login) as client:
        yield Site(client, store, told)


async def test_a_mark_is_made_listed_and_taken_back(site: Site) -> None:
    assert await site.post(GOOD) == (
        200,
        {"missed": 1, "query": "cpu", "verdict": "missed", "threshold": "it will be looked at"},
    )
    assert site.judged == [("cpu", "missed")]
    await site.post({**GOOD, "query": "disk", "author": "ana"})
    listed = await (await site.client.get(f"{MISSED}?limit=1")).json()
    rest = await (await site.client.get(f"{MISSED}?before={listed['before']}&query=cpu")).json()

    (newest,) = listed["missed"]
    assert (newest["missed"], newest["author"], newest["via"]) == (2, "ana", "api")
    (oldest,) = rest["missed"]
    assert rest["before"] is None
    assert oldest == {
        **{"missed": 1, "query": "cpu", "labels": {"instance": "a"}},
        **{"start": rfc3339(NOW - 900), "end": rfc3339(NOW - 300), "via": "api", "author": "ops"},
        **{"reason": "nobody was told", "created_at": rfc3339(NOW), "withdrawn_at": None},
        **{"peak_score": None, "threshold": None, "detectors": None},
    }
    back = {"missed": 1, "reason": "wrong series"}
    assert await site.post(back, f"{MISSED}/withdraw") == (
        200,
        {"missed": 1, "query": "cpu", "is_withdrawn": True},
    )
    status, said = await site.post(back, f"{MISSED}/withdraw")
    assert (status, "was taken back at" in said["error"]) == (409, True)
    (row, _) = await rows(site.store, missed)
    assert row.withdrawn_at == NOW


async def test_what_counts_already_is_named(site: Site) -> None:
    (incident,) = await judged(site.store, "confirmed", 1, at=NOW - 500)
    status, said = await site.post(GOOD)
    assert status == 409
    assert said["overlaps"] == [f"incident {incident}"]
    assert said["error"].startswith(f"it overlaps incident {incident} of the same series")
    assert site.judged == []


WRONG: list[tuple[object, str]] = [
    ([], "no JSON object"),
    ({**GOOD, "x": 1}, "unknown field 'x'"),
    ({**GOOD, "query": 5}, "query is int; allowed: text"),
    ({**GOOD, "query": "a b"}, "query is 'a b'"),
    ({**GOOD, "labels": ["a"]}, "labels: allowed"),
    ({**GOOD, "labels": {"a": 1}}, "labels: allowed"),
    ({**GOOD, "start": "yesterday"}, "start is 'yesterday'"),
    ({**GOOD, "start": True}, "start is ''"),
    ({**GOOD, "end": NOW + 60}, "end lies in the future"),
    ({**GOOD, "end": 10**30}, "end is ''"),
]


async def test_the_api_says_what_is_wrong(site: Site) -> None:
    for document, said in WRONG:
        status, answer = await site.post(document)
        assert (status, said in answer["error"]) == (400, True), (document, answer)
    for number in (0, True, "1", 2**62):
        status, answer = await site.post({"missed": number}, f"{MISSED}/withdraw")
        assert (status, "number of a mark" in answer["error"]) == (400, True)
    for query in ("limit=0", "before=x", "verdict=missed"):
        answer = await site.client.get(f"{MISSED}?{query}")
        assert answer.status == 400
    assert await rows(site.store, missed) == []


@pytest.mark.parametrize("path", [MISSED, f"{MISSED}/withdraw"])
async def test_it_takes_nothing_that_a_foreign_page_can_send(site: Site, path: str) -> None:
    sent = {"Content-Type": "application/json"}

    async def status(body: bytes, **headers: str) -> int:
        answer = await site.client.post(path, data=body, headers=headers)
        return int(answer.status)

    assert await status(b"{}") == 415
    assert await status(b"{}", **sent, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await status(b"{}", **sent, Origin="null") == 403
    assert await status(b"[" * 50_000, **sent) == 400
    assert await status(b"{}", **sent, Authorization="") == 401
