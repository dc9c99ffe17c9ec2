"""Fixtures that more than one folder of tests needs."""

import logging
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from quickstart.backfill import backfill
from quickstart.programs import FOLDER, obtain
from quickstart.stack import PORTS, commands, render_configs


@dataclass(frozen=True)
class RecordedPrometheus:
    """A real Prometheus that holds the recording of quickstart/, ending now, and its scores."""

    url: str
    folder: Path
    programs: dict[str, Path]


_ROOT, _NOISY = logging.getLogger(), logging.getLogger("urllib3")
_LEVELS = (_ROOT.level, _NOISY.level)


@pytest.fixture(autouse=True)
def _logging_stays_as_it_was() -> Iterator[None]:
    """Undo what a program's logging setup does to the process that tests it."""
    handlers = list(_ROOT.handlers)
    # A fixture of more than one test may have run a program, too.
    _as_at_first()
    yield
    for handler in set(_ROOT.handlers) - set(handlers):
        _ROOT.removeHandler(handler)
    _as_at_first()
    logging.captureWarnings(False)


def _as_at_first() -> None:
    for logger, level in zip((_ROOT, _NOISY), _LEVELS, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedPrometheus]:
    folder = tmp_path_factory.mktemp("recorded")
    ports = {name: _free_port() for name in PORTS}
    programs = obtain(FOLDER, lambda _: None)
    configs = folder / "config"
    render_configs(configs, folder, ports)
    # Nothing may write to it while tests read: no targets, no rules, no alerts.
    (configs / "prometheus.yml").write_text("global: {scrape_interval: 5s}\n")
    command = commands(programs, configs, folder, ports)["prometheus"]
    url = f"http://127.0.0.1:{ports['prometheus']}"
    backfill(folder, programs, command, url, configs=configs, say=lambda _: None)
    with subprocess.Popen(command) as process:
        try:
            _wait_until_ready(url)
            yield RecordedPrometheus(url, folder, programs)
        finally:
            process.terminate()


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"{url}/-/ready", timeout=1).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the recorded Prometheus did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
