"""How do all files of a folder get scored, on every core, and how far is it?"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.accuracy.files import BadInput, SeriesFile, read_series, write_scores
from benchmarks.accuracy.processes import spread
from benchmarks.accuracy.scoring import score_files
from exporter.config import Config

TOGETHER: Final = 16
"""Files that one process works on at a time: Python's cost per column is shared by them."""

EVERY: Final = 5.0
"""Seconds between lines of progress."""


@dataclass(frozen=True)
class Job:
    """One file to score."""

    dataset: str
    name: str
    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a job: how many rows, what detectors could not tell, or why it has failed."""

    job: Job
    rows: int = 0
    failures: tuple[str, ...] = ()
    error: str = ""


def score_jobs(config: Config, jobs: Sequence[Job], with_votes: bool = False) -> list[Outcome]:
    """Read, score and write some files; those that cannot be read are an outcome, too.

    with_votes : also write what each detector says, beside the scores
    """
    files: dict[Job, SeriesFile] = {}
    outcomes: list[Outcome] = []
    for job in jobs:
        try:
            files[job] = read_series(job.source)
        except BadInput as error:
            outcomes.append(Outcome(job, error=str(error)))
    told = score_files(config, list(files.values()), with_votes=with_votes)
    for (job, file), scores in zip(files.items(), told, strict=True):
        job.target.parent.mkdir(parents=True, exist_ok=True)
        write_scores(job.target, file.stamps, scores.score, scores.event, scores.alert)
        if with_votes:
            np.savez(votes_of(job), allow_pickle=False, **scores.votes)
        outcomes.append(Outcome(job, len(file.stamps), tuple(scores.failures)))
    return outcomes


def votes_of(job: Job) -> Path:
    """Return where a job's votes are kept: arrays [S, R] by kind."""
    return job.target.with_suffix(".votes.npz")


def score_all(
    config: Config, jobs: Sequence[Job], processes: int, with_votes: bool = False
) -> Iterator[Outcome]:
    """Score files, several at a time; the outcomes come as they are done."""
    parts = [(config, part, with_votes) for part in _parts(jobs, processes)]
    for _, outcomes in spread(score_jobs, parts, processes):
        yield from outcomes


def _parts(jobs: Sequence[Job], processes: int) -> Iterator[Sequence[Job]]:
    """Yield what to score together: series of one data set, mostly on one grid."""
    for _, those in groupby(jobs, lambda job: job.dataset):
        group = list(those)
        size = min(TOGETHER, math.ceil(len(group) / (2 * processes)))
        yield from (group[start : start + size] for start in range(0, len(group), size))


def watched(
    outcomes: Iterator[Outcome], total: int, say: Callable[[str], None]
) -> tuple[Outcome, ...]:
    """Return all outcomes, having said now and then how far it is."""
    began = said = time.monotonic()
    collected: list[Outcome] = []
    rows = 0
    for outcome in outcomes:
        collected.append(outcome)
        rows += outcome.rows
        where = f"{outcome.job.dataset}/{outcome.job.name}"
        if outcome.error:
            say(f"! {where}: {outcome.error}")
        for failure in outcome.failures:
            say(f"! {where}: {failure}")
        now = time.monotonic()
        if now - said >= EVERY or len(collected) == total:
            said = now
            speed = rows / max(now - began, 1e-9)
            say(f"{len(collected)} of {total} series, {rows} rows, {speed:.0f} rows/s")
    return tuple(collected)
