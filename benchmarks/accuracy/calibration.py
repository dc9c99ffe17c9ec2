"""Measure false alarms on simulated noise; README.md tells what is simulated."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from benchmarks.accuracy.flags import EXIT_CONFIG, add_ensemble, add_jobs, positive
from benchmarks.accuracy.noise import FAMILIES, MINUTES_PER_WEEK, noise
from benchmarks.accuracy.processes import spread
from benchmarks.accuracy.quiet import CONFIDENCE, ENSEMBLE, Alarms, Rate, count_alarms
from benchmarks.accuracy.scoring import plan_for
from benchmarks.accuracy.settings import config_of
from exporter.config import Config
from exporter.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print one table, and return the exit code."""
    flags = _parser().parse_args(arguments)
    try:
        config = config_of(flags.config, flags.detectors, flags.ensemble)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return EXIT_CONFIG
    sizes = flags.series, flags.weeks * MINUTES_PER_WEEK, flags.seed
    cases = [(config, *case, *sizes) for case in product(FAMILIES, (False, True))]
    found = [Alarms()] * len(cases)
    for number, alarms in spread(simulate, cases, flags.jobs):
        found[number] = alarms
        _say(f"{_title(cases[number])}: {alarms.rate(ENSEMBLE).alarms} alarms")
    print(f"{flags.series} series of each kind for {flags.weeks} weeks, seed {flags.seed}:")
    print(table({_title(case): alarms for case, alarms in zip(cases, found, strict=True)}))
    return 0


def simulate(
    config: Config, family: str, is_seasonal: bool, series: int, columns: int, seed: int
) -> Alarms:
    """Return the alarms on `series` series of one family at 1-minute steps.

    seed : of the random numbers; every family and season gets other ones
    """
    rng = np.random.default_rng([seed, list(FAMILIES).index(family), int(is_seasonal)])
    values = noise(FAMILIES[family], rng, series, columns, is_seasonal=is_seasonal)
    return count_alarms(plan_for(config, 60_000), values)


def table(found: Mapping[str, Alarms]) -> str:
    """Return false alarms per series and week as a Markdown table, one row per kind of noise."""
    judges = list(next(iter(found.values())).counts)
    judges.sort(key=lambda who: who != ENSEMBLE)
    lines = [
        f"| false alarms per series and week (at most, {CONFIDENCE:.0%}) | {' | '.join(judges)} |",
        "|---" * (len(judges) + 1) + "|",
    ]
    for title, alarms in found.items():
        told = " | ".join(_told(alarms.rate(who)) for who in judges)
        lines.append(f"| {title} | {told} |")
    total = " | ".join(_told(_sum([a.rate(who) for a in found.values()])) for who in judges)
    return "\n".join([*lines, f"| **all** | {total} |"])


def _told(rate: Rate) -> str:
    return f"{rate.per_week:.2f} ({rate.at_most:.2f})" if rate.weeks else "cannot tell"


def _sum(rates: Sequence[Rate]) -> Rate:
    return Rate(sum(rate.alarms for rate in rates), sum(rate.weeks for rate in rates))


def _title(case: Sequence[object]) -> str:
    _, family, is_seasonal, *_ = case
    return f"{family}, daily season" if is_seasonal else str(family)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.calibration", description=__doc__
    )
    add_ensemble(parser)
    add_jobs(parser)
    parser.add_argument("--series", type=positive, default=50, help="of each kind (default: 50)")
    parser.add_argument("--weeks", type=positive, default=2, help="of each series (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (default: 1)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
