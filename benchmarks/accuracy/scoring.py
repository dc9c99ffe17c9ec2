"""What would production have said of every row of a file?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from benchmarks.accuracy.entity import server_scores
from benchmarks.accuracy.files import SeriesFile
from benchmarks.accuracy.timeline import Timeline, lay_out
from exporter.config import Config, plan_of
from exporter.core.series import Bools, Floats, SeriesBatch
from exporter.pipeline import Plan, cold_state, evaluate

CELLS: Final = 65_536
"""Series times columns that are evaluated at a time: what bounds the memory."""

FOR_EVER: Final = 2**60
"""Milliseconds for which a pausing series is remembered.

How long depends on where evaluations end otherwise, and so on the size of the pieces.
"""


@dataclass(frozen=True, eq=False)
class RowScores:
    """What is told of R rows.

    Parameters
    ----------
    score : float64 [R], how unusual the row is; NaN where it has no sample
    event : float64 [R], the confidence that something worth an alert is happening
    alert : bool [R]
    failures : what detectors that could not tell said, each once
    """

    score: Floats
    event: Floats
    alert: Bools
    failures: tuple[str, ...]


def plan_for(config: Config, step: int) -> Plan:
    """Return the plan of a configuration's first query for series of another step.

    step : milliseconds
    """
    query = config.all_queries()[0].model_copy(
        update={"step": step / 1000, "lookback": None, "grace": None}
    )
    alone = config.model_copy(update={"queries": (query,), "presets": ()})
    return replace(plan_of(alone.all_queries()[0]), missing_for=FOR_EVER)


def score_file(config: Config, file: SeriesFile, cells: int = CELLS) -> RowScores:
    """Score every row by what came before it; several metrics are one server.

    cells : series times columns to evaluate at a time; does not change the result
    """
    timeline = lay_out(file.times)
    plan = plan_for(config, timeline.step)
    score, event = (np.full(len(file.times), np.nan) for _ in range(2))
    alert = np.zeros(len(file.times), dtype=np.bool_)
    failures: dict[str, None] = {}
    state = cold_state(plan)
    for rows, batch in _pieces(file, timeline, max(1, cells // len(file.metrics))):
        state, done = evaluate(plan, state, batch)
        failures.update((str(error), None) for error in done.failures)
        place = timeline.column[rows] - (batch.times[0] - timeline.start) // timeline.step
        verdict = done.verdict
        score[rows] = server_scores(verdict.scores.level)[place]
        event[rows] = server_scores(verdict.scores.score)[place]
        if len(file.metrics) == 1:
            alert[rows] = verdict.is_anomaly[0, place]
        else:
            alert[rows] = event[rows] >= plan.policy.threshold
    return RowScores(score, event, alert, tuple(failures))


def _pieces(
    file: SeriesFile, timeline: Timeline, width: int
) -> Iterator[tuple[slice, SeriesBatch]]:
    """Yield the rows and the columns of one evaluation after the other."""
    keys = tuple(msgspec.json.encode({"metric": name}) for name in file.metrics)
    for start in range(0, timeline.columns, width):
        stop = min(start + width, timeline.columns)
        first, last = np.searchsorted(timeline.column, (start, stop)).tolist()
        values = np.full((len(keys), stop - start), np.nan)
        judged = first + np.flatnonzero(timeline.is_judged[first:last])
        values[:, timeline.column[judged] - start] = file.values[:, judged]
        batch = SeriesBatch(keys, timeline.times(start, stop), values, timeline.step)
        yield slice(first, last), batch
