"""Score labelled series as production would; README.md tells how and what came out."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.files import BadInput, datasets_of, series_of
from benchmarks.accuracy.flags import (
    EXIT_CONFIG,
    EXIT_FAILED,
    add_ensemble,
    add_jobs,
    names,
    positive,
)
from benchmarks.accuracy.jobs import Job, Outcome, score_all, score_jobs, watched
from benchmarks.accuracy.judging import run_scorer
from benchmarks.accuracy.settings import config_of
from exporter.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, and return the exit code: 1 when a file could not be, 2 for a wrong configuration."""
    flags = _parser().parse_args(arguments)
    try:
        config = config_of(flags.config, flags.detectors, flags.ensemble)
        if flags.data.is_file():
            return _one(score_jobs(config, [Job("", flags.data.name, flags.data, flags.out)])[0])
        names = datasets_of(flags.data, flags.datasets)
        jobs = [
            Job(dataset, name, path, flags.out / dataset / f"{name}.csv")
            for dataset in names
            for name, path in series_of(flags.data / dataset)[:: flags.every]
        ]
        done = watched(score_all(config, jobs, flags.jobs, flags.votes), len(jobs), _say)
        if flags.evaluate:
            print(run_scorer(flags.evaluate, flags.data, flags.out, jobs))
    except ConfigError as error:
        _say("\n".join(error.problems))
        return EXIT_CONFIG
    except BadInput as error:
        _say(str(error))
        return EXIT_FAILED
    return EXIT_FAILED if any(outcome.error for outcome in done) else 0


def _one(outcome: Outcome) -> int:
    for message in filter(None, (outcome.error, *outcome.failures)):
        _say(message)
    return EXIT_FAILED if outcome.error else 0


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA", help="folder of data sets, or one file")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the scores, or one file")
    add_ensemble(parser)
    parser.add_argument(
        "--datasets", type=names, default=(), metavar="A,B", help="folders of DATA (default: all)"
    )
    add_jobs(parser)
    parser.add_argument(
        "--every",
        type=positive,
        default=1,
        metavar="K",
        help="score only every K-th series of each index",
    )
    parser.add_argument(
        "--votes",
        action="store_true",
        help="also keep what each detector says, for benchmarks.accuracy.recombine",
    )
    parser.add_argument(
        "--evaluate",
        type=Path,
        metavar="SCORER",
        help="then run this program on labels and scores, and keep its report in OUT",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
