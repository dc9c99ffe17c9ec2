"""The five real processes of `make run`, in a temporary folder and on free ports."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import requests

from quickstart.programs import FOLDER, obtain
from quickstart.stack import PORTS, ROOT, commands, render_configs

T = TypeVar("T")

EVERY_FILE_SYSTEM = [
    "--collector.filesystem.mount-points-exclude=^/(proc|sys)($|/)",
    "--collector.filesystem.fs-types-exclude=^(autofs|cgroup2?|proc|sysfs)$",
]
"""Shared memory and the layers of containers included, which it leaves out by itself."""


class Stack:
    """Starts, kills and questions the processes.

    Parameters
    ----------
    folder : state, configurations and logs
    exporter, webhook : configurations in place of those of quickstart/; `{prometheus}` is its URL,
        and so for the others
    """

    def __init__(self, folder: Path, exporter: str, webhook: str) -> None:
        self.folder = folder
        self.ports = _free_ports(list(PORTS))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        configs = folder / "config"
        render_configs(configs, folder, self.ports)
        for name, text in (("exporter.yml", exporter), ("webhook.yml", webhook)):
            (configs / name).write_text(self._filled(text.replace("{folder}", str(folder))))
        self.programs = obtain(FOLDER, lambda _: None)
        self._commands = commands(self.programs, configs, folder, self.ports)
        self._commands["node_exporter"] += EVERY_FILE_SYSTEM
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def _filled(self, text: str) -> str:
        for name, url in self.urls.items():
            text = text.replace(f"{{{name}}}", url)
        return text

    def start(self, *names: str) -> None:
        for name in names or PORTS:
            with (self.folder / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    self._commands[name], stdout=log, stderr=log, cwd=ROOT
                )

    def kill(self, *names: str) -> None:
        """End processes as a power failure would."""
        for name in names:
            process = self._processes.pop(name)
            process.kill()
            process.wait()

    def stop(self) -> dict[str, int]:
        """Ask every process to end; return the exit codes."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(30) for name, process in self._processes.items()}

    def get(self, name: str, path: str) -> requests.Response:
        return requests.get(self.urls[name] + path, timeout=5)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """Return the instant vector of a PromQL expression."""
        answer = requests.get(
            self.urls["prometheus"] + "/api/v1/query", params={"query": expr}, timeout=5
        )
        assert answer.ok, f"{expr}: {answer.text}"
        return list(answer.json()["data"]["result"])

    def query_range(self, expr: str, minutes: int) -> list[dict[str, Any]]:
        """Return the range vector of an expression over the last minutes."""
        end = time.time()
        parameters = {
            "query": expr,
            "start": f"{end - 60 * minutes}",
            "end": f"{end}",
            "step": "5",
        }
        answer = requests.get(
            self.urls["prometheus"] + "/api/v1/query_range", params=parameters, timeout=10
        )
        assert answer.ok, f"{expr}: {answer.text}"
        return list(answer.json()["data"]["result"])

    def samples(self, selector: str, minutes: int) -> list[tuple[float, float]]:
        """Return (unix seconds, value) of the only series of a selector, as it was scraped."""
        found = self.query(f"{selector}[{minutes}m]")
        assert len(found) <= 1, f"{selector}: {[one['metric'] for one in found]}"
        return [(when, float(value)) for one in found for when, value in one["values"]]

    def value(self, expr: str) -> float | None:
        """Return the value of the only series of an expression, None when there is none."""
        found = self.query(expr)
        return float(found[0]["value"][1]) if found else None

    def wait_until_ready(self, *names: str, seconds: float = 30) -> None:
        paths = {"node_exporter": "/metrics"}
        for name in names or PORTS:
            path = paths.get(name, "/-/ready")
            self.wait_for(f"{name} to be ready", partial(self._is_fine, name, path), seconds)

    def wait_for(self, what: str, ask: Callable[[], T], seconds: float) -> T:
        """Ask until the answer is true; a refused connection is a no."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if answer := ask():
                    return answer
            except requests.RequestException:
                pass  # not listening yet, or between two lives
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what} in vain\n{self.logs()}")
            time.sleep(0.2)

    def _is_fine(self, name: str, path: str) -> bool:
        return self.get(name, path).ok

    def ran_and_waited(self, name: str) -> tuple[float, float]:
        """Return for how many seconds a process has run, and could have but for taken cores.

        Threads that run add up. Of the waits only those of the first thread, which starts the
        program, and the longest of another, which works when that is done.
        """
        pid = self._processes[name].pid
        files = list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
        times = {
            file.parent.name: [int(n) / 1e9 for n in file.read_text().split()] for file in files
        }
        ran = sum(one[0] for one in times.values())
        first = times.pop(str(pid))
        return ran, first[1] + max((one[1] for one in times.values()), default=0.0)

    def logs(self) -> str:
        """Return the end of every log, and the scores as they stand."""
        logs = [
            f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted(self.folder.glob("*.log"))
        ]
        try:
            page = self.get("exporter", "/metrics").text
        except requests.RequestException as error:
            page = str(error)
        series = [line for line in page.splitlines() if line.startswith("anomaly_")]
        return "\n".join([*logs, "--- gauges", *(one for one in series if "_exporter_" not in one)])


def _free_ports(names: list[str]) -> dict[str, int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: one.getsockname()[1] for name, one in zip(names, sockets, strict=True)}
    for one in sockets:
        one.close()
    return ports
