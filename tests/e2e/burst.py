"""Very many alerts at once, each a group of its own, through the real Alertmanager."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from tests.e2e.programs import Programs, free_ports
from webhook.adapters.schema import incidents
from webhook.adapters.sqlite import SqliteFile

_ALERTMANAGER = """
route:
  receiver: webhook
  group_by: ['...']
  group_wait: 1s
  group_interval: 5m
  repeat_interval: 4h
receivers:
  - name: webhook
    webhook_configs: [{url: "http://127.0.0.1:{port}/api/v1/alerts", max_alerts: 0}]
"""
_POSTED = 1_000


@dataclass(frozen=True)
class Burst:
    """What became of it.

    Parameters
    ----------
    seconds : from the first alert that Alertmanager got to the last that the store had
    requests, failed : of Alertmanager to the webhook
    stored : incidents
    cpu_seconds : of the webhook for all that
    memory : of the webhook, MiB
    alertmanager_cpu_seconds : spent beside it on the same machine
    """

    seconds: float
    requests: float
    failed: float
    stored: int
    cpu_seconds: float
    memory: float
    alertmanager_cpu_seconds: float


def burst(programs: Programs, count: int, longest: float) -> Burst:
    """Let `count` new alerts reach a webhook with its default configuration.

    Parameters
    ----------
    longest : seconds after which it is given up
    """
    am, port = free_ports(2)
    alertmanager = programs.folder / "am.yml"
    alertmanager.write_text(_ALERTMANAGER.replace("{port}", str(port)))
    webhook = programs.folder / "webhook.yml"
    database = programs.folder / "webhook.db"
    webhook.write_text(f"store: {{url: 'sqlite:///{database}'}}\n")
    programs.webhook(port, webhook)
    programs.alertmanager("am", am, alertmanager, "--cluster.listen-address=")
    programs.wait_until_ready(port, am)
    before, idle = Page(port), Page(am)
    began = time.monotonic()
    for start in range(0, count, _POSTED):
        alerts = list(_alerts(start, min(start + _POSTED, count)))
        answer = requests.post(f"http://127.0.0.1:{am}/api/v2/alerts", json=alerts, timeout=30)
        assert answer.ok, answer.text
    programs.wait_for(
        f"{count} alerts to be stored",
        lambda: stored(database) >= count,
        longest - (time.monotonic() - began),
    )
    seconds = time.monotonic() - began
    # It is durable before it is answered, and Alertmanager counts the answers.
    name = 'alertmanager_notification_requests_total{integration="webhook"}'
    programs.wait_for("the last answer", lambda: Page(am)[name] >= count, 30)
    after, busy = Page(port), Page(am)
    cpu = "process_cpu_seconds_total"
    return Burst(
        seconds=seconds,
        requests=busy[name],
        failed=busy[name.replace("requests_total", "requests_failed_total")],
        stored=stored(database),
        cpu_seconds=after[cpu] - before[cpu],
        memory=after["process_resident_memory_bytes"] / 2**20,
        alertmanager_cpu_seconds=busy[cpu] - idle[cpu],
    )


def _alerts(start: int, end: int) -> Iterator[dict[str, Any]]:
    for i in range(start, end):
        labels = {
            "alertname": "AnomalyDetected",
            "query": f"q{i % 200}",
            "severity": ("critical", "warning", "info")[i % 3],
            "instance": f"host-{i}.example.org:9100",
            "job": "node",
        }
        annotations = {
            "summary": "It is outside of what is normal for it.",
            "description": "The busy share of the CPU is 0.93, expected were 0.21 to 0.47.",
        }
        yield {"labels": labels, "annotations": annotations}


def stored(database: Path) -> int:
    """Return how many incidents are durable."""
    engine = SqliteFile(database).reading_engine()
    with engine.connect() as connection:
        found = connection.execute(select(func.count()).select_from(incidents)).scalar_one()
    engine.dispose()
    return found


class Page:
    """The numbers of a metrics page, by the names that they have there."""

    def __init__(self, port: int) -> None:
        with closing(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30)) as answer:
            lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        self._numbers = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def __getitem__(self, name: str) -> float:
        return self._numbers[name]
