"""Does one trace id lead from the alert to the notification?"""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from promkit.log import setup_logging
from promkit.traces import trace_of
from tests.webhook.deliveries import alert_json, body
from tests.webhook.receiver import receiving
from tests.webhook.test_webhook_service import Site, running, told, write_config

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    setup_logging("info", "json", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


async def deliver(site: Site, raw: bytes) -> None:
    url = f"http://{site.address}/api/v1/alerts"
    async with site.session.post(url, data=raw, headers=HEADERS) as answer:
        assert answer.status in (200, 400)


async def test_from_the_alert_to_the_notification(tmp_path: Path, logged: io.StringIO) -> None:
    more = "channels: [{kind: log}, {kind: webhook, name: ops, url: '%s'}]\n"
    async with receiving() as receiver:
        config = write_config(tmp_path, receiver, "correlation: null\n")
        lines = config.read_text().splitlines(keepends=True)
        lines[2] = more % receiver.url
        config.write_text("".join(lines))
        receiver.status = 503
        async with running(config) as site:
            await deliver(site, body(alert_json(starts_at=1000.0)))
            await told(receiver, 1)
            receiver.status = 200
            (_, sent) = await told(receiver, 2)
            await deliver(site, b"garbage")
            await site.fires("another")
            (_, _, other) = await told(receiver, 3)
            shown = json.loads((await site.get("/api/v1/incidents/1"))[1])
            await site.fires("abc")
            again = json.loads((await site.get("/api/v1/incidents/1/timeline"))[1])["timeline"]

    assert sent["trace_id"] == shown["trace_id"] == TRACE
    assert [trace_of(headers["traceparent"]) for headers, _ in receiver.requests[:2]] == [TRACE] * 2
    assert trace_of(receiver.requests[2][0]["traceparent"]) == other["trace_id"] != TRACE
    timeline = {entry["what"]: entry["trace_id"] for entry in shown["timeline"]}
    assert timeline.items() >= {"received": TRACE, "stored": TRACE, "failed": TRACE}.items()
    (repeated,) = [entry for entry in again if entry["what"] == "repeated"]
    assert repeated["trace_id"] not in (None, TRACE, other["trace_id"])

    entries = [json.loads(line) for line in logged.getvalue().splitlines()]
    mine = [entry["msg"] for entry in entries if entry.get("trace_id") == TRACE]
    assert "notification failed, trying again" in mine
    assert "a delivery could not be read" in mine
    (told_by_log,) = [
        entry for entry in entries if entry["msg"] == "notification" and entry["incident"] == 1
    ]
    assert told_by_log["trace_id"] == TRACE
