"""What does a warm exporter's pipeline weigh? Run as a process of its own, prints JSON.

Usage: python -m benchmarks.speed.memory URL EXPR START EVALUATIONS
"""

import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.speed.evaluations import STEP, look_back, make_runner
from exporter.adapters.exposition import Page
from exporter.adapters.memory import return_freed_memory


def weigh(url: str, expr: str, start: float, evaluations: int) -> dict[str, int]:
    """Return series, and bytes at the peak, resident at the end, and in use at the end.

    The difference between the latter two is free memory that the C library keeps for the next
    allocation; `malloc_trim` makes it give that back.
    """
    command = [sys.executable, "-m", "benchmarks.speed.memory", url, expr, str(start)]
    told = subprocess.run(
        [*command, str(evaluations)], capture_output=True, text=True, check=True
    ).stdout
    weight: dict[str, int] = json.loads(told)
    return weight


def main() -> None:
    """Evaluate, render, and tell what is resident."""
    url, expr, start, evaluations = sys.argv[1:]
    return_freed_memory()  # as the daemon does
    runner = make_runner(url, expr, lambda phase, seconds: None)
    page = Page()
    series = 0
    for evaluation in range(int(evaluations)):
        outcome = look_back(runner, float(start) + evaluation * STEP)
        series = len(outcome.published.keys)
        for _ in page.render([outcome.published]):
            pass
    gc.collect()
    before = _status()
    ctypes.CDLL(None).malloc_trim(0)
    weight = {
        "series": series,
        "peak": before["VmHWM"],
        "resident": before["VmRSS"],
        "in use": _status()["VmRSS"],
    }
    sys.stdout.write(json.dumps(weight))


def _status() -> dict[str, int]:
    """Return the fields of /proc/self/status that are sizes, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = [line.split() for line in lines if line.endswith(" kB")]
    return {name.rstrip(":"): int(kibibytes) * 1024 for name, kibibytes, _ in fields}


if __name__ == "__main__":
    main()
