"""The HTTP side over the real store: what Alertmanager, programs and people get."""

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from promkit.clock import ManualClock
from promkit.errors import ConfigProblems
from tests.webhook.deliveries import NOW, alert_json, body
from webhook.adapters import outbox, queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.schema import quarantine
from webhook.adapters.store import Store, open_store
from webhook.core.routing import Routing, Target
from webhook.errors import StoreUnavailable
from webhook.web import intake
from webhook.web.app import make_app
from webhook.web.parts import Parts, Settings

ALERTS = "/api/v1/alerts"


@dataclass
class Site:
    """A running application; what a test may look at or turn."""

    client: Any
    store: Store
    clock: ManualClock
    not_ready: str | None = None
    wakes: list[None] = field(default_factory=list)

    async def post(
        self, raw: bytes | BytesIO | AsyncIterator[bytes], **options: Any
    ) -> ClientResponse:
        answer: ClientResponse = await self.client.post(ALERTS, data=raw, **options)
        return answer

    async def json(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def metrics(self) -> dict[str, float]:
        answer = await self.client.get("/metrics")
        lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


@asynccontextmanager
async def running(store: Store, stage: intake.Stage | None = None) -> AsyncIterator[Site]:
    clock = ManualClock(NOW)
    metrics = Metrics(
        "1.2.3", lambda: store.read_here(queries.counts), lambda: (True, NOW), clock.now
    )
    metrics.expect_channels(["chat", "pager"])
    routing = Routing((Target("chat"), Target("pager", frozenset({"critical"}))))
    site: Site

    async def reload() -> None:
        raise ConfigProblems(["webhook.yml:3: channels: found nothing"])

    app = make_app(
        Parts(
            store=store,
            clock=clock,
            metrics=metrics,
            settings=lambda: Settings(routing, "https://a.example.org/x", ("chat", "pager")),
            stored=lambda: site.wakes.append(None),
            ready=lambda: site.not_ready,
            reload=reload,
        )
    )
    if stage is not None:
        app[intake.STAGE] = stage
    async with TestClient(TestServer(app)) as client:
        site = Site(client, store, clock)
        yield site


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    async with running(store) as started:
        yield started


async def kept(store: Store) -> Sequence[Any]:
    return await store.read(lambda connection: connection.execute(select(quarantine)).all())


async def test_alerts_are_stored_when_they_are_answered(site: Site, database: Path) -> None:
    answer = await site.post(body(alert_json(), alert_json("resolved", "b", ends_at=NOW)))

    assert (answer.status, await answer.json()) == (200, {"stored": 2})
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT fingerprint FROM incidents").fetchall()
    assert found == [("abc",), ("b",)]
    assert len(site.wakes) == 1
    numbers = await site.metrics()
    assert numbers["anomaly_webhook_alerts_received_total"] == 2
    assert numbers['anomaly_webhook_notifications_suppressed_total{reason="already_resolved"}'] == 1


async def test_garbage_is_a_400_and_kept(site: Site) -> None:
    answer = await site.post(b'{"text": "custom"}')

    assert answer.status == 400
    assert "no list 'alerts'" in (await answer.json())["error"]
    (row,) = await kept(site.store)
    assert row.body == b'{"text": "custom"}'
    assert (await site.metrics())["anomaly_webhook_quarantined_total"] == 1


async def test_a_mixed_delivery_keeps_the_good_and_quarantines_the_rest(site: Site) -> None:
    answer = await site.post(body(alert_json(), {"status": "odd"}))

    assert answer.status == 200
    assert (await answer.json())["stored"] == 1
    assert "alerts[1]" in (await answer.json())["quarantined"][0]
    assert len(await kept(site.store)) == 1


async def test_content_the_store_refuses_is_a_400_and_kept(site: Site) -> None:
    # Something that no real delivery does: the database itself objects to the rows.
    trigger = "CREATE TRIGGER object BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"
    await site.store.write(lambda connection: connection.execute(text(trigger)))

    answer = await site.post(body(alert_json()))

    assert answer.status == 400
    assert "report this" in (await answer.json())["error"]
    assert len(await kept(site.store)) == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {"Content-Encoding": "gzip"}}, 415),
        ({"headers": {"Content-Encoding": "identity"}}, 200),
        ({"headers": {"Content-Type": "text/plain; charset=klingon"}}, 200),
    ],
)
async def test_headers(site: Site, options: dict[str, Any], status: int) -> None:
    answer = await site.client.post(
        ALERTS, data=body(alert_json()), skip_auto_headers=["Content-Type"], **options
    )

    assert answer.status == status


