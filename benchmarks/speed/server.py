"""A real Prometheus that scrapes nothing, and what it has spent so far."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

_START_SECONDS = 30.0
_QUIET_SECONDS = 0.2
_QUIET_SHARE = 0.02  # of one core
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """Return user and system time of all its threads, to the nanosecond."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def wait_until_idle(self) -> float:
        """Return its CPU seconds once it has nothing left to do, such as collecting garbage."""
        patience = time.monotonic() + _PATIENCE_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < patience:
            time.sleep(_QUIET_SECONDS)
            now = self.cpu_seconds()
            if now - before < _QUIET_SHARE * _QUIET_SECONDS:
                break
            before = now
        return now


@contextmanager
def prometheus(blocks: Path | None = None) -> Iterator[Server]:
    """Run the `prometheus` of PATH on a free port.

    blocks : folder of its data, kept whatever its age; default: an empty one
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text("global: {scrape_interval: 15s}\n")
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={blocks or Path(folder) / 'data'}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={address}",
                "--web.enable-remote-write-receiver",
                "--log.level=error",
            ]
        )
        try:
            _wait_until_ready(f"http://{address}", process)
            yield Server(f"http://{address}", process.pid)
        finally:
            process.terminate()
            process.wait()


def version() -> str:
    """Return the first line of `prometheus --version`."""
    told = subprocess.run(["prometheus", "--version"], capture_output=True, text=True, check=True)
    return (told.stdout or told.stderr).splitlines()[0]


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    patience = time.monotonic() + _START_SECONDS
    while time.monotonic() < patience and process.poll() is None:
        try:
            if requests.get(f"{url}/-/ready", timeout=1).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"prometheus did not become ready at {url}")
