"""Does a secret ever stand where somebody reads? Everything fails, everything works, and we look.

Every secret that a program can have is a word that stands nowhere else. Whoever is asked answers
with all that they were sent, which is the worst that an error page can do.
"""

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import get_args
from urllib.parse import quote

import bcrypt
import pytest
import requests

from tests.e2e.canaries import Words, check, text_of, written
from tests.e2e.echo import CERTS, Echo, Mode
from tests.e2e.programs import Programs, free_ports, programs_in
from tests.e2e.secretconfigs import Secrets
from tests.webhook.deliveries import alert_json, body

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

MODES: tuple[Mode, ...] = get_args(Mode)


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    with programs_in(tmp_path) as programs:
        yield programs


@pytest.fixture
def echo() -> Iterator[Echo]:
    with closing(Echo()) as echo:
        yield echo


def web_config(path: Path, password: str) -> Path:
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    path.write_text(f"basic_auth_users: {{ops: '{hashed}'}}\n")
    return path


def reload(port: int, user: tuple[str, str]) -> None:
    answer = requests.post(f"http://127.0.0.1:{port}/-/reload", auth=user, timeout=60)
    assert answer.ok, answer.text


def attempts(port: int, user: tuple[str, str], paths: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a reader gets: pages, and what those get who may not read."""
    base = f"http://127.0.0.1:{port}"
    for path in paths:
        for auth in (user, None, ("ops", f"{user[1]}wrong"), ("nobody", user[1])):
            answer = requests.get(base + path, auth=auth, timeout=30)
            yield f"{path} {answer.status_code}", f"{answer.headers}\n{answer.text}"


WEBHOOK_PATHS = [
    *(
        "/",
        "/metrics",
        "/incidents/1",
        "/incidents/2",
        "/incidents/999",
        "/thresholds",
        "/channels",
    ),
    *("/api/v1/alerts", "/api/v1/notifications", "/api/v1/incidents/1", "/api/v1/statistics"),
    *("/api/v1/adjustments", "/api/v1/feedback", "/api/v1/quality", "/login", "/feedback/token"),
    *("/-/ready", "/-/healthy", "/nowhere"),
]


def command(name: str, config: Path, *more: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the webhook."""
    arguments = [sys.executable, "-m", "webhook", name, "--config.file", config, *more]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def alert(port: int, **labels: str) -> None:
    told = [{"labels": {"alertname": "A", "severity": "critical", "query": "cpu", **labels}}]
    assert requests.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=told, timeout=9).ok


def strangers(base: str, wrong: str) -> Iterator[tuple[str, str]]:
    """Yield what those get who may not, in every way of asking."""
    for auth in (None, ("ops", wrong), (wrong, wrong)):
        refused = requests.post(f"{base}/api/v1/alerts", body(alert_json()), auth=auth, timeout=9)
        assert refused.status_code == 401
        yield "intake", f"{refused.headers}\n{refused.text}"
    with requests.Session() as browser:
        page = browser.get(f"{base}/login", timeout=9).text
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
        assert hidden
        for user in ("ops", "nobody"):
            form = {**dict(hidden), "user": user, "password": wrong}
            login = browser.post(f"{base}/login", form, headers={"Origin": base}, timeout=9)
            assert "No user has this name and password" in login.text
            yield "login", f"{login.headers}\n{login.text}"
    token = requests.get(f"{base}/", headers={"Authorization": f"Bearer {wrong}"}, timeout=9)
    yield "bearer", f"{token.headers}\n{token.text}"
    slack = requests.post(f"{base}/slack/interactions", "payload={}", timeout=9)
    yield "slack", slack.text


