"""Verdicts by link and API: what is taken, and what changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
from sqlalchemy import Row

from tests.webhook.adapters.storing import record
from tests.webhook.deliveries import NOW, alert
from tests.webhook.web.verdictsite import KEYS, PNG, VerdictSite, running
from webhook.adapters.store import Store
from webhook.core.tokens import Key, sign

CONFIRM = {"verdict": "confirmed"}


@pytest.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[VerdictSite]:
    async with running(store, tmp_path) as started:
        yield started


async def test_following_a_link_writes_nothing(site: VerdictSite) -> None:
    url = f"/feedback/{site.token()}?verdict=false_alarm"

    shown = await site.client.get(url)
    page = await shown.text()
    head = await site.client.head(url)
    options = await site.client.options(url)

    assert (shown.status, head.status, options.status) == (200, 200, 405)
    assert await site.verdicts() == []
    assert await site.audited() == []
    for verdict in ("confirmed", "false_alarm", "expected_change", "maintenance"):
        assert f'value="{verdict}"' in page
    assert 'value="false_alarm" autofocus' in page
    assert page.count("autofocus") == 1
    assert "<script" not in page
    assert "There is no chart: no Prometheus is configured" in page
    headers = shown.headers
    assert "default-src 'none'; style-src 'sha256-" in headers["Content-Security-Policy"]
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    assert (headers["Referrer-Policy"], headers["X-Content-Type-Options"]) == (
        "same-origin",
        "nosniff",
    )
    assert headers["Cache-Control"] == "no-store"


async def test_a_button_is_a_verdict_and_the_last_one_counts(site: VerdictSite) -> None:
    url = f"/feedback/{site.token()}"
    said = {"verdict": "confirmed", "reason": "  disk\n full <b>", "author": "ana\x1b[31m"}

    done = await site.client.post(url, data=said)
    again = await site.client.post(url, data=CONFIRM)
    shown = await (await site.client.get(url)).text()
    changed = await site.client.post(url, data={"verdict": "false_alarm"})

    assert (done.status, again.status, changed.status) == (200, 200, 200)
    assert "is marked as <strong>confirmed</strong>" in await done.text()
    assert "disk full &lt;b&gt;" in shown
    assert "<b>" not in shown
    assert await site.verdicts() == [("false_alarm", "", "", "link")]
    assert await site.audited() == [(None, "confirmed"), ("confirmed", "false_alarm")]
    page = site.page()
    assert 'anomaly_feedback_total{query="cpu",verdict="confirmed"} 1.0' in page
    assert 'anomaly_feedback_total{query="cpu",verdict="false_alarm"} 1.0' in page
    labels = {"id": "abc", "incident": "1", "query": "cpu", "verdict": "false_alarm"}
    start = site.registry.get_sample_value("anomaly_verdict_start_timestamp_seconds", labels)
    assert start == NOW - 60
    assert "anomaly_verdict_end_timestamp_seconds{" not in page


async def test_a_hundred_clicks_at_once_are_one_verdict(site: VerdictSite) -> None:
    url = f"/feedback/{site.token()}"

    answers = await asyncio.gather(*(site.client.post(url, data=CONFIRM) for _ in range(100)))

    assert {answer.status for answer in answers} == {200}
    assert await site.verdicts() == [("confirmed", "", "", "link")]
    assert await site.audited() == [(None, "confirmed")]
    assert 'anomaly_feedback_total{query="cpu",verdict="confirmed"} 1.0' in site.page()


async def test_the_end_of_a_judged_incident_is_published(site: VerdictSite) -> None:
    await record(site.store, alert("resolved", ends_at=NOW + 5))
    await site.client.post(f"/feedback/{site.token()}", data=CONFIRM)
    assert "anomaly_verdict_end_timestamp_seconds{" in site.page()


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda site: "nonsense", 404),
        (lambda site: site.token()[:-1], 404),
        (lambda site: site.token()[:-1] + ("A" if site.token()[-1] != "A" else "B"), 403),
        (lambda site: sign(Key(b"somebody else"), "feedback", 1, NOW + 60), 403),
        (lambda site: site.token("chart"), 403),
        (lambda site: site.token().replace(".1.", ".2."), 403),
        (lambda site: site.token(valid=0), 410),
        (lambda site: site.token(incident=99), 404),
    ],
)
async def test_a_link_that_is_none_grants_nothing(
    site: VerdictSite, make: Any, status: int
) -> None:
    url = f"/feedback/{make(site)}"

    answers = [await site.client.get(url), await site.client.post(url, data=CONFIRM)]

    assert [answer.status for answer in answers] == [status, status]
    assert "Nothing was changed" in await answers[1].text()
    assert await site.verdicts() == []


async def test_the_key_before_is_still_good(site: VerdictSite) -> None:
    token = sign(KEYS[1], "feedback", 1, NOW + 60)
    assert (await site.client.post(f"/feedback/{token}", data=CONFIRM)).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "https://a.example.org"}, 200),
        # Our pages send no referrer, and browsers then hide the origin, too.
        ({"Origin": "null"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://a.example.org"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Origin": "http://["}, 403),
    ],
)
async def test_forms_of_other_sites_are_refused(
    site: VerdictSite, headers: dict[str, str], status: int
) -> None:
    answer = await site.client.post(f"/feedback/{site.token()}", data=CONFIRM, headers=headers)
    assert answer.status == status
    assert len(await site.verdicts()) == (status == 200)


@pytest.mark.parametrize(
    ("data", "status"),
    [({}, 400), ({"verdict": "maybe"}, 400), ({"verdict": ""}, 400), (b"\xff\xfe=\x00", 400),
     (b"verdict=confirmed&reason=" + b"x" * 70_000, 413),
     (b"verdict=confirmed&reason=" + b"x" * 60_000, 200)],
)  # fmt: skip
async def test_odd_forms(site: VerdictSite, data: Any, status: int) -> None:
    answer = await site.client.post(f"/feedback/{site.token()}", data=data)
    assert answer.status == status
    if status == 200:
        assert len((await site.verdicts())[0][1]) == 1_000


async def test_the_page_says_what_a_verdict_did_to_the_threshold(
    store: Store, tmp_path: Path
) -> None:
    async def told(incident: Row[Any]) -> str:
        return f"7 of 10 false alarms for <{incident.query}>"

    async with running(store, tmp_path, told=told) as site:
        done = await site.client.post(f"/feedback/{site.token()}", data={"verdict": "false_alarm"})
        shown = await site.client.get(f"/feedback/{site.token()}")
        answer = await site.client.post("/api/v1/feedback", json={"incident": 1, **CONFIRM})

        assert "Recorded: 7 of 10 false alarms for &lt;cpu&gt;." in await done.text()
        assert "7 of 10" not in await shown.text()
        assert (await answer.json())["threshold"] == "7 of 10 false alarms for <cpu>"


async def test_pictures_are_for_signed_links_and_for_our_page(site: VerdictSite) -> None:
    signed = await site.client.get(f"/charts/{site.token('chart')}.png")
    own = await site.client.get("/incidents/1/chart.png")
    forged = await site.client.get(f"/charts/{site.token('feedback')}.png")
    gone = await site.client.get("/incidents/9/chart.png")

    assert (signed.status, own.status, forged.status, gone.status) == (200, 200, 404, 404)
    assert await signed.read() == PNG
    assert signed.content_type == "image/png"
    assert site.pictures == [1, 1]


async def test_the_api_takes_and_lists_verdicts(site: VerdictSite) -> None:
    await record(site.store, alert(fingerprint="other", severity="warning"))
    first = await site.client.post(
        "/api/v1/feedback", json={"incident": 1, "verdict": "maintenance", "author": "bot"}
    )
    second = await site.client.post(
        "/api/v1/feedback", json={"fingerprint": "other", "verdict": "confirmed", "reason": "r"}
    )
    listed = await (await site.client.get("/api/v1/feedback?limit=1")).json()
    more = await (
        await site.client.get(f"/api/v1/feedback?before={listed['before']}&query=cpu")
    ).json()
    chosen = await (await site.client.get("/api/v1/feedback?verdict=maintenance")).json()

    assert await first.json() == {"incident": 1, "query": "cpu", "verdict": "maintenance"}
    assert (await second.json())["incident"] == 2
    (newest,) = listed["feedback"]
    assert (newest["incident"], newest["verdict"], newest["reason"], newest["via"]) == (
        2, "confirmed", "r", "api",
    )  # fmt: skip
    assert [row["author"] for row in more["feedback"]] == ["bot"]
    assert more["before"] is None
    assert [row["incident"] for row in chosen["feedback"]] == [1]


WRONG: list[tuple[object, int, str]] = [
    ({"incident": 1, "verdict": "nope"}, 400, "allowed: confirmed, false_alarm"),
    ({"incident": 1}, 400, "verdict is ''"),
    ({"verdict": "confirmed"}, 400, "either incident"),
    ({"incident": 1, "fingerprint": "abc", "verdict": "confirmed"}, 400, "either incident"),
    ({"incident": "1", "verdict": "confirmed"}, 400, "either incident"),
    ({"incident": True, "verdict": "confirmed"}, 400, "either incident"),
    ({"incident": 10**30, "verdict": "confirmed"}, 400, "out of range"),
    ({"incident": 1, "verdict": 5}, 400, "verdict is int; allowed: text"),
    ({"incident": 1, "verdict": "confirmed", "x": 1}, 400, "unknown field 'x'"),
    ([], 400, "no JSON object"),
    ({"incident": 99, "verdict": "confirmed"}, 404, "no such incident"),
    ({"fingerprint": "zzz", "verdict": "confirmed"}, 404, "no such incident"),
]


async def test_the_api_says_what_is_wrong(site: VerdictSite) -> None:
    for document, status, said in WRONG:
        answer = await site.client.post("/api/v1/feedback", json=document)
        assert answer.status == status, document
        assert said in (await answer.json())["error"]
    assert await site.verdicts() == []


async def test_the_api_takes_nothing_that_a_foreign_page_can_send(site: VerdictSite) -> None:
    body = b'{"incident": 1, "verdict": "confirmed"}'
    sent = {"Content-Type": "application/json"}
    plain = await site.client.post("/api/v1/feedback", data=body)
    cross = await site.client.post(
        "/api/v1/feedback", data=body, headers={**sent, "Sec-Fetch-Site": "cross-site"}
    )
    hidden = await site.client.post(
        "/api/v1/feedback", data=body, headers={**sent, "Origin": "null"}
    )
    deep = await site.client.post("/api/v1/feedback", data=b"[" * 50_000, headers=sent)
    assert [each.status for each in (plain, cross, hidden, deep)] == [415, 403, 403, 400]
    assert await site.verdicts() == []


async def test_odd_parameters_are_named(site: VerdictSite) -> None:
    for query in ("limit=0", "limit=x", "before=-1", "verdict=maybe", "foo=1"):
        answer = await site.client.get(f"/api/v1/feedback?{query}")
        assert answer.status == 400, query
        assert query.partition("=")[0] in (await answer.json())["error"]


async def test_a_link_needs_no_password_and_the_api_does(store: Store, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    async with running(store, tmp_path, f"basic_auth_users: {{ops: '{hashed}'}}\n") as site:
        link = await site.client.post(f"/feedback/{site.token()}", data=CONFIRM)
        chart = await site.client.get(f"/charts/{site.token('chart')}.png")
        # It leads nowhere that asks for one.
        assert "<nav" not in await link.text()
        refused = [
            await site.client.post("/api/v1/feedback", json={"incident": 1, **CONFIRM}),
            await site.client.get("/api/v1/feedback"),
            await site.client.get("/incidents/1/chart.png"),
        ]
        login = {"Authorization": aiohttp.encode_basic_auth("ops", "pw")}
        taken = await site.client.post(
            "/api/v1/feedback", json={"incident": 1, "verdict": "maintenance"}, headers=login
        )
        assert (link.status, chart.status, taken.status) == (200, 200, 200)
        assert [each.status for each in refused] == [401, 401, 401]
        # Who it was is known from the password.
        assert await site.verdicts() == [("maintenance", "", "ops", "api")]
