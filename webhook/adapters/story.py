"""What is kept of one incident?"""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Row, select

from webhook.adapters.schema import (
    attempts,
    events,
    feedback,
    incident_groups,
    incidents,
    notifications,
    patterns,
)
from webhook.core.incidents import Change
from webhook.core.timeline import Grouped, Sending, Silenced, Story, Told, Try, Verdict

# Of an incident that lasts for weeks the newest, and its beginning.
_EVENTS = 2_000


def story_of(connection: Connection, incident_id: int) -> tuple[Row[Any], Story] | None:
    """Return an incident and all that happened to it; None when it does not exist."""
    incident = connection.execute(
        select(incidents).where(incidents.c.id == incident_id)
    ).one_or_none()
    if incident is None:
        return None
    story = Story(
        incident_id,
        _told(connection, incident_id),
        _sendings(connection, incident_id),
        _grouped(connection, incident),
        _verdicts(connection, incident_id),
        incident.trace_id,
        _silenced(connection, incident),
    )
    return incident, story


def _told(connection: Connection, incident_id: int) -> list[Told]:
    mine = select(events).where(events.c.incident_id == incident_id)
    newest = connection.execute(mine.order_by(events.c.id.desc()).limit(_EVENTS)).all()
    first = connection.execute(mine.order_by(events.c.id).limit(1)).all()
    rows = {row.id: row for row in (*first, *newest)}
    return [
        Told(
            row.received_at,
            row.status,
            Change(row.change),
            row.source,
            row.receiver,
            row.cause,
            row.trace_id,
        )
        for row in rows.values()
    ]


def _sendings(connection: Connection, incident_id: int) -> list[Sending]:
    digest = notifications.alias("digest")
    rows = connection.execute(
        select(notifications, digest.c.created_at.label("digest_at"))
        .outerjoin(digest, digest.c.id == notifications.c.digest_id)
        .where(notifications.c.incident_id == incident_id)
        .order_by(notifications.c.id)
    ).all()
    tries: dict[int, list[Try]] = defaultdict(list)
    for row in connection.execute(
        select(attempts)
        .where(attempts.c.notification_id.in_([row.id for row in rows]))
        .order_by(attempts.c.id)
    ):
        tries[row.notification_id].append(Try(row.at, row.seconds, row.is_sent, row.detail))
    return [
        Sending(
            channel=row.channel,
            kind=row.kind,
            state=row.state,
            created_at=row.created_at,
            admitted_at=row.admitted_at,
            held_reason=row.held_reason,
            held_until=row.held_until,
            digest=row.digest_id,
            digest_at=row.digest_at,
            finished_at=row.finished_at,
            detail=row.detail,
            tries=tries[row.id],
        )
        for row in rows
    ]


def _grouped(connection: Connection, incident: Row[Any]) -> Grouped | None:
    row = connection.execute(
        select(incident_groups).where(incident_groups.c.id == incident.group_id)
    ).one_or_none()
    return None if row is None else Grouped(incident.opened_at, row.id, row.why)


def _silenced(connection: Connection, incident: Row[Any]) -> Silenced | None:
    if incident.pattern_id is None:
        return None
    row = connection.execute(
        select(patterns.c.incidents, patterns.c.expires_at).where(
            patterns.c.id == incident.pattern_id
        )
    ).one_or_none()
    return Silenced(
        incident.opened_at,
        incident.pattern_id,
        () if row is None else row.incidents,
        None if row is None else row.expires_at,
        incident.pattern_left_at,
        incident.pattern_left,
    )


def _verdicts(connection: Connection, incident_id: int) -> list[Verdict]:
    rows = connection.execute(select(feedback).where(feedback.c.incident_id == incident_id))
    return [Verdict(row.changed_at, row.verdict, row.author, row.via, row.reason) for row in rows]