async def test_sixteen_mebibytes_are_taken_and_more_is_not(site: Site) -> None:
    alerts = [alert_json(fingerprint=f"f{i}") for i in range(2_000)]
    raw = body(*alerts)
    fits = raw + b" " * (intake.MAX_BODY - len(raw))

    assert (await site.post(BytesIO(fits))).status == 200
    too_much = await site.post(BytesIO(fits + b" "))
    chunked = await site.post(chunks(fits + b" "))

    assert (too_much.status, chunked.status) == (413, 413)
    assert "set max_alerts" in (await too_much.json())["error"]
    counts = await site.store.read(queries.counts)
    assert counts.open_incidents == 2_000


async def chunks(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), 2**20):
        yield raw[start : start + 2**20]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", ALERTS, 405),
        ("DELETE", ALERTS, 405),
        ("POST", "/api/v1/notifications", 405),
        ("GET", "/-/reload", 405),
        ("POST", ALERTS + "/", 404),
        ("GET", "/-/healthy", 200),
        ("HEAD", "/-/ready", 200),
        ("POST", "/-/reload", 500),
    ],
)
async def test_other_methods_and_addresses(site: Site, method: str, path: str, status: int) -> None:
    assert (await site.client.request(method, path)).status == status


async def test_a_full_stage_and_a_failing_store_are_a_503(store: Store) -> None:
    async with running(store, intake.Stage(max_waiting=1)) as site:
        await store.write(lambda connection: pragma(connection, "max_page_count=1"))
        many = (alert_json(fingerprint=f"f{i}") for i in range(200))
        failing = await site.post(body(*many))
        bad = await site.post(b"garbage")
        await store.write(lambda connection: pragma(connection, "max_page_count=100000"))

        with site.client.app[intake.STAGE].admit(1):
            full = await site.post(body(alert_json()))
        accepted = await site.post(body(alert_json()))

        assert (failing.status, full.status, accepted.status) == (503, 503, 200)
        assert bad.status == 400, "garbage is never worth a repetition"
        assert "full" in (await failing.json())["error"]
        assert (await site.metrics())["anomaly_webhook_deliveries_refused_total"] == 2


def pragma(connection: Connection, setting: str) -> None:
    connection.execute(text(f"PRAGMA {setting}"))


def test_the_stage_bounds_bytes_but_lets_one_large_body_in() -> None:
    stage = intake.Stage(max_bytes=10)
    with stage.admit(100), pytest.raises(StoreUnavailable), stage.admit(1):
        pass
    with stage.admit(4), stage.admit(6):
        pass


async def test_a_body_that_does_not_arrive_is_given_up(store: Store) -> None:
    async with running(store, intake.Stage(body_seconds=0.1)) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.client.port)
        writer.write(b"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")

        answer = await reader.readuntil(b"}")

        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"Connection: close" in answer
    assert b"did not arrive within 0.1 s" in answer


