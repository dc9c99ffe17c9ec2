"""The list of incidents, channels, quality, and what people read where something failed."""

import re
from typing import Any, get_args

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert, text

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import record, send_all
from tests.webhook.deliveries import NOW, alert, alert_json, body
from tests.webhook.judging import judged
from tests.webhook.web.site import Site
from webhook.adapters import outbox
from webhook.adapters.schema import channel_states
from webhook.adapters.store import Store
from webhook.core.channelfix import FIXES, fix_of
from webhook.core.degradation import Degradation
from webhook.core.quality import Case, Quality, quality_of
from webhook.core.shadow import IN_FORCE, Alarms, Variant, compared
from webhook.core.tokens import Key
from webhook.errors import FailureReason
from webhook.web.consoleroutes import add_overview
from webhook.web.overview import Overview, OverviewPage, Part
from webhook.web.quality import GRADES, Grades
from webhook.web.shadow import LATEST
from webhook.web.visit import Console, InForce, add_console

HTML = {"Accept": "text/html"}


def words(page: str) -> str:
    main = page.partition("<main")[2]
    return re.sub(r" ([.,:;])", r"\1", re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)))


async def shown(site: Site, path: str) -> str:
    answer = await site.client.get(path, headers=HTML)
    assert answer.status == 200, await answer.text()
    return words(await answer.text())


async def listed(site: Site, query: str = "") -> list[int]:
    answer = await site.client.get(f"/incidents?{query}")
    assert answer.status == 200
    return [int(each) for each in re.findall(r'href="incidents/(\d+)"', await answer.text())]


async def test_incidents_are_narrowed_down_and_paged(site: Site) -> None:
    assert "There is no incident yet" in await shown(site, "/incidents")
    confirmed = await judged(site.store, "confirmed", 2, NOW - 9000)
    alarms = await judged(site.store, "false_alarm", 1, NOW - 5000, labels={"query": "<disk>"})
    await site.post(body(alert_json()))
    (firing,) = set(await listed(site)) - {*confirmed, *alarms}

    assert await listed(site) == sorted([*confirmed, *alarms, firing], reverse=True)
    # The form sends what was left empty, too.
    assert await listed(site, "status=firing&query=&level=&verdict=") == [firing]
    assert await listed(site, "status=resolved&verdict=confirmed") == confirmed[::-1]
    assert await listed(site, "verdict=none") == [firing]
    assert await listed(site, "query=%3Cdisk%3E") == alarms
    assert await listed(site, "level=critical") == [firing]
    assert await listed(site, "group=7") == []
    assert "No incident is like that." in await shown(site, "/incidents?query=gone")
    page = await (await site.client.get("/incidents?status=resolved&query=%3Cdisk%3E")).text()
    assert "<option selected>&lt;disk&gt;</option>" in page
    assert "<option selected>resolved</option>" in page
    assert "false alarm" in page

    await judged(site.store, None, 60, NOW - 90_000, labels={"query": "many"})
    first = await listed(site, "query=many")
    page = await (await site.client.get("/incidents?query=many")).text()
    (older,) = re.findall(r'href="(incidents\?[^"]+before[^"]+)"', page)
    rest = await (await site.client.get("/" + older.replace("&amp;", "&"))).text()
    second = [int(each) for each in re.findall(r'href="incidents/(\d+)"', rest)]
    assert (len(first), len(second)) == (50, 10)
    assert max(second) < min(first)
    assert 'href="incidents?query=many">The newest</a>' in rest


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=odd", "status is &#39;odd&#39;; allowed: firing, resolved"),
        ("level=odd", "allowed: critical, high, medium, low"),
        ("verdict=odd", "maintenance, none"),
        ("before=x", "allowed: a whole number"),
        ("nonsense=1", "unknown parameter &#39;nonsense&#39;"),
    ],
)
async def test_odd_filters_are_named(site: Site, query: str, said: str) -> None:
    answer = await site.client.get(f"/incidents?{query}")
    assert answer.status == 400
    assert said in await answer.text()


async def fail(store: Store, reason: FailureReason, now: float) -> None:
    claim = await store.claim("chat", now, 1)
    outcome = outbox.Outcome(claim.claimed[0].id, "<no> answer", now + 60, reason=reason)
    await store.settle([outcome], now)


