"""Silences of the real Alertmanager mean to us what they mean to it."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from exporter.adapters.prometheus import PrometheusSource
from exporter.core.masks import Mask, Masks
from exporter.core.series import SeriesBatch
from exporter.lifecycle.silencemasks import END, START, silence_masks
from exporter.loops.maskreading import question
from exporter.settings.masks import MasksConfig
from tests.e2e.programs import Programs, free_ports, programs_in
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.jsonget import JsonSource
from webhook.core.message import rfc3339
from webhook.core.silences import Silence, publishable

pytestmark = pytest.mark.e2e

# Matcher as amtool takes it, the value of the label `a`, None for no such label.
CASES: list[tuple[str, str | None]] = [
    ('a="x"', "x"),
    ('a="x"', "X"),
    ('a=~"x|y"', "y"),
    ('a=~"x|y"', "xy"),
    ('a=~"db.*"', "db-1"),
    ('a=~"db"', "db-1"),
    ('a!="x"', "y"),
    ('a!="x"', "x"),
    ('a!="x"', None),
    ('a!~"x.*"', "xyz"),
    ('a!~"x.*"', None),
    ('a=""', None),
    ('a=""', "x"),
    ('a=~".*"', None),
    ('a=~".+"', None),
    ('a=~"x.z"', "x\nz"),
    ('a=~"(?s)x.z"', "x\nz"),
    ('a=~"x$"', "x\n"),
    (r'a=~"\\w"', "é"),
    (r'a=~"\\d+"', "٣"),
    (r'a=~"\\d+"', "31"),
    ('a=~"(?i)É"', "é"),
    (r'a="q\"\\ \n é {,}"', 'q"\\ \n é {,}'),
    (r'a=~"q\"\\\\."', 'q"\\x'),
]


class Known:
    """What Alertmanager makes of each case: whether its alert is silenced."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, number: int, matcher: str, value: str | None) -> None:
        amtool = shutil.which("amtool")
        assert amtool, "install prometheus-alertmanager"
        command = (amtool, f"--alertmanager.url={self.url}", "silence", "add")
        about = ("--comment=c", "--author=a", "--duration=1h", f'case="{number}"', matcher)
        subprocess.run([*command, *about], check=True, capture_output=True, timeout=20)
        labels = {"alertname": "A", "severity": "info", "case": f"{number}"}
        if value is not None:
            labels["a"] = value
        answer = requests.post(f"{self.url}/api/v2/alerts", json=[{"labels": labels}], timeout=5)
        assert answer.status_code == 200, answer.text

    def silenced(self) -> dict[int, bool]:
        """Return the answers once all are there."""
        found = requests.get(f"{self.url}/api/v2/alerts", timeout=5).json()
        told = {int(one["labels"]["case"]): bool(one["status"]["silencedBy"]) for one in found}
        states = {one["status"]["state"] for one in found}
        return told if len(told) == len(CASES) and "unprocessed" not in states else {}


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with programs_in(tmp_path) as started:
        yield started


def answer(silences: list[Silence]) -> SeriesBatch:
    """Return what Prometheus would make of what the webhook publishes."""
    rows = [
        ({"__name__": gauge, "silence": each.id, "matchers": each.matchers}, value)
        for each in silences
        for gauge, value in ((START, each.starts_at), (END, each.ends_at))
    ]
    values = np.array([value for _, value in rows])[:, None]
    keys = tuple(json.dumps(one).encode() for one, _ in rows)
    return SeriesBatch(keys, np.array([0]), values, 1000)


def test_the_same_alerts_are_silenced_and_masked(programs: Programs, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = tmp_path / "alertmanager.yml"
    config.write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    programs.alertmanager("alertmanager", port, config, "--cluster.listen-address=")
    programs.wait_until_ready(port)
    known = Known(f"http://127.0.0.1:{port}")
    for number, (matcher, value) in enumerate(CASES):
        known.add(number, matcher, value)
    theirs = programs.wait_for("the alerts", known.silenced, 20)

    read = Alertmanager(JsonSource(known.url, requests.Session())).silences()
    now = time.time()
    kept, left_out = publishable(read, now + 1)
    found = silence_masks(answer(kept))

    assert (len(kept), left_out, found.unread) == (len(CASES), 0, ())
    series: list[dict[str, Any]] = [
        {"case": f"{number}", **({} if value is None else {"a": value})}
        for number, (_, value) in enumerate(CASES)
    ]
    keys = tuple(json.dumps(labels).encode() for labels in series)
    times = np.array([round((now + 60) * 1000)])
    masked = Masks(found.masks).where("cpu", keys, times)
    assert masked is not None
    ours = dict(enumerate(masked[:, 0].tolist()))
    # A series without the label may be one whose alert has it from elsewhere: it is left aside.
    aside = {number for number, (_, value) in enumerate(CASES) if value is None}
    differ = {CASES[n] for n in theirs if n not in aside and theirs[n] != ours[n]}
    assert differ == set()
    assert all(ours[number] for number in aside)

    # One that is expired before its time ends then, to us as to it.
    requests.delete(f"{known.url}/api/v2/silence/{kept[0].id}", timeout=5).raise_for_status()
    read = Alertmanager(JsonSource(known.url, requests.Session())).silences()
    (ended,) = (each for each in read if each.id == kept[0].id)
    assert ended.ends_at <= time.time(), rfc3339(ended.ends_at)
    assert ended in publishable(read, time.time())[0]


WEBHOOK = """
store: {{url: "sqlite:///{folder}/webhook.db"}}
alertmanager: {{url: "http://127.0.0.1:{port}"}}
reconcile: {{receiver: nobody}}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - {{job_name: anomaly-webhook, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""


def test_a_silence_reaches_the_exporter(programs: Programs, tmp_path: Path) -> None:
    alertmanager, prometheus, webhook = free_ports(3)
    names = ("alertmanager", "webhook", "prometheus")
    configs = {name: tmp_path / f"{name}.yml" for name in names}
    configs["alertmanager"].write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    configs["webhook"].write_text(WEBHOOK.format(folder=tmp_path, port=alertmanager))
    configs["prometheus"].write_text(PROMETHEUS.format(port=webhook))
    programs.alertmanager(
        "alertmanager", alertmanager, configs["alertmanager"], "--cluster.listen-address="
    )
    programs.wait_until_ready(alertmanager)
    known = Known(f"http://127.0.0.1:{alertmanager}")
    known.add(7, r'a=~"q\"\\\\.\n"', None)
    programs.webhook(webhook, configs["webhook"])
    programs.prometheus(prometheus, configs["prometheus"])
    programs.wait_until_ready(webhook, prometheus)
    source = PrometheusSource(f"http://127.0.0.1:{prometheus}", requests.Session())

    def masks() -> list[Mask]:
        now = int(time.time()) * 1000
        answer = source.fetch(question(MasksConfig()), now, now, 1000, 10.0)
        return list(silence_masks(answer).masks)

    (found,) = programs.wait_for("the silence", masks, 40)
    assert found.concerns({"case": "7", "a": 'q"\\x\n'})
    assert not found.concerns({"case": "7", "a": 'q"\\x'})
    assert not found.concerns({"case": "8"})
    start, end = found.spans(0, 0)[0].tolist()
    assert end - start == pytest.approx(3_600_000, abs=60_000)
    assert abs(start / 1000 - time.time()) < 120