async def fill(site: Site) -> None:
    items = [
        alert_json(
            fingerprint=f"f{i}",
            starts_at=NOW - 100 + i,
            labels={
                "alertname": "A",
                "severity": ("info", "critical")[i % 2],
                "query": ("cpu", "disk")[i // 5],
                "instance": f"host{i}",
            },
        )
        for i in range(10)
    ]
    await site.post(body(*items))
    await site.post(body(items[9] | {"status": "resolved", "endsAt": "2027-01-15T08:00:00Z"}))


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, "9876543210"),
        ({"status": "firing"}, "876543210"),
        ({"status": "resolved"}, "9"),
        ({"severity": "critical"}, "97531"),
        ({"query": "cpu"}, "43210"),
        ({"since": str(NOW - 93)}, "987"),
        ({"since": "2027-01-15T07:58:27Z"}, "987"),
        ({"since": "2027-01-15T07:58:27"}, "987"),
        ({"filter": 'instance=~"host[2-4]"'}, "432"),
        ({"filter": '{instance=~"host[2-4]",severity="info"}', "query": "cpu"}, "42"),
        ({"filter": 'instance="nowhere"'}, ""),
    ],
)
@pytest.mark.parametrize("limit", [100, 3, 1])
async def test_listing_alerts_page_by_page(
    site: Site, parameters: dict[str, str], found: str, limit: int
) -> None:
    await fill(site)
    seen = ""
    answer = await site.client.get(ALERTS, params={**parameters, "limit": str(limit)})
    while True:
        page = await answer.json()
        assert len(page["alerts"]) <= limit
        seen += "".join(item["fingerprint"].removeprefix("f") for item in page["alerts"])
        if page["next"] is None:
            break
        assert page["next"].startswith("https://a.example.org/x/api/v1/alerts?")
        answer = await site.client.get(page["next"].removeprefix("https://a.example.org/x"))

    assert seen == found


async def test_what_an_alert_looks_like(site: Site) -> None:
    await site.post(body(alert_json()))

    page = await site.json(ALERTS)

    assert page == {
        "alerts": [
            {
                "fingerprint": "abc",
                "status": "firing",
                "labels": alert_json()["labels"],
                "annotations": {"summary": "cpu is unusual", "value": "0.97"},
                "starts_at": "2027-01-15T07:59:00.000Z",
                "ends_at": None,
                "last_seen_at": "2027-01-15T08:00:00.000Z",
                "incident": 1,
                "alertname": "CpuAnomaly",
                "severity": "critical",
                "query": "cpu",
                "generator_url": "http://prometheus:9090/graph?g0.expr=up",
                "links": {"incident": "https://a.example.org/x/incidents/1"},
            }
        ],
        "next": None,
    }


async def test_listing_notifications(site: Site) -> None:
    await fill(site)
    (item, *_) = (await site.store.claim("chat", NOW, 1)).claimed
    await site.store.settle([outbox.Outcome(item.id, "HTTP 404")], NOW + 1)

    everything = await site.json("/api/v1/notifications?limit=1000")
    dead = await site.json("/api/v1/notifications?state=dead&channel=chat")
    one = await site.json("/api/v1/notifications?incident=10&limit=2")

    assert len(everything["notifications"]) == 10 + 5 + 2
    assert dead["notifications"] == [
        {
            "id": item.id,
            "incident": 1,
            "channel": "chat",
            "status": "firing",
            "state": "dead",
            "attempts": 1,
            "created_at": "2027-01-15T08:00:00.000Z",
            "due_at": None,
            "finished_at": "2027-01-15T08:00:01.000Z",
            "detail": "HTTP 404",
            "alertname": "A",
            "severity": "info",
            "query": "cpu",
            "links": {"incident": "https://a.example.org/x/incidents/1"},
        }
    ]
    assert [row["status"] for row in one["notifications"]] == ["resolved", "resolved"]
    assert "before=" in one["next"]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("status=open", "status is 'open'; allowed: firing, resolved"),
        ("limit=0", "limit is 0; allowed: 1 to 1000"),
        ("limit=many", "limit is 'many'; allowed: a whole number"),
        ("before=-1", "before is '-1'"),
        ("since=yesterday", "since is 'yesterday'; allowed: unix seconds"),
        ("since=9999999-01-01", "since is"),
        ("filter=%7B", "filter: found '{'"),
        ("color=red", "unknown parameter 'color'; allowed: status"),
    ],
)
async def test_a_wrong_parameter_is_named(site: Site, query: str, problem: str) -> None:
    answer = await site.client.get(f"{ALERTS}?{query}")

    assert answer.status == 400
    assert problem in (await answer.json())["error"]
    other = await site.client.get(f"/api/v1/notifications?{query.replace('status', 'state')}")
    assert other.status == 400


