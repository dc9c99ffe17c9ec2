"""What would production have said of every row of a file?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.accuracy.entity import SERVER_SHARE, server_scores
from benchmarks.accuracy.files import SeriesFile
from benchmarks.accuracy.timeline import Timeline, lay_out
from exporter.config import Config
from exporter.core.scores import Scores
from exporter.core.series import Bools, Floats, Ints, SeriesBatch
from exporter.pipeline import cold_state, evaluate
from exporter.plan import Plan
from exporter.planning import plan_of

CELLS: Final = 65_536
"""Series times columns that are evaluated at a time: what bounds the memory."""

FOR_EVER: Final = 2**61
"""Milliseconds for which a pausing series is remembered: a file holds one series."""

LEVEL: Final = ":level"
ONSET: Final = ":onset"
Votes: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class RowScores:
    """What is told of R rows.

    Parameters
    ----------
    score : float64 [R], how unusual the row is; NaN where it has no sample
    event : float64 [R], how much of something new begins with the row
    alert : bool [R]
    failures : what detectors that could not tell said, each once
    votes : kind -> float32 [S, R], if asked for; likewise kind with `LEVEL` or `ONSET` behind it,
        where a detector has another opinion of these
    """

    score: Floats
    event: Floats
    alert: Bools
    failures: dict[str, None] = field(default_factory=dict)
    votes: dict[str, Votes] = field(default_factory=dict)


def plan_for(config: Config, step: int) -> Plan:
    """Return the plan of a configuration's first query for series of another step.

    step : milliseconds
    """
    query = config.all_queries()[0].model_copy(
        update={"step": step / 1000, "lookback": None, "grace": None}
    )
    alone = config.model_copy(update={"queries": (query,), "presets": ()})
    return replace(plan_of(alone.all_queries()[0]), grace=FOR_EVER, missing_for=FOR_EVER)


def score_files(
    config: Config, files: Sequence[SeriesFile], cells: int = CELLS, *, with_votes: bool = False
) -> list[RowScores]:
    """Score every row by what came before it; the metrics of one file are one server.

    Files on the same grid are evaluated together, as the series of one query are, unless a
    detector would then judge one by the other.

    cells : series times columns to evaluate at a time; does not change the result
    with_votes : also keep what each detector says
    """
    told = [_blank(len(file.times)) for file in files]
    alike: dict[tuple[int, int], list[_Member]] = defaultdict(list)
    for file, scores in zip(files, told, strict=True):
        timeline = lay_out(file.times)
        alike[timeline.step, timeline.start].append(_Member(file, timeline, scores))
    for (step, _), members in alike.items():
        plan = plan_for(config, step)
        are_independent = all(detector.is_independent for detector in plan.detectors)
        for group in [members] if are_independent else [[member] for member in members]:
            _score_group(plan, group, cells, with_votes=with_votes)
    return told


@dataclass(frozen=True, eq=False)
class _Member:
    """One of several files that are evaluated together, and where its scores go."""

    file: SeriesFile
    timeline: Timeline
    scores: RowScores


def _blank(rows: int) -> RowScores:
    return RowScores(np.full(rows, np.nan), np.full(rows, np.nan), np.zeros(rows, dtype=np.bool_))


def _score_group(plan: Plan, group: Sequence[_Member], cells: int, *, with_votes: bool) -> None:
    ends = list(accumulate(len(member.file.metrics) for member in group))
    state = cold_state(plan)
    for batch in _batches(group, max(1, cells // ends[-1])):
        state, done = evaluate(plan, state, batch)
        scores = done.verdict.scores
        for member, end in zip(group, ends, strict=True):
            own = slice(end - len(member.file.metrics), end)
            first = _column(member.timeline, batch)
            rows = _rows(member.timeline, first, first + len(batch.times))
            place = member.timeline.column[rows] - first
            told = member.scores
            score, event, alert = row_scores(scores.rows(own), plan.policy.threshold)
            told.score[rows], told.event[rows] = score[place], event[place]
            told.alert[rows] = alert[place]
            told.failures.update((str(failure), None) for failure in done.failures)
            if with_votes:
                _keep_votes(told, done.votes, own, rows, place)


def row_scores(scores: Scores, threshold: float) -> tuple[Floats, Floats, Bools]:
    """Return score, event and alert [T] of one file.

    scores : of its metrics, [S, T]
    threshold : of a metric
    """
    held = server_scores(scores.score)
    with np.errstate(invalid="ignore"):
        if len(scores.score) == 1:
            return scores.level[0], scores.beginning[0], held >= threshold
        # Metrics of one incident seldom begin in the same sample: what they hold is the event.
        return server_scores(scores.level), held, held >= SERVER_SHARE * threshold


def _keep_votes(
    told: RowScores, votes: Mapping[str, Scores], own: slice, rows: slice, place: Ints
) -> None:
    """Note what each detector said of one file's series `own` in the rows at `place`."""
    for kind, vote in votes.items():
        opinions = {kind: vote.score}
        if vote.level is not vote.score:
            opinions[kind + LEVEL] = vote.level
        if vote.onset is not None:
            opinions[kind + ONSET] = vote.onset
        for name, said in opinions.items():
            if name not in told.votes:
                shape = (own.stop - own.start, len(told.score))
                told.votes[name] = np.full(shape, np.nan, dtype=np.float32)
            told.votes[name][:, rows] = said[own][:, place]


def _batches(group: Sequence[_Member], width: int) -> Iterator[SeriesBatch]:
    """Yield the columns of all files on one grid, `width` at a time."""
    keys = tuple(
        msgspec.json.encode({"file": str(number), "metric": name})
        for number, member in enumerate(group)
        for name in member.file.metrics
    )
    grid = max((member.timeline for member in group), key=lambda timeline: timeline.columns)
    for start in range(0, grid.columns, width):
        stop = min(start + width, grid.columns)
        blocks = [_block(member, start, stop) for member in group]
        yield SeriesBatch(keys, grid.times(start, stop), np.concatenate(blocks), grid.step)


def _block(member: _Member, start: int, stop: int) -> Floats:
    """Return the values of one file in the columns [start, stop): float64 [S, stop - start]."""
    rows = _rows(member.timeline, start, stop)
    judged = rows.start + np.flatnonzero(member.timeline.is_judged[rows])
    values = np.full((len(member.file.metrics), stop - start), np.nan)
    values[:, member.timeline.column[judged] - start] = member.file.values[:, judged]
    return values


def _rows(timeline: Timeline, start: int, stop: int) -> slice:
    """Return which rows lie in the columns [start, stop)."""
    return slice(*np.searchsorted(timeline.column, (start, stop)).tolist())


def _column(timeline: Timeline, batch: SeriesBatch) -> int:
    return int(batch.times[0] - timeline.start) // timeline.step
