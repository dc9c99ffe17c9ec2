"""How does one query alert, day by day, while people judge what it says?

What follows from verdicts is decided by the very functions that the webhook decides by. Its store,
its clock and its questions to Prometheus are left out: they are tested elsewhere.
"""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np

from benchmarks.learning.incidents import Incident, Told, runs
from benchmarks.learning.people import People
from benchmarks.learning.world import Query
from exporter.core.scores import Scores, blank_scores
from exporter.core.series import Floats
from exporter.ensemble import combine
from exporter.plan import Plan
from webhook.core.thresholds import (
    DAY,
    HIGHEST,
    LOWEST,
    REPLAY_SECONDS,
    UP,
    WINDOWS,
    Rated,
    Replay,
    Tally,
    bounded,
    is_safe,
    rate_of,
    taken_down,
)
from webhook.core.weights import (
    BATCH,
    EVIDENCE_SECONDS,
    Alarm,
    Ensemble,
    Opinion,
    evidence_of,
    moved,
    replay_of,
)

Columns: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.int64]]"

# Samples without an alarm that do not end an incident: about as long as the rules hold one.
BRIDGED = 2
# An alarm this many samples from what was wrong is about it.
NEAR = 3
WEEK = 7


class Loop:
    """A query in production, with people who judge it or without.

    Parameters
    ----------
    query : what happens
    plan : who votes, with which weights, combined how, and from which score on it alerts
    people : None for nobody
    first_day : from which on it alerts
    """

    def __init__(self, query: Query, plan: Plan, people: People | None, first_day: int) -> None:
        self._query = query
        self._people = people
        self._first_day = first_day
        self._step = float(np.median(np.diff(query.times)))
        self._ratio = 1.0
        self._ratios = [1.0] * len(query.series)
        self._plan = plan
        self._threshold = plan.policy.threshold
        self._weights: dict[str, float] = {}
        weights = {detector.name: detector.weight for detector in plan.detectors}
        self._ensemble = Ensemble(plan.combination.kind, plan.combination.quorum, weights)
        self._incidents: list[Incident] = []
        self._score: Floats = np.zeros((0, 0))
        self._spent: set[int] = set()
        self._changed_at = 0.0
        self._weighed: set[int] = set()
        days = int(np.ceil((query.times[-1] - query.times[0] + self._step) / DAY))
        self.told = Told(np.zeros(days))

    def run(self) -> Told:
        """Let all days pass."""
        times = self._query.times
        day_of = ((times - times[0]) // DAY).astype(int)
        for day in range(self._first_day, len(self.told.false_alarms)):
            columns = np.flatnonzero(day_of == day)
            news = self._alarms(columns)
            for each in news:
                if each.is_real:
                    self.told.found.update(self._real(each))
                else:
                    self.told.false_alarms[day] += 1
            if self._people is not None:
                for each in news:
                    each.said = self._people.verdict(is_real=each.is_real)
                self._learn(day, float(times[columns[-1]]) + self._step)
                self._mark(day, columns, self._people)
        return self.told

    def _alarms(self, columns: Columns) -> list[Incident]:
        known = self._ensemble.weights
        votes = {kind: self._query.votes[kind][:, columns] for kind in known}
        weights = [weight * self._weights.get(kind, 1.0) for kind, weight in known.items()]
        scores = [_scores(each) for each in votes.values()]
        score = np.nan_to_num(combine(scores, weights, self._plan.combination).score)
        self._score = score
        ratio = np.clip(self._ratio * np.array(self._ratios), LOWEST, HIGHEST)
        thresholds = np.minimum(self._threshold * ratio, 1.0)
        found = []
        for row, first, last in runs(score >= thresholds[:, None]):
            a, b = int(columns[first]), int(columns[last])
            last_one = next((one for one in reversed(self._incidents) if one.row == row), None)
            if last_one is not None and a - last_one.last <= BRIDGED + 1:
                last_one.last = b
                continue
            near = slice(max(0, a - NEAR), b + NEAR + 1)
            part = slice(first, last + 1)
            incident = Incident(
                id=len(self._incidents) + 1,
                row=row,
                first=a,
                last=b,
                threshold=float(thresholds[row]),
                ratio=float(ratio[row]),
                weights=dict(self._weights),
                peak=float(score[row, part].max()),
                peaks={k: float(np.nan_to_num(v[row, part]).max()) for k, v in votes.items()},
                is_real=bool(self._query.is_real[row, near].any()),
            )
            self._incidents.append(incident)
            found.append(incident)
        return found

    def _real(self, incident: Incident) -> Iterator[tuple[int, int]]:
        """Yield what was wrong while or shortly before or after it alerted."""
        is_real = self._query.is_real[incident.row]
        for _, first, last in runs(is_real[None, :]):
            if first <= incident.last + NEAR and last >= incident.first - NEAR:
                yield incident.row, first

    def _learn(self, day: int, now: float) -> None:
        for row in range(len(self._query.series)):
            self._raise_series(day, row, now)
        if (day - self._first_day) % WEEK == WEEK - 1:
            self._weekly(day, now)
        judged = {each.id for each in self._incidents if each.said is not None}
        if len(judged - self._weighed) >= BATCH:
            self._weigh(day, now, judged)

    def _mark(self, day: int, columns: Columns, people: People) -> None:
        """Take back raises that hid what began today, where somebody says so."""
        for row, first, last in runs(self._query.is_real[:, columns]):
            is_found = (row, int(columns[first])) in self.told.found
            if is_found or people.random.random() >= people.marks:
                continue
            peak = float(self._score[row, max(0, first - NEAR) : last + NEAR + 1].max())
            before = self._ratios[row], self._ratio
            now = self._threshold * bounded(before[0] * before[1])
            after = taken_down(*before, peak, min(now, 1.0))
            if after != before:
                self._ratios[row], self._ratio = after
                name = self._query.series[row]
                self.told.changes.append(f"day {day}: {name} missed, x {after[0] * after[1]:.3g}")

    def _raise_series(self, day: int, row: int, now: float) -> None:
        mine = [each for each in self._incidents if each.row == row]
        tally = Tally(
            frozenset(each.id for each in mine if each.said is False),
            frozenset(each.id for each in mine if each.said),
            frozenset(self._spent),
        )
        if not tally.batch:
            return
        self._spent.update(tally.batch)
        after = bounded(self._ratios[row] * UP)
        if after != self._ratios[row] and self._is_safe(mine, UP, now):
            self._ratios[row] = after
            self.told.changes.append(f"day {day}: {self._query.series[row]} x {after:g}")

    def _weekly(self, day: int, now: float) -> None:
        rated = [
            Rated(each.id, self._at(each), not each.said)
            for each in self._incidents
            if each.said is not None and self._at(each) >= now - WINDOWS[-1]
        ]
        rate = rate_of(rated, now, self._changed_at, "UTC")
        if rate is None or rate.factor == 1.0:
            return
        after = bounded(self._ratio * rate.factor)
        if after == self._ratio:
            return
        if rate.factor < 1.0 or self._is_safe(self._incidents, rate.factor, now):
            self._ratio, self._changed_at = after, now
            self.told.changes.append(f"day {day}: query {self._query.name} x {after:g}")

    def _weigh(self, day: int, now: float, judged: set[int]) -> None:
        self._weighed = judged
        opinions = [
            Opinion(self._at(each), each.said, each.peaks, each.threshold)
            for each in self._incidents
            if each.said is not None and self._at(each) >= now - EVIDENCE_SECONDS
        ]
        evidence = evidence_of(opinions, self._ensemble.weights.keys())
        after = moved(self._weights, evidence.precisions(), self._ensemble.weights)
        alarms = [
            Alarm(
                each.id,
                bool(each.said),
                each.peak,
                each.threshold,
                each.peaks,
                each.weights,
                self._now(each) / each.ratio,
            )
            for each in self._lately(self._incidents, now)
        ]
        replay = replay_of(alarms, self._ensemble, self._weights, {**self._weights, **after})
        if after and is_safe(replay, 0)[0]:
            self._weights.update(after)
            moves = " ".join(f"{kind} x {ratio:.3g}" for kind, ratio in after.items())
            self.told.changes.append(f"day {day}: query {self._query.name} {moves}")

    def _is_safe(self, incidents: list[Incident], factor: float, now: float) -> bool:
        """Replay a higher threshold over the alarms of the last 14 days."""
        recent = self._lately(incidents, now)
        gone = [
            each
            for each in recent
            if each.peak < min(self._threshold * bounded(self._now(each) * factor), 1.0)
        ]
        lost = tuple(each.id for each in gone if each.said)
        return is_safe(Replay(len(recent), tuple(each.id for each in gone), lost), 0)[0]

    def _lately(self, incidents: list[Incident], now: float) -> list[Incident]:
        return [each for each in incidents if self._at(each) >= now - REPLAY_SECONDS]

    def _at(self, incident: Incident) -> float:
        return float(self._query.times[incident.first])

    def _now(self, incident: Incident) -> float:
        """Return the ratio that is in force for the series of an incident."""
        return float(np.clip(self._ratio * self._ratios[incident.row], LOWEST, HIGHEST))


def _scores(vote: Floats) -> Scores:
    blank = blank_scores(*vote.shape)
    return Scores(
        score=vote,
        expected=blank.expected,
        lower=blank.lower,
        upper=blank.upper,
        sigmas=blank.sigmas,
        level=vote,
    )
