"""How everything is: what Prometheus and the store say, and what is shown while they are silent."""

import asyncio
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert, text, update

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import record
from tests.webhook.deliveries import alert
from tests.webhook.judging import judged, open_incident
from tests.webhook.knownprometheus import DAY, HOUR, MINUTE, prometheus_with
from webhook.adapters.factstore import put_fact
from webhook.adapters.schema import incident_groups, incidents
from webhook.adapters.store import Store
from webhook.config import load_config
from webhook.core.quality import Quality
from webhook.core.tokens import Key
from webhook.heartbeat import HEARD_AT
from webhook.overseeing import KEPT_SECONDS, Overseer
from webhook.reconciler import COVERED
from webhook.web.consoleroutes import add_overview
from webhook.web.overview import OverviewPage
from webhook.web.visit import Console, InForce, add_console

JUDGED = Quality("cpu", "30d", 9, 1, 0, 2, 3, 30.0, 0.95, None, 90.0, {})
_EXPORTER = 'job="anomaly",instance="exporter:9853"'
_ANSWERS = f"""\
anomaly_exporter_build_info{{{_EXPORTER},version="1.2"}} 1
up{{{_EXPORTER}}} 1
up{{job="anomaly",instance="gone:9853"}} 0
up{{job="node",instance="db-1:9100"}} 0
anomaly_exporter_series{{query="cpu"}} 40
anomaly_exporter_series_warming{{query="cpu"}} 0
anomaly_exporter_evaluation_interval_seconds{{query="cpu"}} 15
anomaly_exporter_last_evaluation_timestamp_seconds{{query="cpu"}} NOW-5
anomaly_exporter_series{{query="slow"}} 3
anomaly_exporter_evaluation_interval_seconds{{query="slow"}} 15
anomaly_exporter_last_evaluation_timestamp_seconds{{query="slow"}} NOW-500
anomaly_exporter_series{{query="young"}} 8
anomaly_exporter_series_warming{{query="young"}} 6
anomaly_exporter_last_evaluation_timestamp_seconds{{query="young"}} NOW-5
anomaly_exporter_series{{query="new"}} 0
anomaly_exporter_last_evaluation_timestamp_seconds{{query="new"}} 0
anomaly_series_missing{{query="cpu",instance="db-3"}} 1
anomaly_drift_severity{{query="cpu",instance="db-1"}} 0
anomaly_drift_severity{{query="cpu",instance="db-2"}} 1
anomaly_drift_severity{{query="cpu",instance="db-<3>"}} 7
anomaly_drift_severity{{query="cpu",instance="odd"}} NaN
anomaly_model_precision_ratio{{model="churn",model_version="2",window="30d"}} 0.9
anomaly_model_f1_ratio{{model="churn",model_version="2",window="30d"}} NaN
anomaly_model_labelled_predictions{{model="churn",model_version="2",window="30d"}} 812
anomaly_model_degradation_severity{{model="churn",model_version="2"}} 9
query:anomaly_alert_conversion:ratio1d{{query="cpu"}} 0.5
"""


@dataclass
class Watch:
    """The overview, and what a test may turn."""

    client: Any
    store: Store
    clock: ManualClock
    not_ready: str | None = None

    async def page(self, path: str = "/") -> str:
        answer = await self.client.get(path)
        assert answer.status == 200
        main = (await answer.text()).partition("<main")[2]
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))
        return re.sub(r" ([.,:;])", r"\1", words)


