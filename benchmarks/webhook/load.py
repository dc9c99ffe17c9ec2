"""How many deliveries a second does the webhook take, how fast, and for how much CPU?

Starts the real daemon with basic auth on and a channel that writes a log, and posts new alerts as
fast as they are answered.
"""

import argparse
import asyncio
import base64
import os
import re
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import msgspec

_LISTENING = re.compile(rb"msg=listening addresses=(\S+):(\d+)")
_USER, _PASSWORD = "alertmanager", "benchmark"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Result:
    """What the clients saw: seconds per request, and answers other than 200."""

    seconds: list[float] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def quantile(self, share: float) -> float:
        """Return a quantile of the seconds per request."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _body(number: int, alerts: int) -> bytes:
    """Return a delivery of new alerts as Alertmanager sends it, some 900 bytes each."""
    items = [
        {
            "status": "firing",
            "labels": {
                "alertname": "AnomalyDetected",
                "severity": "warning",
                "query": "node_cpu_busy",
                "instance": f"host-{number}-{i}.example.org:9100",
                "job": "node",
                "cluster": "production-eu-1",
            },
            "annotations": {
                "summary": "node_cpu_busy is outside of what is normal for it.",
                "description": "The busy share of the CPU is 0.93, expected were 0.21 to 0.47.",
                "value": "0.93",
                "expected": "0.34",
                "runbook_url": "https://runbooks.example.org/AnomalyDetected",
            },
            "startsAt": "2026-11-21T10:33:25.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=anomaly_level+%3E%3D+2&g0.tab=1",
            "fingerprint": f"{number:08x}{i:08x}",
        }
        for i in range(alerts)
    ]
    document = {
        "version": "4",
        "groupKey": '{}:{alertname="AnomalyDetected"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "webhook",
        "groupLabels": {"alertname": "AnomalyDetected"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": items,
    }
    return msgspec.json.encode(document)


async def _client(
    address: tuple[str, int], numbers: "list[int]", alerts: int, until: float, result: Result
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    token = base64.b64encode(f"{_USER}:{_PASSWORD}".encode()).decode()
    head = (
        "POST /api/v1/alerts HTTP/1.1\r\nHost: webhook\r\nUser-Agent: Alertmanager/0.34.0\r\n"
        f"Authorization: Basic {token}\r\nContent-Type: application/json\r\nContent-Length: "
    )
    while time.perf_counter() < until:
        numbers[0] += 1
        raw = _body(numbers[0], alerts)
        began = time.perf_counter()
        writer.write(f"{head}{len(raw)}\r\n\r\n".encode() + raw)
        answer = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
        await reader.readexactly(int(found[1]) if found else 0)
        result.seconds.append(time.perf_counter() - began)
        status = int(answer.split(b" ", 2)[1])
        if status != 200:
            result.others.append(status)
    writer.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _measure(options: argparse.Namespace, folder: Path) -> None:
    url = options.url or f"sqlite:///{folder}/webhook.db"
    config = folder / "webhook.yml"
    takes = "warning" if options.notify else "info"
    channel = f"{{kind: log, severities: [{takes}]}}"
    config.write_text(f"store: {{url: '{url}'}}\nchannels: [{channel}]\n")
    web = folder / "web.yml"
    hashed = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(10)).decode()
    web.write_text(f"basic_auth_users: {{{_USER}: '{hashed}'}}\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "webhook", "run", "--config.file", str(config)),
        *("--web.listen-address", "127.0.0.1:0", "--web.config.file", str(web)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    log = b""
    while not (found := _LISTENING.search(log)):
        line = await process.stderr.readline()
        if not line:
            sys.exit(log.decode())
        log += line
    draining = asyncio.create_task(process.stderr.read())
    address = (found[1].decode(), int(found[2]))
    numbers = [0]
    await _run(address, numbers, options, 2.0, Result())
    result, before, began = Result(), _cpu_seconds(process.pid), time.perf_counter()
    await _run(address, numbers, options, options.seconds, result)
    elapsed, cpu = time.perf_counter() - began, _cpu_seconds(process.pid) - before
    rss = _rss_mib(process.pid)
    process.send_signal(signal.SIGTERM)
    await draining
    await process.wait()
    count = len(result.seconds)
    print(
        f"{options.connections} connections, {options.alerts} alert(s) each, {elapsed:.0f} s: "
        f"{count / elapsed:,.0f} requests/s, {count * options.alerts / elapsed:,.0f} alerts/s, "
        f"p50 {1e3 * result.quantile(0.5):.1f} ms, p99 {1e3 * result.quantile(0.99):.1f} ms, "
        f"server CPU {1e3 * cpu / count:.3f} ms/request, {100 * cpu / elapsed:.0f} % of a core, "
        f"peak RSS {rss:.0f} MiB, load average {os.getloadavg()[0]:.1f}, "
        f"not answered with 200: {len(result.others)}"
    )


async def _run(
    address: tuple[str, int],
    numbers: list[int],
    options: argparse.Namespace,
    seconds: float,
    result: Result,
) -> None:
    until = time.perf_counter() + seconds
    await asyncio.gather(
        *(
            _client(address, numbers, options.alerts, until, result)
            for _ in range(options.connections)
        )
    )


def main() -> None:
    """Measure once and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--alerts", type=int, default=1, help="alerts in one delivery")
    parser.add_argument("--notify", action="store_true", help="the channel takes the alerts")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--url", help="store URL (default: an SQLite file in a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(options, Path(folder)))


if __name__ == "__main__":
    main()
