"""The whole daemon, in a process of its own, finds out what nobody delivered."""

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from promkit.errors import ConfigProblems
from tests.webhook.daemon import daemon
from tests.webhook.deliveries import alert_json, body
from tests.webhook.standins.observability import observed
from webhook.config import load_config

CONFIG = """
store: {url: "sqlite:///FOLDER/webhook.db"}
channels: [{kind: log, name: log}, {kind: log, name: second}]
alertmanager: {url: URL, basic_auth: {username: w, password: x}}
prometheus: {url: URL}
reconcile: {receiver: hook, interval: 1s}
dead_mans_switch: {matchers: ['alertname="Watchdog"'], after: 1s, channels: [second]}
"""


async def test_it_compares_counts_and_watches(tmp_path: Path) -> None:
    config = tmp_path / "webhook.yml"
    async with observed() as known:
        now = time.time()
        known.fires({"alertname": "Down", "severity": "critical", "query": "q"}, now - 90, now - 5)
        text = CONFIG.replace("FOLDER", str(tmp_path)).replace("URL", known.url)
        config.write_text(text)
        async with daemon(config) as running, aiohttp.ClientSession(running.url) as session:

            async def listed() -> dict[str, Any]:
                async with session.get("/api/v1/alerts") as answer:
                    return {one["alertname"]: one for one in (await answer.json())["alerts"]}

            async def until(names: set[str]) -> dict[str, Any]:
                async with asyncio.timeout(20):
                    while True:
                        found = await listed()
                        if names <= found.keys():
                            return found

            await until({"Down", "AnomalyWebhookHeartbeatMissing"})
            beat = alert_json(labels={"alertname": "Watchdog"})
            async with session.post("/api/v1/alerts", data=body(beat, alert_json())) as answer:
                assert await answer.json() == {"stored": 2}
            found = await until({"CpuAnomaly"})
            assert "Watchdog" not in found
            page = await (await session.get("/metrics")).text()

    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if line[0] != "#")
    assert float(lines["anomaly_webhook_heartbeat_timestamp_seconds"]) == pytest.approx(now, abs=60)
    assert float(lines["anomaly_webhook_reconcile_last_success_timestamp_seconds"]) >= now
    assert lines['anomaly_webhook_reconcile_recovered_total{state="firing"}'] == "1.0"
    opened = "anomaly_webhook_incidents_opened_total"
    assert lines[opened + '{alertname="Down",query="q"}'] == "1.0"
    assert lines[opened + '{alertname="CpuAnomaly",query="cpu"}'] == "1.0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("alertmanager: {url: http://am}", "alertmanager: found without reconcile.receiver"),
        ("alertmanager: {url: am}", "alertmanager.url"),
        ("reconcile: {matchers: ['']}", "found no matcher"),
        ("dead_mans_switch: {channels: [pager]}", "found the channel 'pager'; allowed: log"),
        ("correlation: {by: []}", "correlation.by"),
        ("correlation: {min_correlation: 2}", "correlation.min_correlation"),
    ],
)
def test_a_wrong_section_says_what_is_allowed(text: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_config(text, "webhook.yml")

    assert problem in str(caught.value)


def test_right_sections() -> None:
    config = load_config(
        """
        alertmanager: {url: http://am:9093}
        reconcile: {matchers: ['team="db"']}
        correlation: null
        """,
        "webhook.yml",
    )

    assert config.correlation_rules is None
    assert config.gate_rules.correlation is None
    assert load_config("", "webhook.yml").gate_rules.correlation is not None
