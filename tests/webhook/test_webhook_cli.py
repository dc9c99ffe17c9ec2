"""The command line: what it prints, and its exit codes."""

import asyncio
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhook.receiver import Receiver, receiving
from webhook.adapters.store import open_store
from webhook.cli import main


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what the command line sets up for its own process."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers = handlers
    logging.captureWarnings(False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.yml"
    path.write_text(
        f"store: {{url: 'sqlite:///{tmp_path}/webhook.db'}}\n"
        "channels:\n"
        "  - {kind: log, severities: [warning, critical]}\n"
        "  - {kind: webhook, name: ops, url_file: url}\n"
        "routes:\n"
        "  - {matchers: ['team=\"db\"', severity!=info], channels: [ops]}\n"
        "  - {matchers: [env=test], channels: []}\n"
    )
    return path


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver in a thread of its own, since the command line has its own event loop."""
    ready, done = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    found: list[Receiver] = []

    async def serve() -> None:
        async with receiving() as started:
            found.append(started)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield found[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def call(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_check_config_says_what_it_means(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("check-config", "--config.file", config) == 0

    assert capsys.readouterr().out == (
        f"{config} is valid.\n"
        f"store     sqlite:///{config.parent}/webhook.db, closed incidents are kept for 90d\n"
        "links     start with http://localhost:9854\n"
        "messages\n"
        "  numbers of the alert alone: without prometheus there is no reason and no picture\n"
        "  times in UTC\n"
        "  verdicts by links of 30d, signed by a secret that the store keeps\n"
        "  verdicts move thresholds; without prometheus nothing is replayed before\n"
        "  without prometheus verdicts move no weights of detectors\n"
        "  without prometheus nothing is silenced as a harmless pattern\n"
        "severity\n"
        "  critical: severity critical, emergency, fatal, page\n"
        "  high: severity high, error, major\n"
        "  medium: severity warning, warn, medium, minor\n"
        "  low: severity info, information, low, notice, debug\n"
        "  without such a label: by score medium from 0.7, critical above 0.9; "
        "by deviation medium from 3, critical above 5 sigmas\n"
        "  without these either: medium\n"
        "channels\n"
        "  log (log): severities critical, warning\n"
        "  ops (webhook): every severity\n"
        "routes\n"
        '  1. team="db", severity!=info -> ops\n'
        "  2. env=test -> nobody\n"
        "  otherwise -> every channel that takes the severity\n"
        "throttle\n"
        "  at most one in 5m for a metric and level\n"
        "  at most 10 in 15m in all, the last place is kept for a digest\n"
        "  an alert that opens 4 times in 1h waits until it is calm\n"
        "  of one cause (same instance, namespace, service, job, cluster; within 5m) "
        "only the first goes out, and what is worse\n"
        "  what is held is named in a digest after 5m\n"
        "quiet hours\n"
        "  none\n"
        "correlation\n"
        "  one cause: the same instance, namespace, service, job, cluster, within 5m; "
        "without prometheus series are not compared\n"
        "reconcile\n"
        "  with nobody: without alertmanager, what no delivery tells of stays unknown\n"
        "dead man's switch\n"
        "  nobody is told when alerts stop arriving\n"
        "pages and files\n"
        "  without a login: everything; with users in --web.config.file: see the login only\n"
        f"  audit files in {config.parent}/audit, kept for 90d\n"
    )


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("console: {anonymous: read}", "in --web.config.file: read the pages"),
        ("audit: null", "no audit files are written\n"),
        ("store: {url: 'postgresql://a@b/c'}", "with PostgreSQL name audit.directory"),
        ("audit: {directory: /var/audit, retention: 8d}", "files in /var/audit, kept for 8d"),
        (
            "shadow: [{name: careful, ratio: 1.2, queries: [cpu, disk]}]",
            "compared, alerting nobody: careful, thresholds of cpu, disk times 1.2",
        ),
        ("tuning: {weights: false}", "verdicts move no weights of detectors"),
        ("prometheus: {url: 'http://p'}", "verdicts move weights of detectors, after a replay"),
    ],
)
def test_check_config_says_who_looks_and_what_is_kept(
    settings: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "some.yml").write_text(settings + "\n")

    assert call("check-config", "--config.file", tmp_path / "some.yml") == 0
    assert line in capsys.readouterr().out


def test_help_teaches_verdicts_and_versions_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--help", "--version"):
        with pytest.raises(SystemExit) as ended:
            call(flag)
        assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "anomaly-webhook verdict 812 false_alarm" in said
    assert "anomaly-webhook missed add" in said
    assert re.search(r"^anomaly-webhook \d+\.\d+", said, re.MULTILINE)


def test_check_config_without_routes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.yml").write_text("channels: [{kind: log, severities: []}]\n")

    assert call("check-config", "--config.file", tmp_path / "empty.yml") == 0

    out = capsys.readouterr().out
    assert "log (log): severities none at all" in out
    assert "none: every alert -> every channel" in out


def test_a_wrong_config_is_exit_code_2_with_every_problem(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("colour: red\nchannels: [{kind: pigeon}]\n")

    for command in ("check-config", "run", "send-test"):
        assert call(command, "--config.file", config) == 2
        err = capsys.readouterr().err
        assert f"{config}:1: colour: found an unknown key" in err
        assert f"{config}:2: channels[0].kind: found 'pigeon'" in err


def test_send_test_tells_what_happened(
    config: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "url").write_text(receiver.url)

    assert call("send-test", "--config.file", config, "--channel", "ops") == 0
    assert capsys.readouterr().out.startswith("ops: delivered (HTTP 200)")
    assert b'"test": true' in receiver.requests[0][1]

    receiver.status, receiver.body = 403, b"who are you?"
    assert call("send-test", "--config.file", config, "--channel", "ops") == 1
    err = capsys.readouterr().err
    assert "ops: not delivered: HTTP 403: who are you?" in err
    assert "Next: correct the channel's url or secret" in err


@pytest.mark.parametrize(
    "settings",
    [
        "kind: slack, webhook_url_file: url",
        "kind: pagerduty, routing_key: x, url: {url}",
        "kind: teams, url_file: url",
    ],
)
def test_send_test_shows_what_went_out(
    config: Path, receiver: Receiver, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.body = b"ok"
    (config.parent / "url").write_text(receiver.url)
    settings = settings.replace("{url}", receiver.url)
    config.write_text(f"channels: [{{name: chat, {settings}}}]\n")

    assert call("send-test", "--config.file", config, "--sample", "digest") == 0
    out = capsys.readouterr().out
    assert "chat: delivered (" in out
    assert "  🧪 TEST 📋 DIGEST 12 alerts were held back" in out
    assert "DIGEST 12 alerts" in receiver.requests[0][1].decode()


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        (None, "Next: check the file that the message names"),
        ("http://127.0.0.1:1/", "Next: check that the other side runs"),
    ],
)
def test_send_test_gives_the_next_step(
    config: Path, url: str | None, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if url is not None:
        (config.parent / "url").write_text(url)

    assert call("send-test", "--config.file", config, "--channel", "ops") == 1
    assert advice in capsys.readouterr().err


def test_send_test_gives_the_next_step_for_tls(
    config: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "url").write_text(receiver.url.replace("http:", "https:"))

    assert call("send-test", "--config.file", config, "--channel", "ops") == 1
    assert "Next: check the certificate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "found"), [(["--channel", "chat"], "--channel chat"), ([], "no --channel")]
)
def test_send_test_lists_the_channels(
    config: Path, arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("send-test", "--config.file", config, *arguments) == 2
    assert f"found {found}; allowed: log, ops" in capsys.readouterr().err


def test_send_test_needs_no_name_when_there_is_one_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "webhook.yml").write_text("channels: [{kind: log}]")

    assert call("send-test", "--config.file", tmp_path / "webhook.yml") == 0
    assert "log: delivered (logged)" in capsys.readouterr().out


def test_run_says_why_it_cannot_start(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(config.parent / "webhook.db"):
        assert call("run", "--config.file", config) == 1
    assert "is in use by another anomaly-webhook" in capsys.readouterr().err

    assert call("run", "--config.file", config, "--web.listen-address", "192.0.2.1:9854") == 1
    assert "anomaly-webhook: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "text"),
    [([], "start here:"), (["run"], "--web.listen-address"), (["send-test"], "--channel")],
)
def test_help_teaches(command: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        call(*command, "--help")

    assert stopped.value.code == 0
    assert text in capsys.readouterr().out
