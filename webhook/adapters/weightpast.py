"""What did people say of a query, and what did its detectors say? What weights are moved by."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, String, cast, func, or_, select, true

from webhook.adapters.schema import audit, feedback, incidents, missed, observations
from webhook.adapters.thresholds import Labels, audited, key_of, list_thresholds
from webhook.adapters.weights import audited_weights, ratios_of, weight_steps
from webhook.core.thresholds import (
    HIGHEST,
    LOWEST,
    REPLAY_SECONDS,
    Step,
    ratio_at,
)
from webhook.core.weights import EVIDENCE_SECONDS, Alarm, Opinion, Reason, needed

_RATED = ("confirmed", "false_alarm")
# So long it may take until somebody has looked at what a new incident's detectors say.
_OBSERVED_WITHIN = 900.0


@dataclass(frozen=True, slots=True)
class WeightPast:
    """All that a decision on a query's weights is made of.

    Parameters
    ----------
    opinions : of the last 90 days
    alarms : of the last 14
    ratios : in force
    new : incidents judged since the last change
    last : what made that change
    is_settled : whether what is known of the newest confirmed incidents is there yet
    """

    opinions: Sequence[Opinion]
    alarms: Sequence[Alarm]
    ratios: Mapping[str, float]
    new: int
    last: Reason | None
    is_settled: bool

    def is_due(self, *, is_weekly: bool) -> bool:
        """Tell whether there is enough that is new."""
        return self.is_settled and self.new >= needed(self.last, is_weekly=is_weekly)


def weight_past(
    connection: Connection, query: str, alertnames: Collection[str], now: float
) -> WeightPast:
    """Return what there is of a query; `now` in unix seconds."""
    rows = connection.execute(_incidents(query, alertnames, now)).all()
    changes = connection.execute(audited_weights(query)).all()
    since = changes[-1].at if changes else 0.0
    opinions = [_opinion(row) for row in rows if _is_opinion(row)]
    new = sum(each.at > since for each in opinions)
    opinions += [_mark(row) for row in connection.execute(_marks(query, now))]
    ratios = ratios_of(connection, query)
    recent = [row for row in rows if row.opened_at >= now - REPLAY_SECONDS]
    return WeightPast(
        opinions=opinions,
        alarms=_alarms(connection, query, recent, changes, ratios),
        ratios=ratios,
        new=new,
        last=changes[-1].after["reason"] if changes else None,
        is_settled=all(
            row.threshold is not None
            for row in recent
            if row.verdict == "confirmed" and row.opened_at > now - _OBSERVED_WITHIN
        ),
    )


def _incidents(query: str, alertnames: Collection[str], now: float) -> Any:
    table, seen = incidents.c, observations.c
    return (
        select(
            table.id, table.opened_at, feedback.c.verdict, feedback.c.changed_at,
            seen.peak_score, seen.threshold, seen.detectors, seen.series,
        )
        .outerjoin(observations, seen.incident_id == table.id)
        .outerjoin(feedback, feedback.c.incident_id == table.id)
        .where(
            table.query == query,
            table.alertname.in_(alertnames),
            table.opened_at >= now - EVIDENCE_SECONDS,
            # Of what nobody judged only the replay has use; in a storm there are very many.
            or_(feedback.c.id.is_not(None), table.opened_at >= now - REPLAY_SECONDS),
        )
        .order_by(table.id)
    )  # fmt: skip


def _marks(query: str, now: float) -> Any:
    table = missed.c
    return select(missed).where(
        table.query == query,
        table.withdrawn_at.is_(None),
        table.starts_at >= now - EVIDENCE_SECONDS,
        table.threshold.is_not(None),
        table.detectors.is_not(None),
    )


def _is_opinion(row: Row[Any]) -> bool:
    return row.verdict in _RATED and row.threshold is not None and bool(row.detectors)


def _opinion(row: Row[Any]) -> Opinion:
    return Opinion(row.changed_at, row.verdict == "confirmed", row.detectors, row.threshold)


def _mark(row: Row[Any]) -> Opinion:
    return Opinion(row.created_at, True, row.detectors, row.threshold)


def _alarms(
    connection: Connection,
    query: str,
    rows: Sequence[Row[Any]],
    changes: Sequence[Row[Any]],
    ratios: Mapping[str, float],
) -> list[Alarm]:
    steps = weight_steps(changes)
    moves = _Moves(connection, query)
    return [
        Alarm(
            id=row.id,
            is_confirmed=row.verdict == "confirmed",
            peak=row.peak_score,
            threshold=row.threshold,
            peaks=row.detectors or {},
            ratios={
                name: ratio_at(steps.get(name, ()), ratio, row.opened_at)
                for name, ratio in ratios.items()
            },
            factor=moves.since(row.opened_at, row.series),
        )
        for row in rows
    ]


class _Moves:
    """How thresholds of a query were moved since an instant."""

    def __init__(self, connection: Connection, query: str) -> None:
        self._ratios = {
            row.labels_key: row.ratio for row in list_thresholds(connection) if row.query == query
        }
        self._steps: dict[str, list[Step]] = {}
        for row in connection.execute(audited(query)):
            if row.action != "threshold_proposed":
                step = Step(row.at, row.before["ratio"], row.after["ratio"])
                self._steps.setdefault(key_of(row.after["labels"]), []).append(step)

    def since(self, at: float, series: Labels | None) -> float:
        """Return by what the threshold of a series, of the query where none is given, is more."""
        keys = {key_of({}), key_of(series or {})}
        now = before = 1.0
        for key in keys:
            ratio = self._ratios.get(key, 1.0)
            now *= ratio
            before *= ratio_at(self._steps.get(key, ()), ratio, at)
        return _cut(now) / _cut(before)


def _cut(ratio: float) -> float:
    """Return a product of ratios as the exporter bounds it."""
    return min(max(ratio, LOWEST), HIGHEST)


def queries_to_weigh(
    connection: Connection,
    alertnames: Collection[str],
    now: float,
    least: int,
    query: str | None = None,
) -> list[str]:
    """Return the queries of which so many incidents at least were judged since the last change.

    Only those are counted of which it is known what detectors said.

    query : the only one to look at; None for all
    """
    table = incidents.c
    changed = (
        select(audit.c.subject, func.max(audit.c.at).label("at"))
        .where(audit.c.id.in_(audited_weights(None).with_only_columns(audit.c.id).order_by(None)))
        .group_by(audit.c.subject)
        .subquery()
    )
    statement = (
        select(table.query)
        .join(feedback, feedback.c.incident_id == table.id)
        .join(observations, observations.c.incident_id == table.id)
        .outerjoin(changed, changed.c.subject == table.query)
        .where(
            table.alertname.in_(alertnames),
            table.query != "",
            table.opened_at >= now - EVIDENCE_SECONDS,
            feedback.c.verdict.in_(_RATED),
            observations.c.threshold.is_not(None),
            cast(observations.c.detectors, String) != json.dumps({}),
            or_(changed.c.at.is_(None), feedback.c.changed_at > changed.c.at),
        )
        .where(table.query == query if query is not None else true())
        .group_by(table.query)
        .having(func.count() >= least)
        .order_by(table.query)
    )
    return list(connection.execute(statement).scalars())
