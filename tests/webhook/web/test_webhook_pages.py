"""What people and Prometheus see."""

import asyncio
import subprocess
from pathlib import Path

from sqlalchemy import text

from tests.webhook.deliveries import NOW, alert_json, body
from tests.webhook.web.site import Site


async def test_pages_show_what_is_stored_and_escape_it(site: Site) -> None:
    evil = alert_json(
        labels={"alertname": "<script>alert(1)</script>", "severity": "critical"},
        annotations={"summary": '"><img src=x>', "runbook_url": "javascript:alert(1)"},
    ) | {"generatorURL": "javascript:alert(2)"}
    assert "Nothing is firing" in await (await site.client.get("/")).text()
    await site.post(body(evil, alert_json(fingerprint="ok")))
    await site.post(b"garbage")
    site.not_ready = "the disk is full"
    await site.clock.advance(60)

    answer = await site.client.get("/")
    overview = await answer.text()
    incident = await (await site.client.get("/incidents/1")).text()
    harmless = await (await site.client.get("/incidents/2")).text()
    missing = await site.client.get("/incidents/99")

    assert '<dd><a href="incidents?status=firing">2</a></dd>' in overview
    assert "the disk is full" in overview
    assert "1</strong> request bodies could not be read" in overview
    assert "2 min ago" in overview
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

    assert "All 51 that are firing" in await (await site.client.get("/")).text()


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
