"""What have people said of past alarms, and what does a model say of those times?

A verdict is a pair of gauges, the start and the end of an incident. It concerns every series of its
query that differs from it in no label that both have: an alert may name fewer than a series has,
and a gauge has labels of its own scrape.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from exporter.core.series import Bools, Ints, Keys, SeriesBatch
from exporter.judge import Reason
from exporter.lifecycle.quality import Quality
from exporter.pipeline import Evaluation

START: Final = "anomaly_verdict_start_timestamp_seconds"
END: Final = "anomaly_verdict_end_timestamp_seconds"

REAL: Final = frozenset({"confirmed", "missed"})
"""Verdicts by which something was wrong."""

FALSE: Final = "false_alarm"

BEFORE: Final = 900_000
"""Milliseconds before an incident that belong to it: an alert begins once a score has lasted."""

AFTER: Final = 300_000
"""Milliseconds after it that do."""

_OWN: Final = frozenset({"__name__", "query", "verdict", "incident"})
_MOVED: Final = "exported_"


@dataclass(frozen=True, kw_only=True)
class Incident:
    """What people have said of one incident.

    Parameters
    ----------
    name : its identity
    verdict : confirmed, false_alarm, expected_change, maintenance or missed
    start, end : unix milliseconds
    labels : of what was alerted
    """

    name: str
    verdict: str
    start: int
    end: int
    labels: Mapping[str, str]


def question(gauge: str, query: str) -> str:
    """Return the PromQL for one of the two gauges of a query."""
    name = query.replace("\\", "\\\\").replace('"', '\\"')
    return f'last_over_time({gauge}{{query="{name}"}}[1d])'


def incidents_of(starts: SeriesBatch, ends: SeriesBatch, now: int) -> tuple[Incident, ...]:
    """Return the incidents that have both a start and a verdict, in the order of time.

    Parameters
    ----------
    starts, ends : the newest column of either gauge
    now : unix milliseconds; the end of an incident that has none
    """
    ended = {(one.name, one.verdict): one.start for one in _read(ends)}
    found = [
        replace(one, end=ended.get((one.name, one.verdict), now))
        for one in _read(starts)
        if one.name and one.verdict
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.name)))


def _read(batch: SeriesBatch) -> Iterable[Incident]:
    for row, key in enumerate(batch.keys):
        if not np.isfinite(batch.values[row, -1]):
            continue
        labels = msgspec.json.decode(key, type=dict[str, str])
        instant = round(float(batch.values[row, -1]) * 1000)
        yield Incident(
            name=labels.get("incident", ""),
            verdict=labels.get("verdict", ""),
            start=instant,
            end=instant,
            labels={name: value for name, value in labels.items() if name not in _OWN},
        )


def concerns(incident: Incident, labels: Mapping[str, str]) -> bool:
    """Say whether a series with these labels is one that an incident is about."""
    for name, value in incident.labels.items():
        own = labels.get(name)
        if own is None and name.startswith(_MOVED):
            own = labels.get(name.removeprefix(_MOVED))
        if own is not None and own != value:
            return False
    return True


class Watch:
    """Notes what a model says during past incidents, piece by piece.

    Parameters
    ----------
    incidents : of the query

    Attributes
    ----------
    raised : name -> whether there was an anomaly, of the incidents that it could judge
    """

    def __init__(self, incidents: Sequence[Incident]) -> None:
        self.raised: dict[str, bool] = {}
        self._incidents = incidents
        self._keys: Keys = ()
        self._rows: dict[str, Ints] = {}

    def add(self, evaluation: Evaluation) -> Bools | None:
        """Note one piece; return where an anomaly is no false alarm, bool [S, T], or None."""
        batch, verdict = evaluation.batch, evaluation.verdict
        if batch.keys is not self._keys:
            self._keys, self._rows = batch.keys, {}
        excused: Bools | None = None
        for incident in self._incidents:
            start, end = incident.start - BEFORE, incident.end + AFTER
            if end < batch.times[0] or start > batch.times[-1]:
                continue
            columns = np.flatnonzero((batch.times >= start) & (batch.times <= end))
            where = np.ix_(self._rows_of(incident), columns)
            is_judged = verdict.reason[where] != Reason.WARMING_UP
            if (is_judged & (verdict.reason[where] != Reason.NO_SAMPLE)).any():
                was = self.raised.get(incident.name, False)
                self.raised[incident.name] = was or bool(verdict.is_anomaly[where].any())
            if incident.verdict != FALSE:
                if excused is None:
                    excused = np.zeros(batch.values.shape, dtype=np.bool_)
                excused[where] = True
        return excused

    def _rows_of(self, incident: Incident) -> Ints:
        rows = self._rows.get(incident.name)
        if rows is None:
            decode = msgspec.json.Decoder(dict[str, str]).decode
            found = [row for row, key in enumerate(self._keys) if concerns(incident, decode(key))]
            rows = self._rows[incident.name] = np.array(found, dtype=np.int64)
        return rows


def with_feedback(
    challenger: Quality,
    champion: Quality,
    incidents: Sequence[Incident],
    challenged: Mapping[str, bool],
    known: Mapping[str, bool],
) -> tuple[Quality, Quality]:
    """Return both qualities with what they did in the incidents that the challenger could judge.

    An incident from before the tail is one that the champion is known to have alarmed in, or
    missed, by its verdict.

    Parameters
    ----------
    challenged, known : what `Watch` noted of challenger and champion
    """
    told = [one for one in incidents if one.name in challenged]
    real = [one for one in told if one.verdict in REAL]
    false = [one for one in told if one.verdict == FALSE]

    def was_raised(one: Incident) -> bool:
        return known.get(one.name, one.verdict != "missed")

    counts = {"incidents": len(real), "false_alarms": len(false)}
    return (
        replace(
            challenger,
            **counts,
            incidents_caught=sum(challenged[one.name] for one in real),
            false_alarms_repeated=sum(challenged[one.name] for one in false),
        ),
        replace(
            champion,
            **counts,
            incidents_caught=sum(map(was_raised, real)),
            false_alarms_repeated=sum(map(was_raised, false)),
        ),
    )
