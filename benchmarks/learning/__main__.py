"""python -m benchmarks.learning DATA VOTES: what four weeks of verdicts do to false alarms."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.accuracy.files import BadInput
from benchmarks.accuracy.flags import EXIT_CONFIG, EXIT_FAILED, add_ensemble
from benchmarks.accuracy.scoring import plan_for
from benchmarks.accuracy.settings import config_of
from benchmarks.learning.incidents import Told
from benchmarks.learning.loop import Loop
from benchmarks.learning.people import People
from benchmarks.learning.world import Query, queries_of
from exporter.errors import ConfigError
from exporter.plan import Plan

WEEKS = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every query with people and without, print the comparison, and return the exit code."""
    flags = _parser().parse_args(arguments)
    try:
        plan = plan_for(config_of(flags.config, flags.detectors, flags.ensemble), 300_000)
        queries = queries_of(flags.data, flags.votes, flags.dataset)
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return EXIT_CONFIG
    except (BadInput, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    series = sum(len(query.series) for query in queries)
    kinds = ", ".join(detector.name for detector in plan.detectors)
    print(f"{len(queries)} queries, {series} series, {plan.combination.kind} of {kinds}")
    alone = _all(queries, plan, flags, None)
    for seed in range(flags.seeds):
        learned = _all(queries, plan, flags, seed)
        print(
            f"\npeople {seed}: {flags.answers:.0%} judged, {flags.mistakes:.0%} of it wrongly; "
            f"{flags.marks:.0%} of what was missed marked"
        )
        _compare(queries, alone, learned, flags.first_day)
        if flags.changes:
            print("\n".join(change for told in learned for change in told.changes))
    return 0


def _all(
    queries: Sequence[Query], plan: Plan, flags: argparse.Namespace, seed: int | None
) -> list[Told]:
    people = (
        None if seed is None else People(Random(seed), flags.answers, flags.mistakes, flags.marks)
    )
    return [Loop(query, plan, people, flags.first_day).run() for query in queries]


def _compare(
    queries: Sequence[Query], alone: Sequence[Told], learned: Sequence[Told], first_day: int
) -> None:
    without = np.sum([told.false_alarms for told in alone], axis=0)
    with_people = np.sum([told.false_alarms for told in learned], axis=0)
    print("| days | false alarms a day, nobody asked | with verdicts | |\n|---|---|---|---|")
    ends = range(first_day, len(without), 7)
    for number, first in enumerate(ends):
        week = slice(first, min(first + 7, len(without)))
        before, after = without[week].mean(), with_people[week].mean()
        name = f"week {number + 1}" if number < WEEKS else "after"
        change = f"{after / before - 1:+.0%}" if before else ""
        print(f"| {first} to {week.stop - 1} ({name}) | {before:.1f} | {after:.1f} | {change} |")
    for what, named in (("of a series", _of_series), ("of a server", _of_servers)):
        found, still = named(queries, alone), named(queries, learned)
        print(
            f"real incidents {what}: found {len(found)} and {len(still)}, "
            f"lost {len(found - still)}, won {len(still - found)}"
        )
    print(f"changes: {sum(len(told.changes) for told in learned)}")


def _of_series(queries: Sequence[Query], told: Sequence[Told]) -> set[tuple[str, int]]:
    return {
        (query.series[row], first)
        for query, each in zip(queries, told, strict=True)
        for row, first in each.found
    }


def _of_servers(queries: Sequence[Query], told: Sequence[Told]) -> set[tuple[str, int]]:
    """Return what was found by any series of the server that it happened to."""
    return {(name.partition("__")[0], first) for name, first in _of_series(queries, told)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with a folder for each dataset")
    parser.add_argument(
        "votes", type=Path, help="what python -m benchmarks.accuracy --votes has made of it"
    )
    add_ensemble(parser)
    parser.add_argument("--dataset", default="asd_uni", help="default: %(default)s")
    parser.add_argument("--first-day", type=int, default=10, help="when alerts begin (%(default)s)")
    parser.add_argument("--answers", type=float, default=0.7, help="share that is judged")
    parser.add_argument("--mistakes", type=float, default=0.03, help="share of it that is wrong")
    parser.add_argument("--marks", type=float, default=0.5, help="share of misses that is marked")
    parser.add_argument("--seeds", type=int, default=3, help="how many people are tried")
    parser.add_argument("--changes", action="store_true", help="list what was changed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
