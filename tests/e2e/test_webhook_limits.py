"""Who has been told of one alert is told of others like it in one message, which names them all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from tests.e2e.programs import Programs, free_ports, programs_in
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ALERTMANAGER = """
route:
  receiver: webhook
  group_by: [instance]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: webhook
    webhook_configs: [{url: "http://127.0.0.1:{port}/api/v1/alerts", max_alerts: 0}]
"""

# The limits are the default ones.
WEBHOOK = """
store: {url: "sqlite:///{folder}/webhook.db"}
channels: [{kind: webhook, name: people, url: "{receiver}"}]
throttle: {digest: 3s}
"""


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with programs_in(tmp_path) as programs:
        yield programs


@pytest.fixture
def people() -> Iterator[Receiver]:
    with closing(Receiver()) as receiver:
        yield receiver


def test_what_is_held_back_is_named_in_a_digest(
    programs: Programs, people: Receiver, tmp_path: Path
) -> None:
    am, port = free_ports(2)
    alertmanager, webhook = tmp_path / "am.yml", tmp_path / "webhook.yml"
    alertmanager.write_text(ALERTMANAGER.replace("{port}", str(port)))
    webhook.write_text(WEBHOOK.replace("{folder}", str(tmp_path)).replace("{receiver}", people.url))
    programs.webhook(port, webhook)
    programs.alertmanager("am", am, alertmanager, "--cluster.listen-address=")
    programs.wait_until_ready(port, am)
    alerts = [
        {
            "labels": {
                "alertname": "AnomalyDetected",
                "query": "cpu",
                "severity": "critical",
                "instance": f"host{i}",
            }
        }
        for i in range(5)
    ]
    post(am, alerts)
    programs.wait_for("one alert and a digest", lambda: len(people.deliveries) >= 2, 60)
    ended = datetime.now(UTC).isoformat()
    post(am, [{**alert, "endsAt": ended} for alert in alerts])
    programs.wait_for("the end of the first", lambda: len(people.deliveries) >= 3, 60)

    told, digest, end = (one.body for one in people.deliveries)
    assert (told["status"], told["digest"]) == ("firing", None)
    held = {f"host{i}" for i in range(5)} - {told["labels"]["instance"]}
    assert (digest["digest"]["held"], digest["digest"]["still_open"]) == (4, 4)
    (row,) = digest["digest"]["rows"]
    assert row["what"].startswith("AnomalyDetected cpu: host")
    assert row["why_held"] == "one in 5m for a metric and severity"
    page = requests.get(digest["links"]["incident"].replace("localhost:9854", f"127.0.0.1:{port}"))
    assert all(name in page.text for name in held)
    assert (end["status"], end["incident"]) == ("resolved", told["incident"])


def post(port: int, alerts: Sequence[Mapping[str, object]]) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=list(alerts), timeout=5)
    assert answer.ok, answer.text
