"""What does a warm exporter's pipeline weigh? Run as a process of its own, prints JSON.

Usage: python -m benchmarks.speed.memory URL EXPR START EVALUATIONS
"""

import gc
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.speed.evaluations import STEP, make_runner
from exporter.adapters.exposition import Page


def weigh(url: str, expr: str, start: float, evaluations: int) -> dict[str, int]:
    """Return series, and bytes resident after the evaluations and at their peak."""
    command = [sys.executable, "-m", "benchmarks.speed.memory", url, expr, str(start)]
    told = subprocess.run(
        [*command, str(evaluations)], capture_output=True, text=True, check=True
    ).stdout
    weight: dict[str, int] = json.loads(told)
    return weight


def main() -> None:
    """Evaluate, render, and tell what is resident."""
    url, expr, start, evaluations = sys.argv[1:]
    runner = make_runner(url, expr, lambda phase, seconds: None)
    page = Page()
    series = 0
    for evaluation in range(int(evaluations)):
        outcome = runner.run(float(start) + evaluation * STEP)
        series = len(outcome.published.keys)
        for _ in page.render([outcome.published]):
            pass
    gc.collect()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    weight = {
        "series": series,
        "resident": _bytes(status["VmRSS"]),
        "peak": _bytes(status["VmHWM"]),
    }
    sys.stdout.write(json.dumps(weight))


def _bytes(kibibytes: str) -> int:
    return int(kibibytes.split()[0]) * 1024


if __name__ == "__main__":
    main()