async def test_a_channel_says_what_it_does_and_what_can_be_done(site: Site) -> None:
    page = await shown(site, "/channels")
    assert "chat log ○ has sent nothing yet; takes everything" in page
    assert "None yet. anomaly-webhook send-test" in page

    await record(site.store, alert())
    await send_all(site.store)
    await site.clock.advance(120)
    page = await shown(site, "/channels")
    assert "chat log ✓ delivers" in page
    assert "sent last 2 min ago 1" in page
    assert "failed attempts of 1 in 24 h 0" in page

    await record(site.store, alert(fingerprint="other"), now=NOW + 120)
    await fail(site.store, "tls", NOW + 120)
    page = await shown(site, "/channels")
    assert "chat log ✗ does not deliver" in page
    assert "Last attempt failed 0 s ago (tls): &lt;no&gt; answer" in page
    assert FIXES["tls"] in page
    assert "failed attempts of 2 in 24 h 1" in page
    assert "pending next 15 Jan 08:03 UTC 1" in page

    await site.store.write(
        lambda c: c.execute(
            insert(channel_states).values(
                [{"name": "chat", "not_before": NOW + 600}, {"name": "old", "not_before": NOW}]
            )
        )
    )
    page = await shown(site, "/channels")
    assert "chat log ‖ pauses until 15 Jan 08:10 UTC" in page
    assert "old ○ not configured any more" in page


def test_every_reason_has_something_to_do() -> None:
    assert set(FIXES) >= set(get_args(FailureReason))
    assert fix_of("something else") == ""


async def test_people_read_what_failed_and_programs_get_json(site: Site) -> None:
    missing = await site.client.get("/nothing/here", headers=HTML)
    page = await missing.text()
    assert (missing.status, "There is no such page" in page) == (404, True)
    assert '<a href="../incidents">all incidents</a>' in page
    assert "default-src 'none'" in missing.headers["Content-Security-Policy"]
    wrong = await site.client.post("/", headers=HTML)
    assert (wrong.status, "This is no page" in await wrong.text()) == (405, True)
    program = await site.client.get("/nothing/here")
    assert (program.status, program.content_type) == (404, "text/plain")

    await site.store.write(lambda c: c.execute(text("DROP TABLE notifications")))
    broken = await site.client.get("/channels", headers=HTML)
    assert (broken.status, broken.headers["Retry-After"]) == (503, "5")
    assert "The store cannot be used now" in await broken.text()
    program = await site.client.get("/api/v1/notifications", headers=HTML)
    assert program.status == 503
    assert "try again" in (await program.json())["error"]


async def quality_page(quality: dict[tuple[str, str], Quality], *, has_more: bool = False) -> str:
    async def look() -> Overview:
        unknown: Part[Any] = Part(problem="unknown")
        parts = dict.fromkeys(
            ("ourselves", "lately", "groups", "watched", "drifted", "models", "conversion"), unknown
        )
        return Overview(at=NOW, version="1", not_ready=None, quality=quality, **parts)

    async def keys() -> tuple[Key, ...]:
        return (Key(b"signs what browsers carry"),)

    app = web.Application()
    add_console(app, Console(ManualClock(NOW), keys, lambda: InForce("https://a.example.org")))
    add_overview(app, OverviewPage(look))
    if has_more:
        worse = Degradation(f1=0.5, reference=0.9, drop=0.44, error=0.1, severity=3)
        app[GRADES] = Grades(lambda: quality, lambda: {"cpu": worse})
        variants = (Variant(IN_FORCE, 1.0), Variant("careful", 1.2))
        cases = [Case(NOW - 60, "false_alarm", peak=0.65, threshold=0.6)] * 6
        app[LATEST] = lambda: [
            compared("cpu", each, "7d", cases, Alarms(), NOW) for each in variants
        ]
    async with TestClient(TestServer(app)) as client:
        return words(await (await client.get("/quality")).text())


async def test_quality_is_shown_with_how_sure_it_is(site: Site) -> None:
    votes = {"mad": 0.9, "<zscore>": 0.3}
    cases = [
        *[Case(NOW - 60, "confirmed", NOW - 150, 0.9, 0.6, votes)] * 8,
        *[Case(NOW - 60, "false_alarm", None, 0.7, 0.6, {"mad": 0.1})] * 2,
    ]
    found = {
        ("cpu", window): quality_of("cpu", window, cases, 4, NOW - 86_400 * 20, NOW)
        for window in ("90d", "7d")
    }
    page = await quality_page(found)
    assert "7 days 8 2 0 0 4 80 % 49 to 94 % 100 % 68 to 100 % 0.89" in page
    assert page.index("7 days 8") < page.index("90 days 8")
    assert "1 min 30 s" in page or "90 s" in page or "1 min" in page
    assert "mad 100 % 68 to 100 % 100 %" in page
    assert "&lt;zscore&gt;" in page
    assert "degradation" not in page

    page = await quality_page(found, has_more=True)
    assert "Severe degradation: F1 was 0.90 and is 0.50" in page
    assert "cpu in force 7 days 1" in page
    assert "cpu careful 7 days 1.2" in page

    assert "Nothing is known yet." in await quality_page({})
    few = quality_of("cpu", "7d", cases[:2], 0, NOW - 86_400, NOW)
    assert "too few too few too few" in await quality_page({("cpu", "7d"): few})
