"""What did people say of each query's alerts in 90 days? Everything that quality is measured by."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from webhook.adapters.schema import feedback, incidents, missed, observations
from webhook.core.quality import DAY, WINDOWS, Case, Said

_SAID: Mapping[str, Said] = {"confirmed": "confirmed", "false_alarm": "false_alarm"}


@dataclass(frozen=True, slots=True)
class QueryPast:
    """What is known of one query.

    Parameters
    ----------
    cases : judged incidents, and marks that were not taken back
    unjudged : window -> incidents without a verdict
    first_at : when its first incident opened or its first mark starts, unix seconds
    """

    cases: Sequence[Case]
    unjudged: Mapping[str, int]
    first_at: float


def pasts(connection: Connection, alertnames: Collection[str], now: float) -> dict[str, QueryPast]:
    """Return the past of every query with an incident or a mark in 90 days.

    Parameters
    ----------
    alertnames : of the alerts that scores cause
    now : unix seconds
    """
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    since = now - max(WINDOWS.values()) * DAY
    first = _first(connection, alertnames)
    for query, one in _judged(connection, alertnames, since):
        cases[query].append(one)
    for query, one in _marked(connection, since):
        cases[query].append(one)
        first[query] = min(one.at, first.get(query, one.at))
    unjudged = _unjudged(connection, alertnames, now)
    return {
        query: QueryPast(
            cases.get(query, []),
            unjudged.get(query, dict.fromkeys(WINDOWS, 0)),
            first[query],
        )
        for query in sorted(cases.keys() | unjudged.keys())
    }


def _first(connection: Connection, alertnames: Collection[str]) -> dict[str, float]:
    of = incidents.c
    statement = select(of.query, func.min(of.opened_at)).where(of.alertname.in_(alertnames))
    return {query: at for query, at in connection.execute(statement.group_by(of.query))}


def _judged(
    connection: Connection, alertnames: Collection[str], since: float
) -> list[tuple[str, Case]]:
    of, seen = incidents.c, observations.c
    statement = (
        select(
            of.query, of.opened_at, feedback.c.verdict,
            seen.began_at, seen.peak_score, seen.threshold, seen.detectors,
        )
        .join(feedback, feedback.c.incident_id == of.id)
        .outerjoin(observations, seen.incident_id == of.id)
        .where(of.alertname.in_(alertnames), of.query != "", of.opened_at >= since)
    )  # fmt: skip
    return [
        (
            row.query,
            Case(
                row.opened_at,
                _SAID.get(row.verdict, "neither"),
                row.began_at,
                row.peak_score,
                row.threshold,
                row.detectors or {},
            ),
        )
        for row in connection.execute(statement)
    ]


def _marked(connection: Connection, since: float) -> list[tuple[str, Case]]:
    statement = select(missed).where(missed.c.withdrawn_at.is_(None), missed.c.starts_at >= since)
    return [
        (
            row.query,
            Case(row.starts_at, "missed", None, row.peak_score, row.threshold, row.detectors or {}),
        )
        for row in connection.execute(statement)
    ]


def _unjudged(
    connection: Connection, alertnames: Collection[str], now: float
) -> dict[str, dict[str, int]]:
    of = incidents.c
    counted = [
        func.sum(case((of.opened_at >= now - days * DAY, 1), else_=0)).label(window)
        for window, days in WINDOWS.items()
    ]
    since = now - max(WINDOWS.values()) * DAY
    statement = (
        select(of.query, *counted)
        .outerjoin(feedback, feedback.c.incident_id == of.id)
        .where(of.alertname.in_(alertnames), of.query != "", of.opened_at >= since)
        .where(feedback.c.id.is_(None))
        .group_by(of.query)
    )
    return {
        query: dict(zip(WINDOWS, map(int, counts), strict=True))
        for query, *counts in connection.execute(statement)
    }
