"""How good are the alarms on a recording whose incidents are known, by moment and by incident?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.backtest import Incident, Replay, Report, alarms_of, compare, judged_days, replay
from exporter.config import QueryConfig
from exporter.core.series import Bools, Floats
from exporter.core.source import Source

SETTLE: Final = 120.0
"""Seconds after an incident in which what it left behind may still be anomalous."""

MERGE: Final = 60.0
"""Seconds: anomalous samples no further apart are one alarm."""


@dataclass(frozen=True)
class Points:
    """The moments of a recording, each counted once for all series of the host.

    A moment is anomalous when any series of the host is; the moments of `SETTLE` are left out.
    """

    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int

    @property
    def accuracy(self) -> float:
        """Share of moments that are told right."""
        total = self.true_positive + self.false_positive + self.true_negative + self.false_negative
        return (self.true_positive + self.true_negative) / total

    @property
    def false_positive_rate(self) -> float:
        """Share of quiet moments that are called anomalous."""
        return self.false_positive / (self.false_positive + self.true_negative)


@dataclass(frozen=True)
class Headline:
    """What one ensemble makes of the recording.

    Parameters
    ----------
    report : alarms and incidents
    alerting : the moments, told by what alerts
    level : the moments, told by how unusual they are
    """

    report: Report
    alerting: Points
    level: Points

    @property
    def found(self) -> int:
        """How many incidents have an alarm."""
        return sum(bool(finding.alarms) for finding in self.report.findings)

    @property
    def f1(self) -> float:
        """Of incidents found, incidents missed, and false alarms."""
        missed = len(self.report.findings) - self.found
        return 2 * self.found / (2 * self.found + missed + len(self.report.false_alarms))

    @property
    def delays(self) -> list[float]:
        """Return seconds from onset to first alarm, of the incidents that were found."""
        return [
            max(0.0, finding.alarms[0].start - finding.incident.start)
            for finding in self.report.findings
            if finding.alarms
        ]

    @property
    def median_delay(self) -> float:
        """Half of the incidents that were found are found sooner; NaN when none is."""
        return statistics.median(self.delays) if self.delays else np.nan


def measure(
    queries: Sequence[QueryConfig],
    source: Source,
    incidents: Sequence[Incident],
    start: float,
    end: float,
) -> Headline:
    """Score a recording from its `start` to its `end`, unix seconds, nothing known before.

    queries : resolved, all of one step
    """
    replays = [replay(query, source, start, end) for query in queries]
    alarms = [alarm for done in replays for alarm in alarms_of(done, start, MERGE)]
    series = sum(len(done.evaluation.batch.keys) for done in replays)
    days = sum(judged_days(done.evaluation, start) for done in replays)
    batch = replays[0].evaluation.batch
    times = batch.times / 1000
    counted = times >= start
    alerting = _any([done.evaluation.verdict.is_anomaly for done in replays])
    level = _any([_is_unusual(done) for done in replays])
    return Headline(
        compare(alarms, incidents, SETTLE, series, days),
        points(times[counted], alerting[counted], incidents),
        points(times[counted], level[counted], incidents),
    )


def points(times: Floats, is_anomalous: Bools, incidents: Sequence[Incident]) -> Points:
    """Compare the moments [T] with the incidents that were going on."""
    is_wrong = _within(times, [(one.start, one.end) for one in incidents])
    is_left_out = ~is_wrong & _within(times, [(one.end, one.end + SETTLE) for one in incidents])

    def count(select: Bools) -> int:
        return int((select & ~is_left_out).sum())

    return Points(
        true_positive=count(is_wrong & is_anomalous),
        false_positive=count(~is_wrong & is_anomalous),
        true_negative=count(~is_wrong & ~is_anomalous),
        false_negative=count(is_wrong & ~is_anomalous),
    )


def _within(times: Floats, spans: Sequence[tuple[float, float]]) -> Bools:
    told = np.zeros(len(times), dtype=np.bool_)
    for start, end in spans:
        told[(times >= start) & (times <= end)] = True
    return told


def _is_unusual(done: Replay) -> Bools:
    with np.errstate(invalid="ignore"):
        unusual: Bools = done.evaluation.verdict.scores.level >= done.plan.policy.threshold
    return unusual


def _any(flags: Sequence[Bools]) -> Bools:
    return np.asarray(np.concatenate(flags).any(0), dtype=np.bool_)
