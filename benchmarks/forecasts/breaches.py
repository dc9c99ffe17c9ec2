"""Measure how far off predicted breaches are, the nearer they come; README.md tells how."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.accuracy.flags import EXIT_CONFIG, names, positive
from benchmarks.forecasts.chosen import BadFlag, forecasters
from benchmarks.forecasts.climbs import Climbs
from benchmarks.forecasts.fills import fills
from benchmarks.forecasts.jobs import say
from benchmarks.forecasts.monitored import monitored, recorded
from benchmarks.forecasts.nearing import (
    COVERAGE,
    NEAR,
    SHARES,
    Nearness,
    by_cycle,
    chances,
    nearing,
    predict_linear,
    tenths,
)
from benchmarks.forecasts.process import machine
from exporter.core.series import Floats

CHOSEN: Final = ("auto", "linear", "robust_linear")
RULER: Final = "predict_linear"

Chances = list[tuple[Floats, Floats]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each kind of climb, print two tables, and return 2 for a wrong flag."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    flags = _parser().parse_args(given)
    try:
        chosen = forecasters(flags.forecasters)
        folders = [found_in(folder) for folder in flags.folders]
    except BadFlag as error:
        say(str(error))
        return EXIT_CONFIG
    tellers = {each.name: by_cycle(each) for each in chosen}
    threadpool_limits(1, user_api="blas")
    kinds = [(climbs, "simulated") for climbs in fills(flags.series)]
    kinds += [(climbs, "real") for climbs in (recorded(), *folders)]
    near: list[str] = []
    said: dict[tuple[str, str], Chances] = {}
    for climbs, origin in kinds:
        say(f"{climbs.name}: {len(climbs.cases)} climbs")
        ruler = nearing(climbs, predict_linear)
        found = {name: nearing(climbs, tell) for name, tell in tellers.items()}
        near += rows(climbs, {**found, RULER: ruler}, ruler)
        for name, tell in tellers.items():
            said.setdefault((name, origin), []).append(chances(climbs, tell))
    report = [
        f"`{shlex.join(['python', '-m', 'benchmarks.forecasts.breaches', *given])}`",
        f"on {datetime.now(UTC):%Y-%m-%d}: {machine()}.",
        "",
        "| climbs | by | " + " | ".join(f"{share:.0%} left" for share in SHARES) + " | inside |",
        "|---|---|" + "---|" * (len(SHARES) + 1),
        *near,
        "",
        "| said | of | " + " | ".join(f"{10 * tenth} %" for tenth in range(10)) + " |",
        "|---|---|" + "---|" * 10,
        *(calibrated(name, origin, parts) for (name, origin), parts in said.items()),
    ]
    print("\n".join(report))
    if flags.report:
        flags.report.write_text("\n".join(report) + "\n", encoding="utf-8")
    return 0


def found_in(folder: Path) -> Climbs:
    """Return the climbs of a folder's series.

    Raises
    ------
    BadFlag
        There are none.
    """
    found = monitored(folder)
    if found is None:
        needed = "needed is a folder of .csv.gz with timestamp and value, some of which climb"
        raise BadFlag(f"found {folder}; {needed}")
    return found


def rows(
    climbs: Climbs, found: Mapping[str, Sequence[Nearness]], ruler: Sequence[Nearness]
) -> Iterator[str]:
    """Yield a line per forecaster: median error, share that is near, ratio to the ruler's error."""
    for name, nears in found.items():
        cells = [
            f"{_percent(one.error)}, {one.near:.0%}" + (f", {_ratio(one, other)}" * (name != RULER))
            for one, other in zip(nears, ruler, strict=True)
        ]
        inside = np.mean([one.inside for one in nears])
        shown = "" if np.isnan(inside) else f"{inside:.0%}"
        label = f"{climbs.name} ({len(climbs.cases)})"
        yield f"| {label} | `{name}` | {' | '.join(cells)} | {shown} |"


def calibrated(name: str, origin: str, parts: Chances) -> str:
    """Return a line of how often limits were crossed of those said to be so likely."""
    said, came = (np.concatenate(column) for column in zip(*parts, strict=True))
    cells = [f"{share:.0%} of {count}" if count else "" for count, share in tenths(said, came)]
    return f"| `{name}` | {origin} | {' | '.join(cells)} |"


def _percent(error: float) -> str:
    return f"{error:.1%}" if error < 10 else "not told" if np.isinf(error) else "> 1000%"


def _ratio(one: Nearness, other: Nearness) -> str:
    if np.isinf(one.error) or np.isinf(other.error):
        return "better" if one.error < other.error else "worse" if one.error > other.error else "="
    return f"x{one.error / other.error:.2f}" if other.error else "="


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.forecasts.breaches",
        description=f"{__doc__} Near is an error of at most {NEAR:.0%} of the time left; inside is "
        f"the share of crossings in the interval, which promises {COVERAGE:.0%}.",
    )
    parser.add_argument(
        "folders",
        type=Path,
        nargs="*",
        metavar="FOLDER",
        help="of monitoring series, one .csv.gz with timestamp and value each",
    )
    parser.add_argument(
        "--series",
        type=positive,
        default=100,
        metavar="N",
        help="simulated fills of each kind (default: %(default)s)",
    )
    parser.add_argument(
        "--forecasters",
        type=names,
        default=CHOSEN,
        metavar="A,B",
        help=f"kinds (default: {','.join(CHOSEN)})",
    )
    parser.add_argument("--report", type=Path, metavar="F.md", help="also write what is printed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
