"""What runs on the recorded host: everyday background load, and the incidents.

The recording is only worth something if both halves are real: a series that
is flat until stress-ng starts would be trivial to alert on. So this script
keeps a small, irregular load going for the whole time (including a recurring
job, which is *not* an incident) and, on a fixed timetable, runs stress-ng.
Each incident's true start and end are written as one JSON line to OUTPUT.

    scenario.py background          run the everyday load until killed
    scenario.py sink                the far end of the everyday network traffic
    scenario.py incidents OUTPUT    run the timetable below once
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import random
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MIB = 1024 * 1024
DATA = Path("/var/tmp/load")
SINK = ("10.9.0.2", 9000)  # other end of eth1

# (minute at which it starts, minutes it lasts, kind, command)
TIMETABLE: list[tuple[float, float, str, str]] = [
    (20.0, 3.0, "cpu", "stress-ng --cpu 2 --cpu-method matrixprod"),
    (29.0, 4.0, "memory", "stress-ng --vm 1 --vm-bytes 60% --vm-keep --vm-hang 0"),
    (39.0, 2.5, "network", "stress-ng --udp 2"),
    (47.6, 5.0, "disk", "stress-ng --hdd 2 --hdd-bytes 256M --temp-path /var/tmp"),
    (59.0, 5.0, "cpu", "stress-ng --cpu 2 --cpu-load 60"),
    (70.2, 2.0, "memory", "stress-ng --vm 1 --vm-bytes 75% --vm-keep --vm-hang 10"),
    (78.4, 3.5, "network", "stress-ng --udp 1 --udp-port 8000"),
    (88.0, 2.0, "disk", "stress-ng --iomix 1 --iomix-bytes 256M --temp-path /var/tmp"),
    (96.5, 1.5, "cpu", "stress-ng --cpu 2 --cpu-load 85"),
]


def burn(seconds: float, share: float) -> None:
    """Keep one CPU busy for `share` of `seconds`, in slices of 50 ms."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        while time.monotonic() < now + 0.05 * share:
            math.sqrt(now)
        time.sleep(0.05 * (1 - share))


def cpu() -> None:
    """A service whose use of one CPU wanders around 15 %."""
    while True:
        tide = 0.15 + 0.07 * math.sin(time.time() / 240) + random.gauss(0, 0.04)
        burn(random.uniform(1, 8), min(max(tide, 0.02), 0.35))
        time.sleep(random.uniform(0.1, 2))


def recurring_job() -> None:
    """Every ten minutes, about 20 s of 30-40 % on each CPU: normal, not an incident."""
    while True:
        time.sleep(600 - (time.time() - 300) % 600 + random.uniform(0, 5))
        length, share = random.uniform(18, 22), random.uniform(0.3, 0.4)
        pair = [multiprocessing.Process(target=burn, args=(length, share)) for _ in range(2)]
        for process in pair:
            process.start()
        for process in pair:
            process.join()


def disk() -> None:
    """Write and sync a few MiB now and then; read some of it back from the disk."""
    for turn in range(10**9):
        path = DATA / f"segment-{turn % 16}"
        with path.open("wb") as file:
            for _ in range(random.randint(1, 10)):
                file.write(os.urandom(4096) * 256)
            file.flush()
            os.fsync(file.fileno())
        old = DATA / f"segment-{random.randrange(16)}"
        if old.exists():
            with old.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                file.read(random.randint(1, 4) * MIB)
        time.sleep(random.uniform(1, 9))


def memory() -> None:
    """Hold a heap that drifts between 60 and 180 MiB."""
    heap: list[bytearray] = []
    size = 100
    while True:
        size = min(max(size + random.randint(-12, 12), 60), 180)
        while len(heap) > size:
            heap.pop()
        while len(heap) < size:
            heap.append(bytearray(os.urandom(4096)) * 256)
        time.sleep(random.uniform(3, 15))


def network() -> None:
    """Send requests over eth1; the sink answers each with four times as much."""
    while True:
        try:
            with socket.create_connection(SINK, timeout=5) as peer:
                peer.sendall(bytes(random.randint(10_000, 400_000)))
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):
                    pass
        except OSError:
            pass  # the next request will do
        time.sleep(random.expovariate(1 / 1.5))


def sink() -> None:
    """Answer network() from the network namespace at the other end of eth1."""
    with socket.create_server(SINK) as server:
        while True:
            peer, _ = server.accept()
            with peer:
                try:
                    size = 0
                    while chunk := peer.recv(65536):
                        size += len(chunk)
                    peer.sendall(bytes(4 * size))
                except OSError:
                    pass


def background() -> None:
    """Run all of the everyday load, each kind in a process of its own."""
    DATA.mkdir(parents=True, exist_ok=True)
    jobs: list[Callable[[], None]] = [cpu, recurring_job, disk, memory, network]
    processes = [multiprocessing.Process(target=job) for job in jobs]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def incidents(output: Path) -> None:
    """Run the timetable once, noting each incident as it ends."""
    begin = time.time()
    for minute, length, kind, stressor in TIMETABLE:
        time.sleep(max(begin + minute * 60 - time.time(), 0))
        command = f"{stressor} --timeout {length * 60:.0f}s"
        start = time.time()
        result = subprocess.run(shlex.split(command), check=False)
        line = {
            "kind": kind,
            "start": round(start, 1),
            "end": round(time.time(), 1),
            "command": command,
            "exit": result.returncode,
        }
        with output.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["background"]:
            background()
        case ["sink"]:
            sink()
        case ["incidents", path]:
            incidents(Path(path))
        case _:
            sys.exit(__doc__)
