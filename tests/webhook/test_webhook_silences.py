"""Silences that are read, and fail to be read."""

from typing import Any

import pytest
import requests
from prometheus_client import CollectorRegistry, generate_latest

from promkit.clock import ManualClock
from tests.webhook.standins.observability import Observability, observed, rfc3339
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.jsonget import JsonSource
from webhook.silences import Silences

NOW = 1_800_000_000.0


def item(name: str, start: float, end: float, **matcher: Any) -> dict[str, Any]:
    return {
        "id": name,
        "startsAt": rfc3339(NOW + start),
        "endsAt": rfc3339(NOW + end),
        "updatedAt": rfc3339(NOW),
        "status": {"state": "active"},
        "createdBy": "ana",
        "comment": "secret?",
        "matchers": [{"name": "a", "value": "x", "isRegex": False, "isEqual": True, **matcher}],
    }


class Watch:
    """The job over an Alertmanager that a test turns."""

    def __init__(self, known: Observability) -> None:
        self.registry, self.clock = CollectorRegistry(), ManualClock(NOW)
        self.silences = Silences(self.registry, self.clock)
        self.alertmanager = Alertmanager(JsonSource(known.url, requests.Session()))

    def page(self) -> list[str]:
        lines = generate_latest(self.registry).decode().splitlines()
        return [line for line in lines if line[0] != "#" and "_created{" not in line]

    def started(self) -> list[str]:
        return [line for line in self.page() if line.startswith("anomaly_silence_start")]


async def test_silences_are_published_with_their_matchers() -> None:
    async with observed() as known:
        old = item("old", -7200, -3600, isRegex=True, value='db.*"')
        del old["matchers"][0]["isEqual"]  # before 0.22
        known.silences = [item("now", -60, 3600, isEqual=False), old, item("later", 60, 120)]
        watch = Watch(known)
        assert watch.page() == [
            f'anomaly_webhook_silence_read_failures_total{{reason="{reason}"}} 0.0'
            for reason in ("unavailable", "rejected", "bad_answer", "secret", "store")
        ]
        await watch.silences.run(watch.alertmanager)

    page = "\n".join(watch.page())
    now = r'{matchers="{a!=\"x\"}",silence="now"}'
    old_labels = r'{matchers="{a=~\"db.*\\\"\"}",silence="old"}'
    values = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in watch.page()}
    assert values[f"anomaly_silence_start_timestamp_seconds{now}"] == NOW - 60
    assert values[f"anomaly_silence_end_timestamp_seconds{now}"] == NOW + 3600
    assert values[f"anomaly_silence_end_timestamp_seconds{old_labels}"] == NOW - 3600
    assert values["anomaly_webhook_silences_left_out"] == 0
    assert values["anomaly_webhook_silences_last_read_timestamp_seconds"] == NOW
    assert "later" not in page
    assert "secret?" not in page


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (503, "", "unavailable"),
        (200, "{", "bad_answer"),
        (200, '[{"id": 1}]', "bad_answer"),
        (200, '[{"id": "x", "matchers": [], "startsAt": "soon", "endsAt": ""}]', "bad_answer"),
        (200, "5", "bad_answer"),
        (404, "", "rejected"),
    ],
)
async def test_the_last_answer_holds(
    status: int, body: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with observed() as known:
        known.silences = [item("now", -60, 3600)]
        watch = Watch(known)
        await watch.silences.run(watch.alertmanager)
        before = watch.started()
        known.status, known.body = status, body
        await watch.clock.advance(60)
        await watch.silences.run(watch.alertmanager)

    assert before
    assert watch.started() == before
    failures = {"reason": reason}
    count = watch.registry.get_sample_value("anomaly_webhook_silence_read_failures_total", failures)
    assert count == 1
    read = watch.registry.get_sample_value("anomaly_webhook_silences_last_read_timestamp_seconds")
    assert read == NOW
    assert "silences cannot be read, those read last hold" in caplog.messages


async def test_without_alertmanager_nothing_is_known() -> None:
    async with observed() as known:
        known.silences = [item("now", -60, 3600)]
        watch = Watch(known)
        await watch.silences.run(watch.alertmanager)
        await watch.silences.run(None)
    assert watch.started() == []
