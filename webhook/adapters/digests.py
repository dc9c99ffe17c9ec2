"""How do held notifications become digests, one for each channel?"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from webhook.adapters.schema import incidents, notifications
from webhook.core.digest import ROWS, HeldGroup, make_digest, told_apart
from webhook.core.quiet import quiet_until
from webhook.core.severity import LEVELS
from webhook.core.throttle import Rules

# Rows of one statement: PostgreSQL bounds how long one may take.
_CHUNK = 10_000

# What follows a harmless pattern waits for no digest: it is let through, or over.
_waits = and_(notifications.c.state == "held", notifications.c.held_reason != "harmless_pattern")
_rank = case({level: i for i, level in enumerate(LEVELS)}, value=incidents.c.level)
_open = func.sum(case((incidents.c.ends_at.is_(None), 1), else_=0))


def digest_url(external_url: str, digest_id: int) -> str:
    """Return the address of the page that lists everything that a digest names."""
    return f"{external_url}/digests/{digest_id}"


def due_at(connection: Connection) -> float | None:
    """Return when the first of what is held is to be named, unix seconds; None without any."""
    return connection.execute(select(func.min(notifications.c.held_until)).where(_waits)).scalar()


def keep_quiet(connection: Connection, rules: Rules, now: float) -> None:
    """Hold what is held until its level may be heard, and no longer, by the rules of now."""
    for level in LEVELS:
        until = quiet_until(rules.quiet, level, now)
        is_of_level = (
            select(incidents.c.id)
            .where(incidents.c.id == notifications.c.incident_id, incidents.c.level == level)
            .exists()
        )
        held = (_waits, is_of_level)
        if until is None:
            connection.execute(
                update(notifications)
                .where(*held, notifications.c.held_reason == "quiet_hours")
                .where(notifications.c.held_until > now)
                .values(held_until=now)
            )
        else:
            connection.execute(
                update(notifications)
                .where(*held, notifications.c.held_until < until)
                .values(held_until=until, held_reason="quiet_hours")
            )


def make_digests(connection: Connection, rules: Rules, external_url: str, now: float) -> int:
    """Put a digest for each channel into the outbox that names what is due; return how many."""
    if (at := due_at(connection)) is None or at > now:
        return 0
    # What would be due before the next digest could follow is named now; the quiet stay quiet.
    taken = and_(
        _waits,
        or_(
            notifications.c.held_until <= now,
            and_(
                notifications.c.held_reason != "quiet_hours",
                notifications.c.held_until <= now + rules.digest,
            ),
        ),
    )
    channels = connection.execute(select(notifications.c.channel).where(taken).distinct())
    names = sorted(channels.scalars())
    for channel in names:
        _make_one(connection, channel, taken, rules, external_url, now)
    return len(names)


def end_digests(
    connection: Connection, digest_ids: Collection[int], rules: Rules, now: float
) -> int:
    """Tell channels that keep a digest open that all of it is over; return how many digests are.

    Parameters
    ----------
    digest_ids : of which something ended
    """
    named, digest = notifications.alias("named"), notifications
    still_fires = (
        select(named.c.id)
        .join(incidents, incidents.c.id == named.c.incident_id)
        .where(named.c.digest_id == digest.c.id, incidents.c.ends_at.is_(None))
        .exists()
    )
    over = connection.execute(
        select(digest).where(
            digest.c.id.in_(digest_ids),
            digest.c.channel.in_(rules.ending),
            digest.c.state == "sent",
            ~still_fires,
        )
    ).all()
    # One of which nothing fired when it was made is over from the beginning.
    ends = [
        _pending(row.channel, now) | {"content": row.content | {"still_open": 0, "ends": row.id}}
        for row in over
        if row.content["still_open"]
    ]
    if ends:
        connection.execute(insert(notifications), ends)
    return len(ends)


def find_digest(connection: Connection, digest_id: int) -> Row[*tuple[Any, ...]] | None:
    """Return the notification of a digest; None when there is none of that number."""
    return connection.execute(
        select(notifications).where(
            notifications.c.id == digest_id, notifications.c.kind == "digest"
        )
    ).one_or_none()


def _make_one(
    connection: Connection,
    channel: str,
    taken: ColumnElement[bool],
    rules: Rules,
    external_url: str,
    now: float,
) -> None:
    mine = and_(taken, notifications.c.channel == channel)
    held = (
        select(incidents.c.level, func.count().label("number"), _open.label("still_open"))
        .add_columns(func.min(notifications.c.created_at).label("since"))
        .join(notifications, notifications.c.incident_id == incidents.c.id)
        .where(mine)
    )
    totals = connection.execute(held.group_by(incidents.c.level)).all()
    digest = make_digest(
        groups=_groups(connection, held),
        by_level={row.level: row.number for row in totals},
        still_open=sum(row.still_open for row in totals),
        since=min(row.since for row in totals),
        until=now,
        rules=rules,
    )
    digest_id = connection.execute(
        insert(notifications)
        .values(_pending(channel, now) | {"admitted_at": now})
        .returning(notifications.c.id)
    ).scalar_one()
    content = asdict(digest) | {"url": digest_url(external_url, digest_id)}
    connection.execute(
        update(notifications).where(notifications.c.id == digest_id).values(content=content)
    )
    some = select(notifications.c.id).where(mine).limit(_CHUNK)
    while (
        connection.execute(
            update(notifications)
            .where(notifications.c.id.in_(some))
            .values(state="digested", digest_id=digest_id, finished_at=now)
        ).rowcount
        == _CHUNK
    ):
        continue


def _pending(channel: str, now: float) -> dict[str, object]:
    return {
        "channel": channel,
        "kind": "digest",
        "state": "pending",
        "attempts": 0,
        "created_at": now,
        "due_at": now,
        "leased_until": 0.0,
        "detail": "",
    }


def _groups(connection: Connection, held: Select[*tuple[Any, ...]]) -> list[HeldGroup]:
    """Return the groups that matter most, each with the name of its first and its last series."""
    columns = (incidents.c.level, incidents.c.alertname, incidents.c.query)
    rows = connection.execute(
        held.add_columns(
            incidents.c.alertname,
            incidents.c.query,
            notifications.c.held_reason,
            func.min(incidents.c.id).label("first"),
            func.max(incidents.c.id).label("last"),
        )
        .group_by(*columns, notifications.c.held_reason)
        .order_by(_rank, case((_open == 0, 1), else_=0), func.count().desc())
        .limit(ROWS)
    ).all()
    labels = _labels(connection, rows)
    return [
        HeldGroup(
            level=row.level,
            alertname=row.alertname,
            query=row.query,
            reason=row.held_reason,
            count=row.number,
            still_open=row.still_open,
            names=(told_apart(labels[row.first]), told_apart(labels[row.last])),
        )
        for row in rows
    ]


def _labels(connection: Connection, groups: Sequence[Row[*tuple[Any, ...]]]) -> dict[int, Any]:
    wanted = {incident for group in groups for incident in (group.first, group.last)}
    statement = select(incidents.c.id, incidents.c.labels).where(incidents.c.id.in_(wanted))
    return {row.id: row.labels for row in connection.execute(statement)}