def test_the_webhook_shows_no_secret(programs: Programs, echo: Echo, tmp_path: Path) -> None:
    port, refused, am = free_ports(3)
    hidden, outside = tmp_path / "secrets", tmp_path / "outside"
    hidden.mkdir()
    outside.mkdir()
    secrets = Secrets(hidden, outside, echo, refused)
    words, user = secrets.words, ("ops", secrets.password)
    file, guard = tmp_path / "webhook.yml", web_config(tmp_path / "web.yml", secrets.password)
    file.write_text(secrets.webhook(MODES[0]))
    more = [f"--web.config.file={guard}", "--log.level=debug", f"--log.directory={outside}/logs"]
    programs.webhook(port, file, *more)
    programs.wait_for("readiness", lambda: _is_ready(port, user), 60)
    am_config = tmp_path / "am.yml"
    am_config.write_text(
        "route: {receiver: webhook, group_wait: 0s, group_by: ['...']}\n"
        "receivers: [{name: webhook, webhook_configs: [{url: "
        f"'http://127.0.0.1:{port}/api/v1/alerts', http_config: "
        f"{{basic_auth: {{username: ops, password: {secrets.password}}}}}}}]}}]\n"
    )
    programs.alertmanager("am", am, am_config, "--cluster.listen-address=")
    programs.wait_until_ready(am)
    for number, mode in enumerate(MODES, 1):
        if number > 1:
            file.write_text(secrets.webhook(mode))
            reload(port, user)
        alert(am, mode=mode)
        programs.wait_for(f"attempts: {mode}", partial(_tried, port, user, number, mode), 90)

    read = list(strangers(f"http://127.0.0.1:{port}", words.new("wrong_password")))
    read += attempts(port, user, WEBHOOK_PATHS)
    good = file.read_text()
    file.write_text(good.replace("correlation: null", "correlation: 7"))
    bad = requests.post(f"http://127.0.0.1:{port}/-/reload", auth=user, timeout=30)
    assert not bad.ok
    file.write_text(good)
    # Killed before that, it would write the rest after the next start.
    programs.wait_for("the audit", lambda: _audited(outside) == len(MODES), 30)
    programs.kill("webhook")
    alert(am, mode="gone")
    log = tmp_path / "am.log"
    programs.wait_for("Alertmanager's log", lambda: "connection refused" in text_of(log), 60)
    away = tmp_path / "postgres.yml"
    password = secrets.file("postgres")
    url = f"postgresql://u@127.0.0.1:{refused}/d?connect_timeout=2"
    away.write_text(f"store: {{url: '{url}', password_file: {password}}}\n")
    ran = [
        command("backup", file, outside / "backup"),
        command("check-config", file),
        command("run", away, "--web.listen-address=127.0.0.1:0"),
    ]
    assert [one.returncode for one in ran] == [0, 0, 1]

    files = dict(written(outside))
    assert {"logs/anomaly-webhook.log", "logs/anomaly-webhook-errors.log"} <= files.keys()
    assert "audit/audit.jsonl" in files
    read += [("reload", bad.text), *files.items()]
    read += [(str(one.args[3]), one.stdout + one.stderr) for one in ran]
    read += [(name, text_of(tmp_path / name)) for name in ("webhook.log", "am.log")]
    assert check(words, iter(read)) == {}


def _audited(folder: Path) -> int:
    return dict(written(folder)).get("audit/audit.jsonl", "").count('"kind":"alerted"')


def _is_ready(port: int, user: tuple[str, str]) -> bool:
    return requests.get(f"http://127.0.0.1:{port}/-/ready", auth=user, timeout=5).ok


def _tried(port: int, user: tuple[str, str], number: int, mode: str) -> bool:
    """Tell whether every channel has tried to send an incident."""
    url = f"http://127.0.0.1:{port}/api/v1/incidents/{number}/timeline"
    answer = requests.get(url, auth=user, timeout=9)
    entries = answer.json()["timeline"] if answer.ok else []
    tried = {one["channel"] for one in entries if one["what"] in ("sent", "failed")}
    return len([name for name in tried if name.endswith(f"_{mode}")]) == 9