async def test_pages_show_what_is_stored_and_escape_it(site: Site) -> None:
    evil = alert_json(
        labels={"alertname": "<script>alert(1)</script>", "severity": "critical"},
        annotations={"summary": '"><img src=x>', "runbook_url": "javascript:alert(1)"},
    ) | {"generatorURL": "javascript:alert(2)"}
    assert "Nothing is firing" in await (await site.client.get("/")).text()
    await site.post(body(evil, alert_json(fingerprint="ok")))
    await site.post(b"garbage")
    site.not_ready = "the disk is full"

    answer = await site.client.get("/")
    overview = await answer.text()
    incident = await (await site.client.get("/incidents/1")).text()
    harmless = await (await site.client.get("/incidents/2")).text()
    missing = await site.client.get("/incidents/99")

    assert "Open incidents: 2" in overview
    assert "the disk is full" in overview
    assert "1 request bodies could not be read" in overview
    assert "1m0s ago" in overview or "1m ago" in overview
    for page in (overview, incident):
        assert "<script>" not in page
        assert "<img" not in page
        assert 'href="javascript:' not in page
    assert "&lt;script&gt;" in overview
    assert 'href="http://prometheus:9090/graph?g0.expr=up"' in harmless
    assert missing.status == 404
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_overview_says_when_it_does_not_show_all(site: Site) -> None:
    await site.post(body(*(alert_json(fingerprint=f"f{i}") for i in range(51))))

    assert "The newest 50 are shown" in await (await site.client.get("/")).text()


async def test_an_unreadable_store_is_a_503_for_readers_and_no_failed_scrape(
    site: Site, database: Path
) -> None:
    await site.store.write(lambda connection: connection.execute(text("DROP TABLE notifications")))

    assert (await site.client.get("/api/v1/notifications")).status == 503
    numbers = await site.metrics()
    assert numbers["anomaly_webhook_alerts_received_total"] == 0
    assert "anomaly_webhook_outbox_size" not in numbers


async def test_metrics_pass_promtool_and_start_at_zero(site: Site) -> None:
    numbers = await site.metrics()
    for name in (
        "alerts_received_total",
        'notifications_total{channel="chat"}',
        'notification_failures_total{channel="pager",reason="timeout"}',
        'notifications_dead_total{channel="chat"}',
        'notifications_suppressed_total{reason="superseded"}',
        "notification_latency_seconds_count",
        "outbox_size",
        "oldest_pending_seconds",
        "incidents_open",
        "quarantined_total",
        "deliveries_refused_total",
    ):
        assert numbers[f"anomaly_webhook_{name}"] == 0, name
    assert numbers['anomaly_webhook_build_info{version="1.2.3"}'] == 1
    assert numbers["anomaly_webhook_config_last_reload_successful"] == 1
    assert numbers["anomaly_webhook_config_last_reload_success_timestamp_seconds"] == NOW

    await site.post(body(alert_json()))
    await site.clock.advance(30)
    numbers = await site.metrics()
    assert numbers["anomaly_webhook_incidents_open"] == 1
    assert numbers["anomaly_webhook_outbox_size"] == 2
    assert numbers["anomaly_webhook_oldest_pending_seconds"] == 30

    page = await (await site.client.get("/metrics")).read()
    checked = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "check", "metrics"],
        input=page,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


async def test_openmetrics_is_served_when_asked_for(site: Site) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}

    answer = await site.client.get("/metrics", headers=accept)

    assert answer.content_type == "application/openmetrics-text"
    assert (await answer.text()).endswith("# EOF\n")


_MUTATIONS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(mutations=_MUTATIONS, cut=st.floats(0.5, 1))
def test_no_content_ever_causes_a_5xx(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[float, int]], cut: float
) -> None:
    raw = bytearray(body(alert_json(), alert_json("resolved", "b", ends_at=NOW)))
    for place, value in mutations:
        raw[int(place * len(raw))] = value
    mutated = bytes(raw[: int(cut * len(raw))])

    async def status() -> int:
        with open_store(tmp_path_factory.mktemp("fuzz") / "webhook.db") as store:
            async with running(store) as site:
                return (await site.post(mutated)).status

    assert asyncio.run(status()) in (200, 400)
