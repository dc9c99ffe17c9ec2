"""Everything between a gauge and a person's browser: the real programs, mail and Chromium."""

import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import bcrypt
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.programs import Gauges, Programs, free_ports

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "operator", "correct horse"
QUERY = "level"

PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{root}/rules/*.yml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: gauges, static_configs: [{{targets: ["{gauges}"]}}]}}
  - job_name: anomaly-exporter
    honor_labels: true
    static_configs: [{{targets: ["127.0.0.1:{exporter}"]}}]
  - job_name: anomaly-webhook
    honor_labels: true
    basic_auth: {{username: {user}, password: {password}}}
    static_configs: [{{targets: ["127.0.0.1:{webhook}"]}}]
"""

ALERTMANAGER = """
route:
  receiver: nobody
  group_by: ['...']
  group_wait: 1s
  group_interval: 1s
  routes: [{{receiver: anomaly-webhook, matchers: ['query="level"']}}]
receivers:
  - name: nobody
  - name: anomaly-webhook
    webhook_configs:
      - url: http://127.0.0.1:{webhook}/api/v1/alerts
        send_resolved: true
        http_config: {{basic_auth: {{username: {user}, password: {password}}}}}
"""

# The noise has a past as soon as it is asked for; what the test sets takes its place while it is
# not zero, so that every sample of an incident is as odd as the others.
EXPORTER = """
prometheus: {{url: "http://127.0.0.1:{prometheus}", scrape_interval: 1s}}
evaluation_interval: 1s
queries:
  - name: level
    expr: |
      label_replace(vector((time() % 7919) ^ 2 % 101), "series", "a", "", "")
        * scalar((sum(level) or vector(0)) == bool 0) + scalar(sum(level) or vector(0))
    step: 1s
    lookback: 1h
    direction: up
    threshold: 0.72
    detectors: [{{kind: mad, window: 3000}}, {{kind: zscore, window: 3000, weight: 0.01}}]
state: {{path: "{folder}/exporter.state"}}
"""

WEBHOOK = """
store: {{url: "sqlite:///{folder}/webhook.db"}}
external_url: http://127.0.0.1:{webhook}
channels:
  - kind: email
    name: mail
    host: 127.0.0.1
    port: {smtp}
    tls: none
    sender: alerts@example.org
    recipients: [people@example.org]
throttle: {{per_metric_and_severity: null, total: null, flapping: null}}
correlation: null
prometheus: {{url: "http://127.0.0.1:{prometheus}"}}
alertmanager: {{url: "http://127.0.0.1:{alertmanager}"}}
reconcile: {{receiver: anomaly-webhook}}
"""


class Postbox:
    """A real SMTP server that keeps what it gets."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self.mails: list[EmailMessage] = []
        (port,) = free_ports(1)
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()
        self.port = port

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        with self._arrived:
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self._arrived.notify_all()
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()


class Desk:
    """The programs, a gauge that the test sets, a mailbox and a browser."""

    def __init__(self, folder: Path, programs: Programs, browser: Browser) -> None:
        self.folder = folder
        self.programs = programs
        self.browser = browser
        self.postbox = Postbox()
        self.gauges = Gauges({"level": 0.0})
        names = ("prometheus", "alertmanager", "exporter", "webhook")
        self.ports = dict(zip(names, free_ports(4), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}

    def start(self) -> None:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        users = f"basic_auth_users: {{{USER}: {hashed}}}\n"
        known = {
            **self.ports,
            "gauges": self.gauges.address,
            "folder": self.folder,
            "root": ROOT,
            "smtp": self.postbox.port,
            "user": USER,
            "password": PASSWORD,
        }
        texts = {"prometheus": PROMETHEUS, "alertmanager": ALERTMANAGER, "exporter": EXPORTER}
        paths = {}
        for name, text in {**texts, "webhook": WEBHOOK}.items():
            paths[name] = self.folder / f"{name}.yml"
            paths[name].write_text(text.format(**known))
        web = self.folder / "web.yml"
        web.write_text(users)
        self.programs.prometheus(self.ports["prometheus"], paths["prometheus"])
        config = paths["alertmanager"]
        self.programs.alertmanager(
            "alertmanager", self.ports["alertmanager"], config, "--cluster.listen-address="
        )
        self.programs.webhook(self.ports["webhook"], paths["webhook"], f"--web.config.file={web}")
        self.programs.run(
            "exporter",
            *(sys.executable, "-m", "exporter", "run", f"--config.file={paths['exporter']}"),
            f"--web.listen-address=127.0.0.1:{self.ports['exporter']}",
        )
        self.programs.wait_until_ready(self.ports["prometheus"], self.ports["alertmanager"])
        for name, seconds in (("webhook", 40.0), ("exporter", 180.0)):
            self.programs.wait_for(name, partial(self._is_ready, name), seconds)

    def _is_ready(self, name: str) -> bool:
        return self.get(name, "/-/ready").ok

    def get(self, name: str, path: str) -> requests.Response:
        return requests.get(self.urls[name] + path, auth=(USER, PASSWORD), timeout=5)

    def post(self, path: str, body: object) -> requests.Response:
        url = self.urls["webhook"] + path
        return requests.post(url, json=body, auth=(USER, PASSWORD), timeout=10)

    def value(self, expr: str) -> float | None:
        """Return the value of the only series of an expression, None when there is none."""
        answer = requests.get(
            self.urls["prometheus"] + "/api/v1/query", params={"query": expr}, timeout=5
        )
        assert answer.ok, f"{expr}: {answer.text}"
        found: list[Any] = answer.json()["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def incidents(self, status: str) -> list[int]:
        """Return the incidents that the webhook has, the newest first."""
        listed = self.get("webhook", f"/api/v1/alerts?status={status}&query={QUERY}").json()
        return [one["incident"] for one in listed["alerts"]]

    def mail_about(self, incident: int, status: str, seconds: float) -> EmailMessage:
        """Return the mail that tells of an incident, waiting for it."""
        link = f"{self.urls['webhook']}/incidents/{incident}"

        def find() -> list[EmailMessage]:
            return [
                mail
                for mail in list(self.postbox.mails)
                if link in links_of(mail) and (status == "resolved") == ("ESOLVED" in text_of(mail))
            ]

        return self.programs.wait_for(f"a mail about {incident}", find, seconds)[0]

    def close(self) -> None:
        self.gauges.close()
        self.postbox.close()


def text_of(mail: EmailMessage) -> str:
    """Return what a mail says in plain text."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def links_of(mail: EmailMessage) -> list[str]:
    """Return the addresses that a mail's HTML links to."""
    body = mail.get_body(("html",))
    assert body is not None
    return [unescape(link) for link in re.findall(r'href="([^"]+)"', body.get_content())]


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """Yield a headless browser that talks to nobody but us, and keeps to its home."""
    home.mkdir()
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "TMPDIR")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            env={**os.environ, **dict.fromkeys(places, str(home))},
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()
