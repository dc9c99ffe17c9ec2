"""Single programs with configurations of a test's own, beside the shared stack."""

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import requests

from quickstart.programs import FOLDER, obtain

T = TypeVar("T")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Programs:
    """Starts real programs, and ends them with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths = obtain(FOLDER, lambda _: None)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, name: str, *command: str | Path) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, cwd=self.folder
            )

    def alertmanager(self, name: str, port: int, config: Path, *more: str) -> None:
        self.run(
            name,
            self._paths["alertmanager"],
            f"--config.file={config}",
            f"--storage.path={self.folder / name}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
            *more,
        )

    def prometheus(self, port: int, config: Path) -> None:
        self.run(
            "prometheus",
            self._paths["prometheus"],
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        )

    def webhook(self, port: int, config: Path, *more: str) -> None:
        self.run(
            "webhook",
            *(sys.executable, "-m", "webhook", "run", f"--config.file={config}"),
            f"--web.listen-address=127.0.0.1:{port}",
            *more,
        )

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(30)

    def wait_for(self, what: str, ask: Callable[[], T], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if answer := ask():
                    return answer
            except requests.RequestException:
                pass  # not listening yet
            if time.monotonic() > deadline:
                logs = "\n".join(
                    f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
                    for path in sorted(self.folder.glob("*.log"))
                )
                raise AssertionError(f"waited {seconds} s for {what} in vain\n{logs}")
            time.sleep(0.2)

    def wait_until_ready(self, *ports: int) -> None:
        for port in ports:
            url = f"http://127.0.0.1:{port}/-/ready"
            self.wait_for(url, partial(_is_fine, url), 40)


def _is_fine(url: str) -> bool:
    return requests.get(url, timeout=2).ok


class Front:
    """Stands before the webhook: passes deliveries on, or answers 503 as long as it is told to."""

    def __init__(self, port: int) -> None:
        self.is_away = False
        self.passed = 0
        self.refused = 0
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = front._pass_on(port, self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/v1/alerts"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _pass_on(self, port: int, path: str, body: bytes) -> int:
        if self.is_away:
            with self._lock:
                self.refused += 1
            return 503
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            status = connection.getresponse().status
        finally:
            connection.close()
        with self._lock:
            self.passed += 1
        return status

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Gauges:
    """A target of Prometheus whose gauges a test sets."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = dict(values)
        gauges = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = "".join(f"{name} {value}\n" for name, value in gauges.values.items())
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def programs_in(folder: Path) -> Iterator[Programs]:
    programs = Programs(folder)
    try:
        yield programs
    finally:
        programs.end()


def incidents(port: int) -> list[dict[str, Any]]:
    """Return every incident that the webhook lists."""
    answer = requests.get(f"http://127.0.0.1:{port}/api/v1/alerts?limit=1000", timeout=5)
    return list(answer.json()["alerts"])
