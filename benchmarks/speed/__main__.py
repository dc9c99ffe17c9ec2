"""Measure and print; see README.md for what the figures mean."""

import argparse
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.speed import remotewrite, workload
from benchmarks.speed.evaluations import STEP, Costs, measure
from benchmarks.speed.memory import weigh
from benchmarks.speed.server import prometheus, version

_LOOKBACK_COLUMNS = 1000  # twice the memory of the default detectors
_NOTHING = '{job="nothing"}'


def main() -> None:
    """Parse the command line, run, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--expr", default=workload.EXPR, help="the query (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the report to this file")
    arguments = parser.parse_args()
    lines = []
    for line in run(arguments.series, arguments.evaluations, arguments.expr):
        print(line, flush=True)
        lines.append(line)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")


def run(series: int, evaluations: int, expr: str) -> Iterator[str]:
    """Yield the report line by line as it becomes known."""
    columns = _LOOKBACK_COLUMNS + evaluations + 1
    end = time.time() // STEP * STEP
    times = np.round((end + STEP * np.arange(1 - columns, 1)) * 1000).astype(np.int64)
    start = float(times[_LOOKBACK_COLUMNS]) / 1000
    command = f"python -m benchmarks.speed --series {series} --evaluations {evaluations}"
    yield f"`{command} --expr '{expr}'`"
    yield f"on {datetime.now(UTC):%Y-%m-%d}: {_machine()}; {version()}."
    yield ""
    with prometheus() as server:
        label_sets = workload.label_sets(series)
        remotewrite.write(server.url, label_sets, times, workload.samples(series, columns))
        yield from _cpu_table(measure(server, expr, start, evaluations))
        yield ""
        empty = weigh(server.url, _NOTHING, start, evaluations)
        full = weigh(server.url, expr, start, evaluations)
        yield from _memory_table(empty, full)


def _cpu_table(costs: Costs) -> Iterator[str]:
    def row(name: str, seconds: float, note: str = "") -> str:
        share = seconds / costs.prometheus
        return (
            f"| {name} | {seconds * 1e3:.2f} | {seconds / costs.series * 1e6:.2f} "
            f"| {share:.3f} | {note} |"
        )

    answer, page = costs.answer_bytes / costs.series, costs.page_bytes / costs.series
    yield "| per evaluation | CPU ms | µs per series | of Prometheus' | |"
    yield "|---|---|---|---|---|"
    yield row("Prometheus answers the query", costs.prometheus, f"{answer:.0f} B per series")
    yield row("**exporter, answer to page**", costs.exporter, f"{costs.series} series")
    notes = {"render": f"{page:.0f} B per series"}
    for phase, seconds in costs.phases.items():
        yield row(f"- {phase}", seconds, notes.get(phase, ""))
        if phase == "fetch":
            yield row("- - of it decoding, grid", costs.decoding, "measured alone")
    yield ""
    yield f"**Ratio {costs.ratio:.3f}** (asked: at most 0.5, aim below 0.2)."
    yield ""
    cpu, wall = costs.lookback
    yield f"A cold start, {_LOOKBACK_COLUMNS} columns: {cpu:.1f} s of CPU, {wall:.1f} s in all."


def _memory_table(empty: dict[str, int], full: dict[str, int]) -> Iterator[str]:
    yield "| memory | empty MB | full MB | kB per series |"
    yield "|---|---|---|---|"
    for moment, told in (
        ("in use", "in use, warm"),
        ("resident", "resident, warm"),
        ("peak", "peak, during the first look-back"),
    ):
        per_series = (full[moment] - empty[moment]) / full["series"] / 1e3
        yield (
            f"| {told} | {empty[moment] / 1e6:.1f} | {full[moment] / 1e6:.1f} | {per_series:.2f} |"
        )


def _machine() -> str:
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return (
        f"{len(names)} x {names[0]}, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, numpy {np.__version__}, "
        f"msgspec {msgspec.__version__}"
    )


if __name__ == "__main__":
    main()
