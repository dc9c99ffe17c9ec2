"""Whatever follows links writes nothing: every address, every method that reads, every scanner."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.webhook.adapters.storing import record, rows
from tests.webhook.deliveries import NOW, alert
from tests.webhook.judging import judged
from tests.webhook.wholesite import WholeSite, whole_site
from webhook.adapters.missed import mark
from webhook.adapters.schema import audit, metadata
from webhook.adapters.store import Store
from webhook.adapters.thresholds import set_ratio
from webhook.core.missed import Missed

SCANNERS = (
    "Mozilla/5.0 (Windows NT 10.0) SafeLinks",
    "Microsoft Office Existence Discovery",
    "BarracudaCentral",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; GoogleImageProxy)",
    "facebookexternalhit/1.1",
    "",
)
# What a reader could want with a link, said in the address.
WISHES = "?verdict=false_alarm&undo=1&withdraw=1&missed=1&incident=1&change=1&query=cpu&forget=1"
# Answers by themselves: from Alertmanager, from Slack with its signature, from an operator.
OTHERS = {"/api/v1/alerts", "/slack/interactions", "/-/reload"}


@pytest.fixture
async def site(store: Store) -> AsyncIterator[WholeSite]:
    await record(store, alert())
    await judged(store, "confirmed", 2)
    made = Missed("cpu", {"instance": "z"}, NOW - 900, NOW - 600, "", "ana", "api")
    await store.write(lambda connection: mark(connection, made, NOW))
    await store.write(lambda c: set_ratio(c, "cpu", {}, 1.2, "ana", "", NOW))
    async with whole_site(store) as started:
        yield started


class Watched:
    """A store whose every commit is seen from outside."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._connection = sqlite3.connect(path)

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    async def state(self) -> tuple[int, dict[str, Any]]:
        """Return a number that every commit of another connection changes, and all rows."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        tables = {table.name: await rows(self._store, table) for table in metadata.sorted_tables}
        return version, tables


async def test_no_address_writes_by_being_read(site: WholeSite, database: Path) -> None:
    paths = site.routes("GET")
    assert len(paths) > 25, paths
    assert {"/feedback/{token}", "/incidents/{id}", "/thresholds", "/api/v1/missed"} <= set(paths)
    with Watched(site.store, database) as watched:
        before = await watched.state()
        for path in paths:
            address = site.address(path)
            statuses = []
            for method in ("GET", "HEAD", "OPTIONS"):
                for wish in ("", WISHES):
                    async with site.client.request(
                        method, f"{address}{wish}", allow_redirects=False
                    ) as answer:
                        statuses.append(answer.status)
                        await answer.read()
            assert statuses[0] in (200, 302, 303, 404), (path, statuses)
            assert max(statuses) < 500, (path, statuses)
            assert await watched.state() == before, path


async def test_no_scanner_judges(site: WholeSite, database: Path) -> None:
    address = site.address("/feedback/{token}")
    with Watched(site.store, database) as watched:
        before = await watched.state()
        for agent in SCANNERS:
            for method in ("GET", "HEAD", "OPTIONS", "PROPFIND", "PUT", "DELETE"):
                async with site.client.request(
                    method, f"{address}{WISHES}", headers={"User-Agent": agent}
                ) as answer:
                    await answer.read()
                    assert answer.status in (200, 405), (agent, method)
        # One that sends forms, as some do, finds one without a button pressed.
        blank = await site.client.post(address, data={})
        assert blank.status == 400
        assert await watched.state() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example.org"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.org"},
        {"Origin": "http://["},
    ],
)
async def test_no_other_site_writes(
    site: WholeSite, database: Path, headers: dict[str, str]
) -> None:
    paths = [path for path in site.routes("POST") if path not in OTHERS]
    assert len(paths) > 8, paths
    with Watched(site.store, database) as watched:
        before = await watched.state()
        for path in paths:
            address, form = site.address(path), {"verdict": "confirmed", "undo": "1", "change": "1"}
            json = {"incident": 1, "verdict": "confirmed"}
            for body in ({"data": form}, {"json": json}):
                async with site.client.post(
                    address, headers=headers, allow_redirects=False, **body
                ) as answer:
                    # Without a session, which no other site can send along, there is none to end.
                    wanted = 303 if path == "/logout" else 403
                    assert answer.status == wanted, (path, await answer.text())
        assert await watched.state() == before


async def test_a_write_is_seen(site: WholeSite, database: Path) -> None:
    with Watched(site.store, database) as watched:
        before = await watched.state()
        answer = await site.client.post(
            site.address("/feedback/{token}"), data={"verdict": "confirmed"}
        )
        assert answer.status == 200
        after = await watched.state()
    assert before[0] != after[0]
    assert len(after[1][audit.name]) == len(before[1][audit.name]) + 1


async def test_tokens_are_good_for_one_purpose(site: WholeSite, database: Path) -> None:
    with Watched(site.store, database) as watched, closing(sqlite3.connect(database)) as raw:
        before = await watched.state()
        given = await site.client.post(
            f"/feedback/{site.token('chart')}", data={"verdict": "confirmed"}
        )
        assert given.status == 403
        assert (await site.client.get(f"/charts/{site.token('feedback')}.png")).status == 404
        expired = await site.client.post(
            f"/feedback/{site.token('feedback', valid=0)}", data={"verdict": "confirmed"}
        )
        assert expired.status == 410
        assert await watched.state() == before
        # The same link again, by whoever has it, says nothing new.
        link = f"/feedback/{site.token('feedback')}"
        for _ in range(3):
            assert (await site.client.post(link, data={"verdict": "confirmed"})).status == 200
        (count,) = raw.execute("SELECT count(*) FROM audit WHERE action = 'verdict'").fetchone()
        assert count == 1
