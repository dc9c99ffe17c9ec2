"""What Alertmanager is answered, and what is then stored."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, text

from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.site import ALERTS, Site, running
from webhook.adapters import queries
from webhook.adapters.schema import quarantine
from webhook.adapters.store import Store
from webhook.errors import StoreUnavailable
from webhook.web import intake


async def kept(store: Store) -> Sequence[Any]:
    return await store.read(lambda connection: connection.execute(select(quarantine)).all())


async def test_alerts_are_stored_when_they_are_answered(site: Site, database: Path) -> None:
    answer = await site.post(body(alert_json(), alert_json("resolved", "b", ends_at=NOW)))

    assert (answer.status, await answer.json()) == (200, {"stored": 2})
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT fingerprint FROM incidents").fetchall()
    assert found == [("abc",), ("b",)]
    assert len(site.wakes) == 1
    await site.post(body(alert_json()))
    assert len(site.wakes) == 1, "a repetition puts nothing into the outbox"
    numbers = await site.metrics()
    assert numbers["anomaly_webhook_alerts_received_total"] == 3
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


_MUTATIONS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)


def test_no_content_ever_causes_a_5xx(store: Store) -> None:
    async def status(raw: bytes) -> int:
        async with running(store) as site:
            return (await site.post(raw)).status

    @settings(max_examples=60, deadline=None)
    @given(mutations=_MUTATIONS, cut=st.floats(0.5, 1))
    def check(mutations: list[tuple[float, int]], cut: float) -> None:
        raw = bytearray(body(alert_json(), alert_json("resolved", "b", ends_at=NOW)))
        for place, value in mutations:
            raw[int(place * len(raw))] = value
        assert asyncio.run(status(bytes(raw[: int(cut * len(raw))]))) in (200, 400)

    check()


async def test_garbage_is_a_400_even_when_it_cannot_be_kept(site: Site) -> None:
    await site.store.write(lambda connection: connection.execute(text("DROP TABLE quarantine")))

    assert (await site.post(b"garbage")).status == 400


async def test_a_commit_that_takes_too_long_is_a_503(store: Store) -> None:
    entered, go = threading.Event(), threading.Event()

    def block(_: Connection) -> None:
        entered.set()
        assert go.wait(10)

    async with running(store, intake.Stage(commit_seconds=0.05)) as site:
        blocking = asyncio.create_task(store.write(block))
        await asyncio.to_thread(entered.wait, 10)
        late = await site.post(body(alert_json()))
        assert late.status == 503
        assert "no commit within 0.05 s" in (await late.json())["error"]
        go.set()
        await blocking
        # With time again, now that the store is free.
        site.client.app[intake.STAGE].commit_seconds = 20.0
        assert (await site.post(body(alert_json()))).status == 200


async def test_what_alertmanager_left_out_is_logged(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    raw = body(alert_json()).replace(b'"truncatedAlerts": 0', b'"truncatedAlerts": 7')

    assert (await site.post(raw)).status == 200
    (entry,) = [entry for entry in caplog.records if "max_alerts: 0" in entry.getMessage()]
    assert vars(entry)["left_out"] == 7
