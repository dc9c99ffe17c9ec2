"""Whatever people's browsers and programs send, it is their mistake and not ours: never a 5xx."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.webhook.web.site import ALERTS, Site
from tests.webhook.web.verdictsite import VerdictSite, running
from webhook.adapters.database import Database
from webhook.adapters.store import open_store

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def verdicts(any_database: Database, tmp_path: Path) -> AsyncIterator[VerdictSite]:
    with open_store(any_database) as store:
        async with running(store, tmp_path) as site:
            yield site


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("&".join(f"a{i}=1" for i in range(50)), 400),
        ("verdict=confirmed&author=%ED%A0%80%00&reason=%00", 200),
        ("verdict=confirmed;x=%zz&verdict=", 400),
    ],
)
async def test_odd_forms(verdicts: VerdictSite, fields: str, status: int) -> None:
    url = f"/feedback/{verdicts.token()}"
    answer = await verdicts.client.post(url, data=fields, headers=FORM)

    assert answer.status == status


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"fingerprint": "\ud800", "verdict": "confirmed"}, 404),
        ({"fingerprint": "\x00", "verdict": "confirmed"}, 404),
        ({"incident": 2**61, "verdict": "confirmed", "author": "\ud800\x00"}, 404),
        ({"incident": 1, "verdict": "\ud800"}, 400),
        ({"\ud800": 1}, 400),
    ],
)
async def test_odd_documents(verdicts: VerdictSite, document: Any, status: int) -> None:
    answer = await verdicts.client.post("/api/v1/feedback", data=json.dumps(document), headers=JSON)

    assert answer.status == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/feedback?query=%00", 200),
        ("/api/v1/feedback?before=999999999999999999", 200),
        ("/api/v1/feedback?verdict=%00", 400),
        ("/incidents/99999999999999999999/chart.png", 404),
    ],
)
async def test_odd_addresses_about_verdicts(verdicts: VerdictSite, path: str, status: int) -> None:
    assert (await verdicts.client.get(path)).status == status


@pytest.mark.parametrize(
    "path",
    [
        f"{ALERTS}?query=%00",
        f"{ALERTS}?severity=%ED%A0%80",
        f"{ALERTS}?since=9999-12-31T23:59:59Z",
        f"{ALERTS}?since=0001-01-01",
        f"{ALERTS}?since={'9' * 400}",
        f"{ALERTS}?since=%C2%B2",
        f"{ALERTS}?before=999999999999999999",
        f"{ALERTS}?filter=%00",
        "/api/v1/notifications?channel=%00",
        "/api/v1/incidents/99999999999999999999",
        "/api/v1/incidents/999999999999999999/timeline",
        "/api/v1/statistics?since=0001-01-01",
        "/api/v1/statistics?since=9999-12-31",
        f"/api/v1/statistics?since={'9' * 400}",
        "/digests/1?before=99999999999999999999",
        "/?x=%00",
    ],
)
async def test_odd_addresses(site: Site, path: str) -> None:
    assert (await site.client.get(path)).status in (200, 400, 404)
