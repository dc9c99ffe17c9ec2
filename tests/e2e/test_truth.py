"""What Alertmanager and Prometheus know reaches people once, whatever happened to deliveries.

Against the real programs, with short timeouts by configuration.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.e2e.programs import Front, Gauges, Programs, free_ports, incidents, programs_in
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(150)]

ALERTMANAGER = """
route:
  receiver: my.hook
  group_by: ['...']
  group_wait: 1s
  group_interval: 10s
  repeat_interval: 4h
receivers:
  - name: my.hook
    webhook_configs: [{url: "{url}", send_resolved: true, max_alerts: 0}]
"""

PROMETHEUS = """
global: {scrape_interval: 1s, evaluation_interval: 1s, external_labels: {site: here}}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["{alertmanager}"]}]}]}
scrape_configs: [{job_name: gauges, static_configs: [{targets: ["{gauges}"]}]}]
"""

RULES = """
groups:
  - name: test
    rules:
      - {alert: Short, expr: short == 1, labels: {severity: critical}}
      - {alert: Long, expr: long == 1, labels: {severity: critical}}
      - {alert: Before, expr: before == 1, labels: {severity: critical}}
"""

WEBHOOK = """
store: {url: "sqlite:///{folder}/webhook.db"}
channels: [{kind: webhook, name: people, url: "{receiver}"}]
throttle: {per_metric_and_severity: null, total: null, flapping: null, digest: 5s}
correlation: null
"""

RECONCILE = """
alertmanager: {url: "{alertmanager}"}
prometheus: {url: "{prometheus}"}
reconcile: {receiver: my.hook, interval: 5s, wait: 15s, settle: 20s}
"""


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with programs_in(tmp_path) as programs:
        yield programs


@pytest.fixture
def people() -> Iterator[Receiver]:
    with closing(Receiver()) as receiver:
        yield receiver


def write(path: Path, text: str, **values: object) -> Path:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    path.write_text(text)
    return path


def test_people_see_each_of_50_groups_once_whatever_a_pair_delivers(
    programs: Programs,
    people: Receiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    first, second, gossip, gossip_too, port = free_ports(5)
    webhook = write(tmp_path / "webhook.yml", WEBHOOK, folder=tmp_path, receiver=people.url)
    programs.webhook(port, webhook)
    with closing(Front(port)) as front:
        config = write(tmp_path / "am.yml", ALERTMANAGER, url=front.url)
        for name, at, own in (("one", first, gossip), ("two", second, gossip_too)):
            peers = [f"--cluster.peer=127.0.0.1:{p}" for p in (gossip, gossip_too) if p != own]
            listen = f"--cluster.listen-address=127.0.0.1:{own}"
            programs.alertmanager(name, at, config, listen, "--cluster.settle-timeout=5s", *peers)
        programs.wait_until_ready(port, first, second)
        programs.wait_for("the cluster", lambda: members(first) == members(second) == 2, 30)
        front.is_away = True
        alerts = [
            {"labels": {"alertname": "Down", "severity": "critical", "instance": f"db{i}"}}
            for i in range(50)
        ]
        for at in (first, second):
            post(at, alerts)
        time.sleep(40)  # the outage itself, of the length that was measured without a webhook
        front.is_away = False

        programs.wait_for("50 notifications", lambda: len(people.deliveries) >= 50, 40)
        # Once more than group_interval: what either member still wanted to deliver has come.
        time.sleep(12)

    told = [one.body["labels"]["instance"] for one in people.deliveries]
    assert sorted(told) == sorted(f"db{i}" for i in range(50))
    assert {one.body["status"] for one in people.deliveries} == {"firing"}
    record_property("alertmanager_deliveries_refused", front.refused)
    record_property("alertmanager_deliveries_passed", front.passed)
    record_property("people_told", len(told))


def test_what_fired_while_nobody_took_it_is_known_within_a_minute(
    programs: Programs,
    people: Receiver,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    am, prometheus, port = free_ports(3)
    with closing(Gauges({"short": 0, "long": 0, "before": 1})) as gauges:
        write(tmp_path / "rules.yml", RULES)
        hook = f"http://127.0.0.1:{port}/api/v1/alerts"
        programs.alertmanager(
            "am",
            am,
            write(tmp_path / "am.yml", ALERTMANAGER, url=hook),
            "--cluster.listen-address=",
        )
        config = write(
            tmp_path / "prometheus.yml",
            PROMETHEUS,
            alertmanager=f"127.0.0.1:{am}",
            gauges=gauges.address,
        )
        programs.prometheus(prometheus, config)
        webhook = write(
            tmp_path / "webhook.yml",
            WEBHOOK + RECONCILE,
            folder=tmp_path,
            receiver=people.url,
            alertmanager=f"http://127.0.0.1:{am}",
            prometheus=f"http://127.0.0.1:{prometheus}",
        )
        programs.webhook(port, webhook)
        programs.wait_until_ready(am, prometheus, port)
        programs.wait_for("the alert before", lambda: by_name(port).get("Before"), 40)
        programs.wait_for("a comparison", lambda: reconciled(port) > 0, 20)

        programs.kill("webhook")
        gauges.values.update(short=1, long=1, before=0)
        programs.wait_for("it to fire", lambda: firing(prometheus) >= {"Short", "Long"}, 20)
        # ALERTS is read every five seconds, so that the short alert has to last longer.
        programs.wait_for("it to have lasted", lambda: firing_for(prometheus, "Short") >= 8, 20)
        gauges.values["short"] = 0
        programs.wait_for("it to stop", lambda: firing(prometheus) == {"Long"}, 20)
        # Longer than Alertmanager tries again, so that it has given up both ends.
        time.sleep(25)

        began = time.monotonic()
        programs.webhook(port, webhook)
        programs.wait_for("both to be known", lambda: {"Short", "Long"} <= by_name(port).keys(), 60)
        took = time.monotonic() - began
        programs.wait_for(
            "the end of the alert before", lambda: by_name(port)["Before"]["ends_at"], 60
        )
        known = by_name(port)
        assert known["Long"]["status"] == "firing"
        assert known["Short"]["status"] == "resolved"
        assert known["Short"]["labels"]["site"] == "here"
        story = get(port, f"/api/v1/incidents/{known['Short']['incident']}")
        assert story["origin"] == "reconcile"
        assert any("found by reconcile" in line["text"] for line in story["timeline"])
        page = requests.get(
            f"http://127.0.0.1:{port}/incidents/{known['Short']['incident']}", timeout=5
        ).text
        assert "recovered by reconcile" in page

        # The one that goes on is told like any other, the one that is over in a digest.
        programs.wait_for(
            "people to know",
            lambda: "Long" in said(people) and any("Short" in one for one in said(people)),
            40,
        )
        fingerprints = [one["fingerprint"] for one in incidents(port)]
        assert len(fingerprints) == len(set(fingerprints)) == 3, "nothing is known twice"
    record_property("both_known_after_seconds", round(took, 1))


def get(port: int, path: str) -> Any:
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5).json()


def post(port: int, alerts: list[dict[str, Any]]) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=alerts, timeout=5)
    assert answer.ok, answer.text


def members(port: int) -> int:
    """Return how many Alertmanagers a cluster has, once it has settled."""
    cluster = get(port, "/api/v2/status")["cluster"]
    return len(cluster["peers"]) if cluster["status"] == "ready" else 0


def by_name(port: int) -> dict[str, dict[str, Any]]:
    return {one["alertname"]: one for one in incidents(port)}


def reconciled(port: int) -> float:
    """Return when comparing last succeeded."""
    name = "anomaly_webhook_reconcile_last_success_timestamp_seconds "
    page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    (line,) = [line for line in page.splitlines() if line.startswith(name)]
    return float(line.split()[1])


def firing_for(prometheus: int, name: str) -> int:
    """Return for how many evaluations, of one a second, an alert has fired."""
    expr = f'count_over_time(ALERTS{{alertname="{name}",alertstate="firing"}}[1m])'
    url = f"http://127.0.0.1:{prometheus}/api/v1/query"
    found = requests.get(url, params={"query": expr}, timeout=5).json()["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


def firing(port: int) -> set[str]:
    """Return the names of what fires according to Prometheus."""
    answer = get(port, "/api/v1/query?query=" + quote('ALERTS{alertstate="firing"}'))
    return {one["metric"]["alertname"] for one in answer["data"]["result"]}


def said(people: Receiver) -> list[str]:
    """Return what people were told: the names of alerts, and digests as they are."""
    return [
        str(one.body["alertname"]) if one.body.get("alertname") else json.dumps(one.body)
        for one in list(people.deliveries)
    ]
