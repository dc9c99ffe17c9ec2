"""Does everything that alerted, and everything that was changed, get into the audit files?"""

import asyncio
import gzip
import json
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import delete, select

from promkit.clock import ManualClock
from promkit.log import trace_id
from tests.webhook.adapters.storing import ROUTING
from tests.webhook.daemon import daemon
from tests.webhook.deliveries import NOW, alert, alert_json, body, delivery
from tests.webhook.postgres import database_of
from webhook.adapters.feedback import judge
from webhook.adapters.recording import Recording
from webhook.adapters.schema import audit, facts
from webhook.adapters.store import Store, open_store
from webhook.auditor import Auditor
from webhook.config import WebhookConfig, load_config
from webhook.core.verdicts import Judgement

DAY = 86_400.0
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Desk:
    """An auditor of a store, with a folder of its own."""

    def __init__(self, store: Store, folder: Path, clock: ManualClock) -> None:
        self.store, self.folder, self.clock = store, folder, clock
        self.registry = CollectorRegistry()
        self.config = load_config(f"audit: {{directory: '{folder}'}}", "webhook.yml")
        self.auditor = Auditor(store, clock, self.registry, lambda: self.config)

    async def fires(self, *names: str) -> None:
        alerts = [alert(fingerprint=name) for name in names]
        await self.store.record(Recording(delivery(*alerts), ROUTING, self.clock.now()))

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"anomaly_webhook_audit_{name}")

    def lines(self) -> list[dict[str, Any]]:
        return lines(self.folder)


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line, the oldest file first."""
    found = b""
    for path in [*sorted(folder.glob("audit-*")), folder / "audit.jsonl"]:
        data = path.read_bytes()
        found += gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in found.splitlines()]


def desk_of(store: Store, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path / "audit", ManualClock(NOW))


async def test_each_kind_of_line(store: Store, tmp_path: Path) -> None:
    desk = desk_of(store, tmp_path)
    token = trace_id.set(TRACE)
    one = replace(alert(), annotations={"score": "0.93", "value": "12", "threshold": "0.6"})
    await store.record(Recording(delivery(one), ROUTING, NOW))
    trace_id.reset(token)
    said = Judgement("false_alarm", "a backup", "ana", "page")
    await store.write(lambda connection: judge(connection, 1, said, NOW + 1))
    before = desk.config
    await desk.auditor.loaded("a", "webhook.yml", None)
    desk.config = before.model_copy(update={"external_url": "https://alerts.example.org"})
    await desk.auditor.loaded("b", "webhook.yml", before)
    await desk.auditor.loaded("b", "webhook.yml", desk.config)
    await desk.auditor.run()
    await desk.auditor.run()

    first, second, alerted, verdict = _by_kind(desk.lines())
    assert alerted == {
        "id": f"incident-1-{int(NOW * 1000)}",
        "at": "2027-01-15T08:00:00.000Z",
        "kind": "alerted",
        "incident": 1,
        "alertname": "CpuAnomaly",
        "query": "cpu",
        "labels": dict(one.labels),
        "severity": "critical",
        "level": "critical",
        "starts_at": "2027-01-15T07:59:00.000Z",
        "value": 12.0,
        "expected": None,
        "lower_bound": None,
        "upper_bound": None,
        "score": 0.93,
        "threshold": 0.6,
        "fingerprint": "abc",
        "origin": "alertmanager",
        "trace_id": TRACE,
    }
    assert (verdict["actor"], verdict["subject"], verdict["trace_id"]) == (
        "ana",
        "incident 1",
        TRACE,
    )
    assert (verdict["before"], verdict["after"]["verdict"]) == (None, "false_alarm")
    assert (first["before"], first["detail"]) == (None, "found at the start")
    assert (second["before"], second["detail"]) == (first["after"], "changed: external_url")
    assert desk.metric("lines_total") == 4.0


def _by_kind(found: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    configured = [line for line in found if line.get("action") == "config_loaded"]
    (alerted,) = [line for line in found if line["kind"] == "alerted"]
    (verdict,) = [line for line in found if line.get("action") == "verdict"]
    assert len(configured) == 2
    return (*configured, alerted, verdict)


async def test_a_line_that_is_written_again_can_be_told_by_its_id(
    store: Store, tmp_path: Path
) -> None:
    desk = desk_of(store, tmp_path)
    await desk.fires("a", "b")
    await desk.auditor.run()
    # As after a kill between writing lines and writing down that they are.
    await store.write(lambda connection: connection.execute(delete(facts)).rowcount)
    await desk.auditor.run()
    found = desk.lines()
    assert found[:2] == found[2:]
    assert found[0]["id"] != found[1]["id"]


async def test_more_than_fits_into_one_look_and_days_apart(store: Store, tmp_path: Path) -> None:
    desk = desk_of(store, tmp_path)
    await desk.fires(*(f"one {i}" for i in range(1_100)))
    await desk.auditor.run()
    assert [line["incident"] for line in desk.lines()] == list(range(1, 1_101))
    await desk.clock.advance(DAY)
    await desk.fires("next")
    await desk.auditor.run()
    # The day of a file is when it was last written to, which the machine's clock says.
    assert len(list(desk.folder.glob("audit-*.jsonl.gz"))) >= 1
    assert desk.lines()[-1]["fingerprint"] == "next"
    await desk.clock.advance(91 * DAY)
    await desk.auditor.run()
    assert not (desk.folder / "audit.jsonl").read_bytes()


async def test_what_cannot_be_written_waits_in_the_store(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_of(store, tmp_path)
    desk.folder.touch()
    await desk.fires("a")
    for _ in range(3):
        await desk.auditor.run()
        await desk.clock.advance(100.0)
    assert desk.metric("failures_total") == 3.0
    assert desk.metric("behind_seconds") == 300.0
    assert caplog.text.count("the audit files cannot be written") == 1
    desk.folder.unlink()
    await desk.auditor.run()
    assert desk.metric("behind_seconds") == 0.0
    assert [line["fingerprint"] for line in desk.lines()] == ["a"]


async def test_a_table_that_retention_has_emptied_begins_anew(store: Store, tmp_path: Path) -> None:
    desk = desk_of(store, tmp_path)
    await desk.fires("a")

    async def say(reason: str) -> None:
        said = Judgement("confirmed", reason, "ana", "page")
        await store.write(lambda connection: judge(connection, 1, said, NOW))

    for reason in ("first", "second", "third"):
        await say(reason)
    await desk.auditor.run()
    await store.write(lambda connection: connection.execute(delete(audit)).rowcount)
    await desk.auditor.run()
    await say("after retention")
    (number,) = await store.read(
        lambda connection: connection.execute(select(audit.c.id)).scalars().all()
    )
    assert number == 1
    await desk.auditor.run()
    assert [line["detail"] for line in desk.lines()[1:]] == [
        "first",
        "second",
        "third",
        "after retention",
    ]


async def test_of_replicas_one_writes_until_it_dies(postgres_url: str, tmp_path: Path) -> None:
    database = database_of(postgres_url)
    with ExitStack() as stack:
        clock = ManualClock(NOW)
        stores = [stack.enter_context(open_store(database)) for _ in range(2)]
        one, other = (Desk(store, tmp_path / f"audit-{i}", clock) for i, store in enumerate(stores))
        await one.fires("a")
        await one.auditor.run()
        await other.auditor.run()
        await clock.advance(50.0)
        await one.fires("b")
        await other.auditor.run()
        await one.auditor.run()
        assert [line["fingerprint"] for line in one.lines()] == ["a", "b"]
        assert not other.folder.exists()
        # The first one is gone: the other goes on where it stopped.
        await clock.advance(61.0)
        await other.fires("c")
        await other.auditor.run()
        assert [line["fingerprint"] for line in other.lines()] == ["c"]
        await one.auditor.run()
        assert len(one.lines()) == 2


async def test_a_database_that_is_away_is_told_of_for_as_long_as_it_is(
    postgres_url: str, tmp_path: Path
) -> None:
    clock = ManualClock(NOW)
    with open_store(database_of(postgres_url)) as store:
        desk = Desk(store, tmp_path / "audit", clock)
        await desk.fires("a")
        await desk.auditor.run()
        assert desk.metric("behind_seconds") == 0.0
        await store.write(lambda connection: connection.exec_driver_sql("DROP TABLE facts"))
        # Half of its turn is left, then none of it.
        for _ in range(3):
            await clock.advance(25.0)
            await desk.auditor.run()
        assert desk.metric("behind_seconds") == 50.0
        assert desk.metric("failures_total") == 3.0
        desk.auditor.close()


def test_where_files_are_by_default() -> None:
    def folder(text: str) -> Path | None:
        return load_config(text, "webhook.yml").audit_folder

    assert WebhookConfig().audit_folder == Path("data/audit")
    assert folder("store: {url: 'postgresql://u@h/d'}") is None
    assert folder("audit: {directory: /var/log/audit}") == Path("/var/log/audit")
    assert folder("audit: null") is None


async def test_without_files_nothing_is_written(store: Store, tmp_path: Path) -> None:
    desk = desk_of(store, tmp_path)
    desk.config = load_config("audit: null", "webhook.yml")
    await desk.fires("a")
    await desk.auditor.run()
    assert not desk.folder.exists()


def _until_known(folder: Path, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(_known(folder)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _known(folder: Path) -> set[str]:
    found = lines(folder) if (folder / "audit.jsonl").exists() else []
    return {line["fingerprint"] for line in found if line["kind"] == "alerted"}


async def test_kills_lose_no_line(tmp_path: Path) -> None:
    config = tmp_path / "webhook.yml"
    config.write_text(f"store: {{url: 'sqlite:///{tmp_path}/webhook.db'}}\n")
    folder = tmp_path / "audit"
    answered: list[str] = []
    for round_ in range(2):
        async with daemon(config) as running, aiohttp.ClientSession() as session:
            for i in range(60):
                name = f"{round_}-{i}"
                async with session.post(
                    f"{running.url}/api/v1/alerts", data=body(alert_json(fingerprint=name))
                ) as answer:
                    assert answer.status == 200
                answered.append(name)
            if round_ == 0:
                # In the moment in which lines are there, and the position perhaps not yet.
                await asyncio.to_thread(_until_known, folder, 1)
            await running.stop(signal.SIGKILL)
    async with daemon(config):
        await asyncio.to_thread(_until_known, folder, len(answered))
    assert _known(folder) == set(answered)
