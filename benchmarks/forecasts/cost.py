"""Measure what forecasts cost, beside others' in the same run; README.md tells how."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from benchmarks.accuracy.flags import EXIT_CONFIG, EXIT_FAILED, names, positive
from benchmarks.accuracy.processes import alone
from benchmarks.forecasts.chosen import BadFlag, columns, forecasters
from benchmarks.forecasts.jobs import Task, ask, say
from benchmarks.forecasts.peers import BASE, PEERS, cost_of_peer, installed
from benchmarks.forecasts.process import machine, peak_memory
from benchmarks.forecasts.report import Cost
from benchmarks.forecasts.simulated import DAY, WEEK, simulated
from exporter.errors import ForecasterError
from exporter.forecasters import bands
from exporter.forecasters.arima import Arima
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import history_of
from exporter.loops.forecastrunner import PIECE

COVERAGE: Final = 0.9
AT_MOST: Final = 100.0
"""Seconds in which 10,000 series should have their forecasts."""


@dataclass(frozen=True)
class Load:
    """What the forecasts of many series took, several pieces at a time."""

    cost: Cost
    wall: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one after the other, print two tables, and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    flags = _parser().parse_args(given)
    try:
        chosen = forecasters(flags.forecasters)
    except BadFlag as error:
        say(str(error))
        return EXIT_CONFIG
    task = Task(DAY, WEEK, flags.horizon, COVERAGE)
    peers = installed() if flags.peer_series else []
    if missing := [peer for peer in PEERS if flags.peer_series and peer not in peers]:
        say(f"not installed, so left out: {', '.join(missing)}; the extra `peers` has them")
    theirs = {
        peer: _said(peer, alone(cost_of_peer, peer, flags.peer_series, *_shape(flags), COVERAGE))
        for peer in peers
    }
    measured = {each.name: each for each in chosen}
    if "arima" in measured:  # what `BASE` fits
        measured["arima, order: [1, 1, 1]"] = Arima(order=(1, 1, 1))
    try:
        ours = {
            name: _said(name, alone(cost_of, each, task, flags.series, flags.columns))
            for name, each in measured.items()
        }
        many = {
            each.name: alone(load, each, task, flags.many, flags.columns, flags.threads)
            for each in (chosen if flags.many else ())
        }
    except ForecasterError as error:
        say(str(error))
        return EXIT_FAILED
    report = [
        f"`{shlex.join(['python', '-m', 'benchmarks.forecasts.cost', *given])}`",
        f"on {datetime.now(UTC):%Y-%m-%d}: {machine()}; {flags.columns} columns, "
        f"{flags.horizon} ahead, band of {COVERAGE} included.",
        "",
        *cost_table(ours, theirs),
        *(load_table(many, flags.threads) if many else ()),
    ]
    print("\n".join(report))
    if flags.report:
        flags.report.write_text("\n".join(report) + "\n", encoding="utf-8")
    return 0


def cost_of(forecaster: Forecaster, task: Task, series: int, columns: int) -> Cost:
    """Return what mean, band and paths of so many series take, on one thread."""
    told = ask(forecaster, list(simulated(series, columns)), task, lambda _: None)
    if told.error:
        raise ForecasterError(forecaster.name, told.error)
    return Cost(series, told.cpu, told.peak)


def load(forecaster: Forecaster, task: Task, series: int, columns: int, threads: int) -> Load:
    """Return what as many series take as a service has, in pieces and threads as it does."""
    values = simulated(series, columns)

    def forecast_piece(first: int) -> None:
        history = history_of(values[first : first + PIECE], task.season, task.cycle)
        bands.forecast(forecaster, history, task.horizon, coverage=task.coverage)

    forecast_piece(max(series - 1, 0))  # compiles
    threadpool_limits(1, user_api="blas")
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(forecast_piece, range(0, series, PIECE)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    say(f"{forecaster.name}: {series} series in {wall:.1f} s")
    return Load(Cost(series, cpu, peak_memory()), wall)


def cost_table(ours: Mapping[str, Cost], theirs: Mapping[str, Cost]) -> Iterator[str]:
    """Yield a Markdown table; ratios are to `BASE`, if it was measured."""
    base = theirs.get(BASE)
    yield f"| | CPU ms per series | of {BASE} | MB at the peak | series |"
    yield "|---|---|---|---|---|"
    both = {**{f"`{name}`": cost for name, cost in ours.items()}, **theirs}
    for name, cost in both.items():
        each = cost.microseconds_per_series / 1e3
        share = f"{each / base.microseconds_per_series * 1e3:.4f}" if base else ""
        yield f"| {name} | {each:.3f} | {share} | {cost.peak / 1e6:.0f} | {cost.series} |"


def load_table(many: Mapping[str, Load], threads: int) -> Iterator[str]:
    """Yield a Markdown table of what many series take."""
    series = next(iter(many.values())).cost.series
    yield ""
    yield f"{series} series in pieces of {PIECE}, {threads} threads:"
    yield ""
    yield f"| | wall s (asked: {AT_MOST:.0f} for 10,000) | CPU s | MB at the peak |"
    yield "|---|---|---|---|"
    for name, one in many.items():
        yield f"| `{name}` | {one.wall:.2f} | {one.cost.cpu:.2f} | {one.cost.peak / 1e6:.0f} |"


def _said(name: str, cost: Cost) -> Cost:
    say(f"{name}: {cost.microseconds_per_series / 1e3:.3f} ms of CPU per series")
    return cost


def _shape(flags: argparse.Namespace) -> tuple[int, int]:
    return flags.columns, flags.horizon


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.forecasts.cost", description=__doc__
    )

    def number(flag: str, default: int, meaning: str) -> None:
        parser.add_argument(
            flag,
            type=positive,
            default=default,
            metavar="N",
            help=f"{meaning} (default: {default})",
        )

    number("--series", 1000, "that ours are measured on")
    number("--columns", 2016, "of the past")
    number("--horizon", 24, "columns ahead")
    number("--threads", 2, "of the measurement with many series")
    for flag, default, meaning in (
        ("--peer-series", 10, "that others are measured on, 0 for no others"),
        ("--many", 10_000, "series for the load of a whole service, 0 for none"),
    ):
        parser.add_argument(
            flag, type=columns, default=default, metavar="N", help=f"{meaning} (default: {default})"
        )
    parser.add_argument(
        "--forecasters", type=names, default=(), metavar="A,B", help="kinds (default: all)"
    )
    parser.add_argument("--report", type=Path, metavar="F.md", help="also write what is printed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
