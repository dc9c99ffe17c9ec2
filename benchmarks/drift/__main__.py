"""Change recordings by known sizes and measure whether drift is found; README.md tells how."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.accuracy.files import BadInput
from benchmarks.accuracy.flags import EXIT_FAILED, add_jobs, names, positive
from benchmarks.accuracy.processes import spread
from benchmarks.drift.followed import Choice
from benchmarks.drift.injected import KINDS, TOGETHER
from benchmarks.drift.plot import draw
from benchmarks.drift.recorded import Recorded, monitored, recording
from benchmarks.drift.sites import Kinds, Site, examine
from benchmarks.drift.tables import (
    Detected,
    FalseDrift,
    detected,
    false_drift,
    falsely,
    surely,
    write,
)
from benchmarks.forecasts.jobs import say
from benchmarks.forecasts.process import machine
from exporter.drift.isolation_forest import IsolationForest

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR

DEFAULT: Final = Choice("7d/3d", DAY, 7 * DAY, 3 * DAY, HOUR)
CHOICES: Final = (
    DEFAULT,
    replace(DEFAULT, name="7d/3d of 100", among=100),
    replace(DEFAULT, name="28d/3d", reference=28 * DAY),
    replace(DEFAULT, name="7d/1d", window=DAY),
    replace(DEFAULT, name="7d/1d of 100", window=DAY, among=100),
    replace(DEFAULT, name="28d/1d", reference=28 * DAY, window=DAY),
    replace(DEFAULT, name="7d/6h", window=6 * HOUR),
)

GROUPED: Final = replace(
    DEFAULT,
    name="groups",
    interval=6 * HOUR,
    tests=(*DEFAULT.tests, IsolationForest()),
)

UNIT: Final = 5 * 60_000
RECORDING: Final = Choice("recording", UNIT, 7 * UNIT, UNIT, 15_000, needs_week=False)
"""The recording is of hours: five minutes count as its day."""

NAMES: Final = tuple(choice.name for choice in (RECORDING, *CHOICES, GROUPED))

Task = tuple[Recorded, Choice, Kinds]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 1 when there is nothing to measure on, 2 for a wrong flag."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    flags = _parser().parse_args(given)
    try:
        tasks = [task for task in tasks_of(flags) if task[1].name in (flags.choices or NAMES)]
    except BadInput as error:
        say(str(error))
        return EXIT_FAILED
    sites: dict[str, list[tuple[int, Site]]] = {}
    choices = {choice.name: choice for _, choice, _ in tasks}
    for done, (number, site) in enumerate(spread(examine, tasks, flags.jobs), start=1):
        if site is not None:
            sites.setdefault(site.choice, []).append((number, site))
        if not done % 100:
            say(f"{done} of {len(tasks)}")
    report = [
        f"`{shlex.join(['python', '-m', 'benchmarks.drift', *given])}`",
        f"on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
    ]
    found: list[Detected] = []
    falsely_found: list[FalseDrift] = []
    for name in (name for name in choices if name in sites):
        some = [site for _, site in sorted(sites[name], key=lambda one: one[0])]
        found += (rows := list(detected(choices[name], some)))
        falsely_found += false_drift(choices[name], some)
        report += ["", f"**{name}**, {len(some)} recordings:", "", *surely(rows)]
    report += ["", *falsely(falsely_found)]
    print("\n".join(report))
    if flags.out:
        flags.out.mkdir(parents=True, exist_ok=True)
        write(flags.out / "detected.csv", found)
        write(flags.out / "false_drift.csv", falsely_found)
        (flags.out / "report.md").write_text("\n".join(report) + "\n", encoding="utf-8")
    if flags.plot:
        draw(flags.plot, [row for row in found if row.choice in choices])
    return 0 if sites else EXIT_FAILED


def tasks_of(flags: argparse.Namespace) -> Iterator[Task]:
    """Yield what to examine, and how."""
    for recorded in recording():
        yield recorded, RECORDING, KINDS
    if flags.data is None:
        return
    counts: dict[str, int] = {}
    for recorded in monitored(flags.data, flags.datasets):
        counts[recorded.dataset] = counts.get(recorded.dataset, 0) + 1
        if counts[recorded.dataset] % flags.every:
            continue
        if len(recorded.values) > 1:
            yield recorded, GROUPED, TOGETHER
        else:
            for choice in CHOICES:
                yield recorded, choice, KINDS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__)
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        metavar="DATA",
        help="folder of data sets as in benchmarks/accuracy; without it the recorded host alone",
    )
    parser.add_argument(
        "--datasets", type=names, default=(), metavar="A,B", help="of DATA (default: all)"
    )
    parser.add_argument(
        "--every", type=positive, default=1, metavar="N", help="only every so manieth series"
    )
    parser.add_argument(
        "--choices", type=names, default=(), metavar="A,B", help=f"of {', '.join(NAMES)}"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write tables to this folder")
    parser.add_argument("--plot", type=Path, metavar="F.svg", help="draw the shares found")
    add_jobs(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