def test_words_are_found_however_they_are_written() -> None:
    words = Words()
    word = words.new("one")
    encoded = base64.b64encode(f"user:{word}".encode()).decode()
    for text in (f"x{word}y", f"Basic {encoded}", quote(word), word[::-1]):
        assert words.found_in(text) == ["one"]
    assert words.found_in("nothing of it") == []


def test_the_exporter_shows_no_secret(programs: Programs, echo: Echo, tmp_path: Path) -> None:
    words = Words()
    port, refused, prometheus = free_ports(3)
    outside = tmp_path / "outside"
    outside.mkdir()
    password, wrong = words.new("web_password"), words.new("wrong_password")
    user = ("ops", password)
    key_text = (CERTS / "client.key").read_text()
    words.made["tls_key"] = key_text.splitlines()[1]
    key = tmp_path / "client.key"
    key.write_text(key_text)
    bearer = tmp_path / "bearer"
    bearer.write_text(words.new("bearer"))

    def config(mode: Mode) -> str:
        echo.behave(mode)
        base = echo.address(refused)
        credentials = f"authorization: {{credentials_file: {bearer}}}"
        if mode == "fine":
            base = f"http://127.0.0.1:{prometheus}"
            credentials = f"basic_auth: {{username: ops, password: {password}}}"
        elif mode == "denied":
            scheme, host = base.split("://")
            base = f"{scheme}://u:{words.new('userinfo')}@{host}/prefix"
            credentials = f"basic_auth: {{username: u, password: {words.new('basic')}}}"
        tls = f"{{ca_file: {CERTS}/ca.crt, cert_file: {CERTS}/client.crt, key_file: {key}}}"
        return (
            f"prometheus: {{url: '{base}', tls_config: {tls}, {credentials}, "
            f"headers: {{X-Token: {words.new('header')}}}}}\n"
            f"state: {{path: {outside}/state}}\nevaluation_interval: 1s\n"
            f"queries: [{{name: {mode}, expr: vector(1), step: 1s, lookback: 2m, timeout: 2s, "
            "detectors: [{kind: zscore}]}]\n"
        )

    guard = web_config(tmp_path / "web.yml", password)
    (tmp_path / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n")
    programs.prometheus(prometheus, tmp_path / "prometheus.yml")
    file = tmp_path / "exporter.yml"
    file.write_text(config("refused"))
    programs.run(
        "exporter",
        *(sys.executable, "-m", "exporter", "run", f"--config.file={file}"),
        *(f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={guard}"),
        *("--log.level=debug", f"--log.directory={outside}/logs"),
    )
    read: list[tuple[str, str]] = []
    for number, mode in enumerate(MODES):
        if number:
            file.write_text(config(mode))
            reload(port, user)
        counted = "query_failures_total" if mode != "fine" else "evaluation_duration_seconds_count"
        programs.wait_for(
            f"an evaluation: {mode}", partial(_counted, port, user, counted, mode), 120
        )
        read += attempts(port, user, ["/", "/metrics", "/api/v1/anomalies", "/-/ready", "/nowhere"])
    requests.get(f"http://127.0.0.1:{port}/", auth=(wrong, wrong), timeout=9)
    file.write_text(file.read_text().replace("lookback: 2m", "lookback: 2q"))
    bad = requests.post(f"http://127.0.0.1:{port}/-/reload", auth=user, timeout=30)
    assert not bad.ok
    programs.end()
    read += [("reload", bad.text), *written(outside)]
    read += [(name, text_of(tmp_path / name)) for name in ("exporter.log", "prometheus.log")]
    assert (outside / "logs" / "anomaly-exporter.log").exists()
    assert check(words, iter(read)) == {}


def _counted(port: int, user: tuple[str, str], name: str, query: str) -> bool:
    page = requests.get(f"http://127.0.0.1:{port}/metrics", auth=user, timeout=9).text
    return any(
        line.startswith(f"anomaly_exporter_{name}{{")
        and f'query="{query}"' in line
        and float(line.rsplit(" ", 1)[1]) > 0
        for line in page.splitlines()
    )
