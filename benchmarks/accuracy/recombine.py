"""Combine kept votes in another way, without running a detector again."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.accuracy.files import BadInput, datasets_of, series_of, write_scores
from benchmarks.accuracy.flags import EXIT_CONFIG, EXIT_FAILED, add_ensemble, names, positive
from benchmarks.accuracy.jobs import Job, votes_of
from benchmarks.accuracy.judging import run_scorer
from benchmarks.accuracy.scoring import LEVEL, ONSET, Votes, plan_for, row_scores
from benchmarks.accuracy.settings import config_of
from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Bools, Floats
from exporter.ensemble import combine
from exporter.errors import ConfigError
from exporter.plan import Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Combine, write scores, and return the exit code."""
    flags = _parser().parse_args(arguments)
    try:
        plan = plan_for(config_of(flags.config, flags.detectors, flags.ensemble), 60_000)
        jobs = [
            Job(dataset, name, path, flags.out / dataset / f"{name}.csv")
            for dataset in datasets_of(flags.data, flags.datasets)
            for name, path in series_of(flags.data / dataset)[:: flags.every]
        ]
        for job in jobs:
            _recombine(plan, job, flags.votes / job.dataset / job.target.name)
        if flags.evaluate:
            print(run_scorer(flags.evaluate, flags.data, flags.out, jobs))
    except ConfigError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return EXIT_CONFIG
    except BadInput as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return 0


def _recombine(plan: Plan, job: Job, scored: Path) -> None:
    """Write the scores of one file from those that were kept beside `scored`."""
    kept = votes_of(Job(job.dataset, job.name, job.source, scored))
    try:
        stamps = [line.partition(",")[0] for line in scored.read_text().splitlines()[1:]]
        with np.load(kept, allow_pickle=False) as archive:
            votes = dict(archive)
    except (OSError, ValueError) as error:
        message = f"{kept}: no votes; make them with benchmarks.accuracy --votes: {error}"
        raise BadInput(message) from error
    score, event, alert = combined(plan, votes)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    write_scores(job.target, stamps, score, event, alert)


def combined(plan: Plan, votes: Mapping[str, Votes]) -> tuple[Floats, Floats, Bools]:
    """Return score, event and alert of each row [R] of one file's series.

    Parameters
    ----------
    plan : who votes, with which weights, combined how; direction, deviations and range do not count
    votes : as kept, arrays [S, R]

    Raises
    ------
    BadInput
        The votes lack a detector of the plan.
    """
    kinds = [detector.name for detector in plan.detectors]
    if missing := [kind for kind in kinds if kind not in votes]:
        there = ", ".join(kind for kind in votes if not kind.endswith((LEVEL, ONSET)))
        raise BadInput(f"no votes of {', '.join(missing)}, there are those of {there}")
    told = combine(
        [_scores(votes[kind], votes.get(kind + LEVEL), votes.get(kind + ONSET)) for kind in kinds],
        [detector.weight for detector in plan.detectors],
        plan.combination,
    )
    return row_scores(told, plan.policy.threshold)


def _scores(score: Votes, level: Votes | None, onset: Votes | None) -> Scores:
    blank = blank_scores(*score.shape)
    confidence = score.astype(np.float64)
    return Scores(
        score=confidence,
        expected=blank.expected,
        lower=blank.lower,
        upper=blank.upper,
        sigmas=blank.sigmas,
        level=confidence if level is None else level.astype(np.float64),
        onset=None if onset is None else onset.astype(np.float64),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.recombine", description=__doc__
    )
    parser.add_argument("data", type=Path, metavar="DATA", help="the folder that was scored")
    parser.add_argument("votes", type=Path, metavar="VOTES", help="OUT of benchmarks.accuracy")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the new scores")
    add_ensemble(parser)
    parser.add_argument("--datasets", type=names, default=(), metavar="A,B")
    parser.add_argument("--every", type=positive, default=1, metavar="K")
    parser.add_argument("--evaluate", type=Path, metavar="SCORER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
