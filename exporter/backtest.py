"""What would have fired? History through the pipeline that production runs, and how good it was."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from exporter.conditions import NO_CONDITIONS, Conditions
from exporter.config import QueryConfig, milliseconds
from exporter.core.series import Floats
from exporter.core.source import Source
from exporter.explain import reason_of, shares_of
from exporter.latest import gauges
from exporter.masking import evaluate_under, in_one
from exporter.pipeline import Evaluation, cold_state
from exporter.plan import Plan
from exporter.planning import plan_of

DAY = 86_400.0
FETCH_TIMEOUT = 300.0
"""Seconds that a long history may take to arrive."""


@dataclass(frozen=True)
class Incident:
    """Something that is known to have been wrong, from `start` to `end` in unix seconds."""

    kind: str
    start: float
    end: float


@dataclass(frozen=True)
class Alarm:
    """A run of anomalous samples of one series.

    Parameters
    ----------
    query : its name
    labels : the series' label set
    start, end : unix seconds of the first and the last anomalous sample
    score : the highest
    reason : in words, of the sample with the highest score
    """

    query: str
    labels: dict[str, str]
    start: float
    end: float
    score: float
    reason: str


@dataclass(frozen=True)
class Finding:
    """What became of one incident: the alarms raised for it, the first one first."""

    incident: Incident
    alarms: tuple[Alarm, ...]


@dataclass(frozen=True)
class Report:
    """How good the alarms were.

    Parameters
    ----------
    findings : one per incident, in order of time
    alarms : all of them
    false_alarms : those that belong to no incident
    series : how many were judged
    days : how long they were judged, summed over all series
    """

    findings: tuple[Finding, ...]
    alarms: tuple[Alarm, ...]
    false_alarms: tuple[Alarm, ...]
    series: int
    days: float

    @property
    def false_alarms_per_series_and_day(self) -> float:
        """The rate; NaN when nothing was judged."""
        return len(self.false_alarms) / self.days if self.days else math.nan


@dataclass(frozen=True, eq=False)
class Replay:
    """One query's history as production would have scored it."""

    plan: Plan
    evaluation: Evaluation

    def gauges(self) -> dict[str, Floats]:
        """Return the history of every gauge, float64 [S, T]; NaN where there was no sample."""
        batch = self.evaluation.batch
        is_absent = np.isnan(batch.values)
        history = gauges(batch, self.evaluation.verdict)
        return {name: np.where(is_absent, np.nan, values) for name, values in history.items()}


def replay(
    query: QueryConfig,
    source: Source,
    start: float,
    end: float,
    conditions: Conditions = NO_CONDITIONS,
) -> Replay:
    """Score a resolved query from `start` to `end`, unix seconds, warmed up by its look-back.

    conditions : what holds for it all the time, besides how it is configured

    Raises
    ------
    QueryError
        The query has no answer.
    """
    step = milliseconds(query.step)
    first = (milliseconds(start) - milliseconds(query.lookback)) // step * step
    batch = source.fetch(query.expr, first, milliseconds(end) // step * step, step, FETCH_TIMEOUT)
    plan = conditions.weighed(plan_of(query))
    done = [told for _, told in evaluate_under(plan, cold_state(plan), batch, conditions)]
    return Replay(plan, in_one(done))


def alarms_of(done: Replay, start: float, merge: float) -> list[Alarm]:
    """Return the alarms from `start` (unix seconds) on.

    merge : anomalous samples at most this many seconds apart are one alarm
    """
    batch, verdict = done.evaluation.batch, done.evaluation.verdict
    times = batch.times / 1000
    score = verdict.scores.score
    is_anomaly = verdict.is_anomaly & (times >= start)
    alarms = []
    for row in np.flatnonzero(is_anomaly.any(1)).tolist():
        columns = np.flatnonzero(is_anomaly[row])
        breaks = np.flatnonzero(np.diff(times[columns]) > merge) + 1
        labels = msgspec.json.decode(batch.keys[row], type=dict[str, str])
        for run in np.split(columns, breaks):
            alarms.append(
                Alarm(
                    query=done.plan.query,
                    labels=labels,
                    start=float(times[run[0]]),
                    end=float(times[run[-1]]),
                    score=float(score[row, run].max()),
                    reason=_why(done, row, int(run[np.argmax(score[row, run])])),
                )
            )
    return alarms


def _why(done: Replay, row: int, column: int) -> str:
    """Return in one line why a sample is anomalous."""
    scores = done.evaluation.verdict.scores
    votes = [[vote.score[row, column]] for vote in done.evaluation.votes.values()]
    (shares,) = shares_of(done.plan, np.array(votes))
    return reason_of(
        float(done.evaluation.batch.values[row, column]),
        float(scores.lower[row, column]),
        float(scores.upper[row, column]),
        float(scores.sigmas[row, column]),
        shares=shares,
        plan=done.plan,
    )


def judged_days(evaluation: Evaluation, start: float) -> float:
    """Return for how many days samples were judged from `start` on, summed over the series."""
    counts = evaluation.batch.times >= start * 1000
    judged = int((~np.isnan(evaluation.batch.values) & counts).sum())
    return judged * evaluation.batch.step / 1000 / DAY


def compare(
    alarms: Sequence[Alarm],
    incidents: Sequence[Incident],
    settle: float,
    series: int,
    days: float,
) -> Report:
    """Match alarms with incidents.

    An alarm belongs to an incident when both overlap in time.

    settle : seconds after an incident's end in which what it left behind may still be anomalous
    """
    ordered = sorted(alarms, key=lambda alarm: (alarm.start, alarm.query))

    def belongs(alarm: Alarm, incident: Incident) -> bool:
        return alarm.end >= incident.start and alarm.start <= incident.end + settle

    return Report(
        findings=tuple(
            Finding(incident, tuple(alarm for alarm in ordered if belongs(alarm, incident)))
            for incident in sorted(incidents, key=lambda incident: incident.start)
        ),
        alarms=tuple(ordered),
        false_alarms=tuple(
            alarm
            for alarm in ordered
            if not any(belongs(alarm, incident) for incident in incidents)
        ),
        series=series,
        days=days,
    )
