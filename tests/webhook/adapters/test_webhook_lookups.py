"""What Alertmanager and Prometheus answer, odd answers included."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from promkit.clock import ManualClock
from promkit.httpconfig import Authorization, HttpConfig, requests_session
from tests.webhook.standins.observability import Observability, observed
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.jsonget import JsonSource
from webhook.adapters.truthmetrics import IncidentMetrics
from webhook.errors import LookupFailed
from webhook.periodic import run_every

NOW = 1_800_000_000.0


@pytest.fixture
async def known() -> AsyncIterator[Observability]:
    async with observed() as known:
        yield known


def source(known: Observability, **options: Any) -> JsonSource:
    return JsonSource(known.url, requests_session(HttpConfig()), seconds=5, **options)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"isPartial": true, "data": {"result": []}}', "unavailable"),
        ('{"data": {"result": [{"metric": {}, "values": [[1]]}]}}', "bad_answer"),
        ('{"data": {"result": 7}}', "bad_answer"),
        ("[]", "bad_answer"),
    ],
)
async def test_a_result_that_cannot_be_used(known: Observability, text: str, reason: str) -> None:
    history = AlertsHistory(source(known))
    known.series = {}
    known.body = text

    with pytest.raises(LookupFailed) as caught:
        await asyncio.to_thread(history._range, "x", {})

    assert caught.value.reason == reason


@pytest.mark.parametrize("text", ['{"data": {"yaml": "a: [" }}', '{"data": {}}', "{}"])
async def test_a_configuration_that_cannot_be_used(known: Observability, text: str) -> None:
    known.body = text

    with pytest.raises(LookupFailed, match=r"prometheus\.url"):
        await asyncio.to_thread(AlertsHistory(source(known)).relabeling)


@pytest.mark.parametrize("text", ['{"config": {"original": "a: ["}}', '{"config": {}}'])
async def test_a_status_that_cannot_be_used(known: Observability, text: str) -> None:
    known.body = text

    with pytest.raises(LookupFailed, match=r"alertmanager\.url"):
        await asyncio.to_thread(Alertmanager(source(known)).status)


async def test_other_relabeling_is_said_and_not_followed(
    known: Observability, caplog: pytest.LogCaptureFixture
) -> None:
    known.prometheus = {"alerting": {"alert_relabel_configs": [{"regex": "x", "action": "drop"}]}}
    known.fired({"alertname": "A"}, NOW, NOW + 60)

    (alert,) = await asyncio.to_thread(AlertsHistory(source(known)).ended_between, NOW, NOW + 600)

    assert (alert.starts_at, alert.ends_at) == (NOW, NOW + 60)
    assert "other than labeldrop" in caplog.text


async def test_a_long_time_is_asked_for_in_few_columns(known: Observability) -> None:
    await asyncio.to_thread(AlertsHistory(source(known)).ended_between, NOW - 86_400, NOW)

    steps = [query["step"] for path, query in known.asked if path.endswith("query_range")]
    assert steps == ["18", "18"]


async def test_an_answer_is_bounded_and_names_no_secret(
    known: Observability, tmp_path: Path
) -> None:
    known.body = "[" + " " * 10_000 + "]"
    with pytest.raises(LookupFailed, match="more than 1000 bytes"):
        await asyncio.to_thread(source(known, max_bytes=1_000).get, "/x")

    url = known.url.replace("http://", "http://user:s3cret@")
    config = HttpConfig(authorization=Authorization(credentials_file=tmp_path / "none"))
    with pytest.raises(LookupFailed) as caught:
        await asyncio.to_thread(JsonSource(url, requests_session(config)).get, "/x")
    assert caught.value.reason == "secret"
    assert "s3cret" not in str(caught.value)


def test_names_of_alerts_cannot_fill_the_page() -> None:
    registry = CollectorRegistry()
    metrics = IncidentMetrics(registry)
    metrics.expect([("known", "q")])
    metrics.opened({(f"alert{i}", ""): 1 for i in range(2_000)})
    metrics.opened({("known", "q"): 2})

    (family,) = registry.collect()
    assert len(family.samples) <= 2 * 1_001
    name = "anomaly_webhook_incidents_opened_total"
    assert registry.get_sample_value(name, {"alertname": "known", "query": "q"}) == 2
    other = registry.get_sample_value(name, {"alertname": "other", "query": "other"})
    assert other == 2_000 - 999


async def test_a_job_that_fails_is_run_again(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(NOW)
    ran: list[float] = []

    async def job() -> None:
        ran.append(clock.now() - NOW)
        if len(ran) == 2:
            raise RuntimeError("a defect")

    task = asyncio.create_task(run_every("test", lambda: 10.0, job, clock))
    await clock.advance(35)
    task.cancel()

    assert ran == [0, 10, 20, 30]
    assert "a job failed" in caplog.text