@asynccontextmanager
async def watching(
    store: Store, yaml: str, at: float, quality: dict[tuple[str, str], Quality] | None = None
) -> AsyncIterator[Watch]:
    watch: Watch
    clock, config = ManualClock(at), load_config(yaml, "webhook.yml")

    async def keys() -> tuple[Key, ...]:
        return (Key(b"signs what browsers carry"),)

    overseer = Overseer(
        store, clock, lambda: config, lambda: watch.not_ready, lambda: quality or {}, "9.9", 5.0
    )
    app = web.Application()
    add_console(app, Console(clock, keys, lambda: InForce("https://a.example.org")))
    add_overview(app, OverviewPage(overseer.look, overseer.channels))
    async with TestClient(TestServer(app)) as client:
        watch = Watch(client, store, clock)
        yield watch
    overseer.close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """Run a Prometheus that has known all of it for some minutes; its address, and its now."""
    now = math.floor(time.time() / MINUTE) * MINUTE
    lines: list[str] = []
    for line in _ANSWERS.splitlines():
        name, _, value = line.rpartition(" ")
        number = str(now - float(value[4:])) if value.startswith("NOW") else value
        lines += [f"{name} {number} {now - i * MINUTE:.0f}" for i in (3, 2, 1, 0)]
    failures = 'anomaly_exporter_query_failures_total{query="broken",reason="timeout"}'
    lines += [f"{failures} {4 - i} {now - i * MINUTE:.0f}" for i in (3, 2, 1, 0)]
    families = sorted({line.partition("{")[0] for line in lines})
    past = "\n".join(
        f"# TYPE {family} unknown\n"
        + "\n".join(line for line in lines if line.partition("{")[0] == family)
        for family in families
    )
    with prometheus_with(tmp_path_factory.mktemp("overview"), f"{past}\n# EOF\n") as url:
        yield url, now


async def test_all_of_it_is_shown(store: Store, prometheus: tuple[str, float]) -> None:
    url, now = prometheus
    yaml = (
        f"{{prometheus: {{url: '{url}'}}, dead_mans_switch: {{channels: [log], after: 5m}}, "
        "alertmanager: {url: 'http://127.0.0.1:1'}, "
        "reconcile: {receiver: webhook}}"
    )
    await open_incident(store, now - HOUR, {"query": "cpu", "instance": "<db>"})
    await store.write(lambda c: c.execute(update(incidents).values(ends_at=None, closed_at=None)))
    await judged(store, "false_alarm", 2, now - 5 * HOUR, labels={"query": "disk"})
    await judged(store, "confirmed", 1, now - 3 * DAY, labels={"query": "older"})
    async with watching(store, yaml, now, {("cpu", "30d"): JUDGED, ("cpu", "7d"): JUDGED}) as watch:
        page = await watch.page()

    for said in (
        "series watched 51", "series gone 1", "targets down 2 of 3",
        "✓ up exporter exporter:9853, version 1.2",
        "2 targets down: db-1:9100 (node), gone:9853 (anomaly).",
        "cpu ✓ ok 40 1 5 s ago",
        "slow ! late 3 0 8 min ago",
        "young … warming up: 6 of 8",
        "new … never evaluated 0 0 never",
        "broken ✗ failing: timeout ? 0 ?",
        "! heartbeat of Prometheus and Alertmanager never came",
        "! comparing with Alertmanager has not succeeded yet",
        "✓ store takes alerts; version 9.9",
        "Firing: 1 low.",
        "cpu &lt;db&gt; since", "3 incidents.",
        "cpu 12 3 90 % 100 % 95 % 0.033",
        "churn 2 812 90 % too few too few severe",
        "2 of 4 series have drifted", "critical cpu db-&lt;3&gt;", "moderate cpu db-2",
        "became incidents: cpu 50 %",
    ):  # fmt: skip
        assert said in page, f"{said!r} is not in {page}"
    assert "older" not in page, "only the last day"
    assert page.count("false alarm ") == 2


async def test_what_prometheus_does_not_say_is_not_shown_as_nothing(store: Store) -> None:
    now = time.time()
    async with watching(store, "prometheus: {url: 'http://127.0.0.1:1'}", now) as watch:
        page = await watch.page()
    assert page.count("Not known now. Prometheus does not answer: ") == 2
    assert "What is stored here is shown." in page
    assert "series watched" not in page
    assert "has drifted" not in page
    assert "Nothing is firing." in page

    async with watching(store, "{}", now) as watch:
        page = await watch.page()
    assert page.count("No Prometheus is configured: prometheus.url says which to ask.") == 2


