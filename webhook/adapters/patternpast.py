"""What did people say of a series that could make a harmless pattern?"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, select

from webhook.adapters.schema import feedback, incidents, observations, patterns
from webhook.adapters.silencing import is_active
from webhook.adapters.thresholds import Labels, key_of
from webhook.adapters.verdictpast import series_of
from webhook.core.observation import Observation, complete_from
from webhook.core.patterns import (
    FEWEST,
    HARMLESS,
    HOUR_MINUTES,
    Candidate,
    Silencing,
    is_whole,
    minute_of,
    minutes_apart,
    shape_of,
)

Place = tuple[str, str]
"""A query and `key_of` the labels of one of its series."""

Alarm: TypeAlias = Row[*tuple[Any, ...]]
"""An incident with the verdict on it."""

# What is known of an incident, read when it is asked for.
Known: TypeAlias = Callable[[int], Observation | None]

_DAY = 86_400.0
VERDICT_SECONDS = 30 * _DAY
_FEWEST_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """By what patterns are made.

    Parameters
    ----------
    zone : whose clock says what time of day it is
    expire : seconds that a pattern lasts
    """

    silencing: Silencing
    zone: str
    expire: float


def ripe(connection: Connection, terms: Terms, now: float) -> dict[Place, frozenset[int]]:
    """Return the series with enough harmless incidents that are known and not used up."""
    own = incidents.c
    statement = (
        select(own.id, own.query, own.labels, own.opened_at, own.closed_at)
        .add_columns(observations.c.observed_at)
        .join(feedback, feedback.c.incident_id == own.id)
        .join(observations, observations.c.incident_id == own.id)
        .where(
            feedback.c.verdict.in_(HARMLESS),
            own.opened_at >= now - VERDICT_SECONDS,
            own.ends_at.is_not(None),
            own.alertname.in_(terms.silencing.alertnames),
            own.query != "",
            observations.c.began_at.is_not(None),
        )
    )
    found: defaultdict[Place, set[int]] = defaultdict(set)
    for row in connection.execute(statement):
        if row.observed_at >= complete_from(row.opened_at, row.closed_at):
            found[row.query, key_of(series_in(row.labels, terms))].add(row.id)
    for place, used in _used_up(connection).items():
        found[place] -= used
    return {place: frozenset(ids) for place, ids in found.items() if len(ids) >= FEWEST}


def _used_up(connection: Connection) -> Mapping[Place, set[int]]:
    used: defaultdict[Place, set[int]] = defaultdict(set)
    table = patterns.c
    for row in connection.execute(select(table.query, table.labels_key, table.incidents)):
        used[row.query, row.labels_key].update(row.incidents)
    return used


def series_in(labels: Labels, terms: Terms) -> dict[str, str]:
    """Return which series an alert is about."""
    return series_of(labels, terms.silencing.external_labels)


def alarms(connection: Connection, place: Place, terms: Terms, since: float) -> Sequence[Alarm]:
    """Return a series' incidents with the verdicts on them, the newest first."""
    own = incidents.c
    statement = (
        select(
            own.id, own.labels, own.level, own.starts_at, own.opened_at, own.ends_at,
            feedback.c.verdict,
        )
        .outerjoin(feedback, feedback.c.incident_id == own.id)
        .where(own.query == place[0], own.alertname.in_(terms.silencing.alertnames))
        .where(own.opened_at >= since)
        .order_by(own.id.desc())
    )  # fmt: skip
    rows = connection.execute(statement).all()
    return [row for row in rows if key_of(series_in(row.labels, terms)) == place[1]]


def candidates(
    connection: Connection,
    place: Place,
    rows: Sequence[Alarm],
    known: Known,
    terms: Terms,
    now: float,
) -> list[Candidate]:
    """Return the harmless incidents that no pattern was made of, the newest first."""
    used = _used_up(connection).get(place, set())
    table = patterns.c
    of_series = (is_active(now), table.query == place[0], table.labels_key == place[1])
    taken = list(connection.execute(select(table.minute).where(*of_series)).scalars())
    found: list[Candidate] = []
    for row in rows:
        if row.verdict not in HARMLESS or row.opened_at < now - VERDICT_SECONDS:
            continue
        if row.ends_at is None or row.id in used:
            continue
        seen = known(row.id)
        if seen is None or not seen.is_complete:
            continue
        minute = minute_of(row.starts_at, terms.zone)
        if any(minutes_apart(minute, other) <= HOUR_MINUTES for other in taken):
            continue
        shape = shape_of(seen, row.ends_at)
        if shape is not None and len(shape.values) >= _FEWEST_SAMPLES and is_whole(shape.values):
            found.append(Candidate(row.id, minute, shape))
    return found
