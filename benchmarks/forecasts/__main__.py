"""Evaluate forecasters on a pair of files in the M4 form; README.md tells what is measured."""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.accuracy.flags import EXIT_CONFIG, EXIT_FAILED, names, positive
from benchmarks.forecasts.chosen import BadFlag, columns, forecasters
from benchmarks.forecasts.files import BadInput, Pair, read_pair, write_forecasts
from benchmarks.forecasts.jobs import Task, Told, ask_all, say
from benchmarks.forecasts.measures import Accuracy, accuracy, scales
from benchmarks.forecasts.naive2 import naive2
from benchmarks.forecasts.process import machine
from benchmarks.forecasts.report import Cost, Line, published, table
from benchmarks.forecasts.simulated import DAY, WEEK
from exporter.core.series import Floats


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; return 1 when a file or a forecaster was no good, 2 for a wrong flag."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    flags = _parser().parse_args(given)
    try:
        chosen = forecasters(flags.forecasters)
        _check(flags)
        pair = read_pair(flags.train, flags.test)
        task = _task(flags, pair)
    except BadFlag as error:
        say(str(error))
        return EXIT_CONFIG
    except BadInput as error:
        say(str(error))
        return EXIT_FAILED
    pair = replace(pair, future=pair.future[:, : task.horizon])
    scale = scales(pair.past, max(task.season, 1))
    told = accuracy(pair.future, naive2(pair.past, task.season, task.horizon), scale)
    ruler = replace(told, owa=1.0)
    said = dict(ask_all(chosen, pair.past, task, flags.processes))
    lines = {each.name: judge(pair, task, scale, ruler, said[each]) for each in chosen}
    report = [
        f"`{shlex.join(['python', '-m', 'benchmarks.forecasts', *given])}`",
        f"on {datetime.now(UTC):%Y-%m-%d}: {machine()}; {len(pair.names)} series.",
        "",
        *table(lines, ruler, published(pair, task), task.coverage),
        *(f"\n{note}" for note in notes(scale, {each.name: said[each] for each in chosen})),
    ]
    print("\n".join(report))
    if flags.report:
        flags.report.write_text("\n".join(report) + "\n", encoding="utf-8")
    if flags.json:
        flags.json.write_text(json.dumps(as_json(task, ruler, lines), indent=2) + "\n")
    for each in chosen if flags.out else ():
        if not lines[each.name].error:
            path = flags.out if len(chosen) == 1 else beside(flags.out, each.name)
            forecasts = said[each]
            write_forecasts(path, pair.names, forecasts.mean, forecasts.lower, forecasts.upper)
            say(f"{each.name}: written to {path}")
    return EXIT_FAILED if any(line.error for line in lines.values()) else 0


def _check(flags: argparse.Namespace) -> None:
    if (flags.cycle or 0) % max(flags.season, 1):
        raise BadFlag(f"--cycle: found {flags.cycle}; allowed is a multiple of --season")
    for name in ("out", "json", "report"):
        path = getattr(flags, name)
        if path and (path.is_dir() or not path.parent.is_dir()):
            raise BadFlag(f"--{name}: found {path}; needed is a file in a folder that is there")


def _task(flags: argparse.Namespace, pair: Pair) -> Task:
    there = pair.future.shape[1]
    horizon = flags.horizon or there
    if horizon > there:
        raise BadFlag(f"--horizon: found {horizon}; {flags.test} has {there} columns of values")
    cycle = flags.cycle if flags.cycle is not None else WEEK * (flags.season == DAY)
    return Task(flags.season, cycle, horizon, flags.coverage)


def judge(pair: Pair, task: Task, scale: Floats, ruler: Accuracy, told: Told) -> Line:
    """Return how good a forecaster is; nothing at all where it leaves out a single series."""
    cost = Cost(len(pair.names), told.cpu, told.peak)
    missing = np.flatnonzero(np.isnan(told.mean).any(1))
    if told.error or len(missing):
        nothing = Accuracy(np.nan, np.nan)
        why = f"no forecast of {len(missing)} series, such as {pair.names[missing[0]]}"
        return Line(nothing, cost, told.error or why)
    return Line(
        accuracy(
            pair.future,
            told.mean,
            scale,
            naive2=ruler,
            lower=told.lower,
            upper=told.upper,
            coverage=task.coverage,
        ),
        cost,
    )


def beside(path: Path, kind: str) -> Path:
    """Return the file of one of several forecasters: `f.csv.gz` becomes `f.auto.csv.gz`."""
    stem, dot, endings = path.name.partition(".")
    return path.with_name(f"{stem}.{kind}{dot}{endings}")


def notes(scale: Floats, said: Mapping[str, Told]) -> Iterator[str]:
    """Yield what a reader has to know beside the figures."""
    if unscaled := int(np.isnan(scale).sum()):
        yield (
            f"{unscaled} series repeat a season exactly, or are no longer than one: they have no "
            "scale and are left out of MASE and MSIS, and of nothing else."
        )
    without = [f"`{name}` {told.without_band}" for name, told in said.items() if told.without_band]
    if without:
        yield f"Series without a band, which count as ones without width: {', '.join(without)}."


def as_json(task: Task, ruler: Accuracy, lines: Mapping[str, Line]) -> dict[str, object]:
    """Return what is known as JSON has it: null where there is no number."""
    found = {name: asdict(line) for name, line in lines.items()}
    told = {"task": asdict(task), "naive2": asdict(ruler), "forecasters": found}
    return {name: _without_nan(value) for name, value in told.items()}


def _without_nan(value: object) -> object:
    """Return `value` with None in place of NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts", description=__doc__)
    parser.add_argument("train", type=Path, metavar="TRAIN", help="CSV or CSV.gz of the past")
    parser.add_argument("test", type=Path, metavar="TEST", help="likewise, of what came")
    parser.add_argument(
        "--season", type=columns, required=True, metavar="N", help="columns; 0 or 1 for none"
    )
    parser.add_argument(
        "--cycle",
        type=columns,
        metavar="M",
        help="a longer season, 0 for none (default: 168 with --season 24, else none)",
    )
    parser.add_argument(
        "--forecasters", type=names, default=(), metavar="A,B", help="kinds (default: all)"
    )
    parser.add_argument(
        "--horizon", type=positive, metavar="H", help="columns (default: those of TEST)"
    )
    parser.add_argument(
        "--coverage", type=share, default=0.9, metavar="P", help="of the band (default: 0.9)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="F.csv", help="write series,step,mean,lo,hi to this file"
    )
    parser.add_argument(
        "--json", type=Path, metavar="F.json", help="also write the figures as JSON"
    )
    parser.add_argument("--report", type=Path, metavar="F.md", help="also write what is printed")
    parser.add_argument(
        "--processes",
        type=positive,
        default=1,
        metavar="N",
        help="forecasters that are measured at a time (default: 1)",
    )
    return parser


def share(text: str) -> float:
    """Return a number between 0 and 1."""
    if not 0 < (number := float(text)) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, allowed is more than 0 and less than 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