async def test_a_prometheus_without_exporter_rules_or_drift_says_so(
    store: Store, tmp_path: Path
) -> None:
    now = math.floor(time.time())
    past = f'# TYPE up gauge\nup{{job="x",instance="a"}} 1 {now}\n# EOF\n'
    with prometheus_with(tmp_path, past) as url:
        async with watching(store, f"prometheus: {{url: '{url}'}}", now) as watch:
            page = await watch.page()
    assert "No exporter. Prometheus has not scraped an anomaly exporter within a day" in page
    assert "targets down 0 of 1" in page
    assert "No series is checked for drift" in page
    assert "is not known yet: the rules of" in page
    assert "Nobody has judged an alert yet" in page


async def test_what_the_store_does_not_say_is_not_shown_as_nothing(store: Store) -> None:
    await store.write(lambda connection: connection.execute(text("DROP TABLE incident_groups")))
    await store.write(lambda connection: connection.execute(text("DROP TABLE notifications")))
    async with watching(store, "{}", time.time()) as watch:
        watch.not_ready = "the disk is full"
        page = await watch.page()
    assert page.count("Not known now. The store cannot be read") == 2
    assert "Nothing is firing." in page
    assert "Not ready: the disk is full. Alerts are refused until it is" in page
    assert "waiting to be sent" not in page


async def test_incidents_of_one_cause_are_shown_with_the_first_of_them(store: Store) -> None:
    now = 1_800_000_000.0

    def group(ended: float | None, members: int, why: str) -> Callable[[Any], Any]:
        def write(connection: Any) -> None:
            made = insert(incident_groups).values(
                opened_at=now - HOUR, closed_at=ended, labels={}, why=why
            )
            number = connection.execute(made.returning(incident_groups.c.id)).scalar_one()
            mine = connection.execute(
                text("SELECT id FROM incidents WHERE group_id IS NULL ORDER BY id")
            ).scalars().all()[:members]  # fmt: skip
            connection.execute(
                update(incidents).where(incidents.c.id.in_(mine)).values(group_id=number)
            )
            connection.execute(
                update(incident_groups)
                .where(incident_groups.c.id == number)
                .values(first_incident_id=mine[-1] if members > 2 else 999)
            )

        return write

    await judged(store, "confirmed", 6, now - HOUR, labels={"instance": "db-7"})
    await store.write(group(None, 3, "same <cluster>"))
    await store.write(group(now - MINUTE, 2, "same instance"))
    await store.write(group(None, 1, "alone"))
    await store.write(
        lambda c: c.execute(update(incidents).where(incidents.c.id == 1).values(ends_at=None))
    )
    async with watching(store, "{}", now) as watch:
        page = await watch.page()
    assert "1 3 1 firing since 15 Jan 07:00 UTC cpu on db-7 same &lt;cluster&gt;" in page
    assert "2 2 over since 15 Jan 07:59 UTC older than what is kept same instance" in page
    assert "alone" not in page


async def test_it_is_found_out_once_for_all_who_look(store: Store) -> None:
    now = 1_800_000_000.0
    async with watching(store, "{}", now) as watch:
        pages = await asyncio.gather(*(watch.page() for _ in range(5)))
        await record(store, alert(), now=now)
        assert [await watch.page() for _ in range(5)] == pages
        assert "Nothing is firing." in pages[0]
        await watch.clock.advance(KEPT_SECONDS)
        assert "Firing: 1 critical." in await watch.page()


async def test_the_heartbeat_and_comparing_are_watched(store: Store) -> None:
    now = 1_800_000_000.0
    yaml = (
        "{dead_mans_switch: {channels: [log], after: 5m}, "
        "alertmanager: {url: 'http://127.0.0.1:1'}, "
        "reconcile: {receiver: webhook}}"
    )
    await store.write(lambda connection: put_fact(connection, HEARD_AT, now, now))
    await store.write(lambda connection: put_fact(connection, COVERED, now, now))
    async with watching(store, yaml, now + 60) as watch:
        page = await watch.page()
        assert "♥ heartbeat of Prometheus and Alertmanager: 1 min ago" in page
        assert "✓ compared with Alertmanager 1 min ago" in page
        await watch.clock.advance(900)
        page = await watch.page()
        assert "✗ heartbeat of Prometheus and Alertmanager: the last 16 min ago" in page
        assert "! comparing with Alertmanager last succeeded 16 min ago" in page
