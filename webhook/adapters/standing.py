"""How does an incident stand beside others: those of now, those of before, those of one cause?"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, literal, select

from webhook.adapters.groups import cause_of
from webhook.adapters.schema import events, feedback, incidents
from webhook.core.digest import told_apart
from webhook.core.facts import Cause, History, Siblings

HISTORY_DAYS = 30
_DAY = 86_400.0
_NAMED = 5
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store knows of an incident beyond its alert.

    Parameters
    ----------
    alertmanager : the address that its sender gave of itself, "" where it gave none
    """

    siblings: Siblings
    history: History
    cause: Cause | None
    alertmanager: str


def standing_of(connection: Connection, incident: Row[Any], now: float) -> Standing:
    """Return how an incident stands; `now` in unix seconds."""
    return Standing(
        _siblings(connection, incident),
        _history(connection, incident, now),
        cause_of(connection, incident.id),
        _sender(connection, incident.id),
    )


def _siblings(connection: Connection, incident: Row[Any]) -> Siblings:
    table = incidents.c
    # The open ones are few and have an index; all that ever were, looked through, take far longer.
    # Itself too, which may have ended meanwhile.
    are_open = select(table.id).where(table.ends_at.is_(None)).union(select(literal(incident.id)))
    same = and_(
        table.id.in_(are_open),
        table.alertname == incident.alertname,
        table.query == incident.query,
    )
    count = connection.execute(select(func.count()).where(same)).scalar_one()
    rows = connection.execute(select(table.labels).where(same).order_by(table.id).limit(_LOOKED_AT))
    labels = [dict(each) for (each,) in rows]
    # What all of them have tells nobody apart.
    common = set(labels[0].items()).intersection(*(each.items() for each in labels[1:]))
    if len(labels) == 1:
        common = set()
    names = dict.fromkeys(told_apart(dict(each.items() - common)) for each in labels)
    return Siblings(count, None, tuple(name for name in names if name)[:_NAMED])


def _history(connection: Connection, incident: Row[Any], now: float) -> History:
    table = incidents.c
    earlier = and_(
        table.fingerprint == incident.fingerprint,
        table.id < incident.id,
        table.starts_at >= now - HISTORY_DAYS * _DAY,
    )
    count, last_at = connection.execute(
        select(func.count(), func.max(table.starts_at)).where(earlier)
    ).one()
    judged = connection.execute(
        select(feedback.c.verdict, feedback.c.author, table.starts_at)
        .join(incidents, table.id == feedback.c.incident_id)
        .where(table.fingerprint == incident.fingerprint, table.id < incident.id)
        .order_by(table.id.desc())
        .limit(1)
    ).one_or_none()
    if judged is None:
        return History(count, HISTORY_DAYS, last_at)
    return History(count, HISTORY_DAYS, last_at, judged.verdict, judged.starts_at, judged.author)


def _sender(connection: Connection, incident_id: int) -> str:
    sources = connection.execute(
        select(events.c.source)
        .where(events.c.incident_id == incident_id, events.c.source != "")
        .order_by(events.c.id.desc())
        .limit(1)
    )
    return str(sources.scalar() or "")
