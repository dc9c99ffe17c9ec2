"""How do all files of a folder get scored, on every core, and how far is it?"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.accuracy.files import BadInput, read_series, write_scores
from benchmarks.accuracy.scoring import score_file
from exporter.config import Config

SINGLE_THREADED: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Read when the libraries are loaded: a process per core must not start a thread per core."""

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


def score_job(config: Config, job: Job) -> Outcome:
    """Read, score and write one file."""
    try:
        file = read_series(job.source)
    except BadInput as error:
        return Outcome(job, error=str(error))
    told = score_file(config, file)
    job.target.parent.mkdir(parents=True, exist_ok=True)
    write_scores(job.target, file.stamps, told.score, told.event, told.alert)
    return Outcome(job, len(file.stamps), told.failures)


def score_all(config: Config, jobs: Sequence[Job], processes: int) -> Iterator[Outcome]:
    """Score files, several at a time; the outcomes come as they are done."""
    if processes == 1:
        yield from (score_job(config, job) for job in jobs)
        return
    os.environ.update(dict.fromkeys(SINGLE_THREADED, "1"))
    # Spawned, not forked: the libraries of a fork have decided about their threads already.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs) or 1), context) as pool:
        pending = [pool.submit(score_job, config, job) for job in jobs]
        yield from (done.result() for done in as_completed(pending))


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
