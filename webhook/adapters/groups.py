"""How are incidents of one cause kept as groups?

One transaction looks at what opened lately, so every replica finds the same groups.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from webhook.adapters.schema import incident_groups, incidents, notifications
from webhook.core.correlation import Cluster, Grouping, Member, Rules, first_mover, ties, why
from webhook.core.facts import Cause
from webhook.core.severity import Level

# Incidents of one look, the newest: a storm must stay cheap.
_BATCH = 500
_CHUNK = 500
_OWN = "webhook"


def assign(connection: Connection, rules: Rules, now: float) -> int:
    """Put incidents that opened lately into groups by their labels; return how many were."""
    alone = _alone(connection, rules, now)
    if not alone:
        return 0
    grouping = Grouping(rules, _active(connection, rules, now))
    for member in alone:
        grouping.add(member)
    grown = grouping.grown()
    for cluster in grown:
        _store(connection, cluster)
    return sum(len(cluster.added) for cluster in grown)


def close_finished(connection: Connection, now: float) -> int:
    """Close the groups whose incidents have all ended; return how many."""
    is_open = (
        select(incidents.c.id)
        .where(incidents.c.group_id == incident_groups.c.id, incidents.c.ends_at.is_(None))
        .exists()
    )
    return connection.execute(
        update(incident_groups)
        .where(incident_groups.c.closed_at.is_(None), ~is_open)
        .values(closed_at=now)
    ).rowcount


def recent(connection: Connection, rules: Rules, now: float, limit: int) -> list[Row[Any]]:
    """Return the newest open incidents that may still find their cause, oldest first."""
    rows = connection.execute(
        select(incidents)
        .where(
            incidents.c.opened_at > now - 2 * rules.within,
            incidents.c.ends_at.is_(None),
            incidents.c.origin != _OWN,
        )
        .order_by(incidents.c.id.desc())
        .limit(limit)
    ).all()
    return list(reversed(rows))


def member_of(row: Row[Any], onset: float | None = None) -> Member:
    """Return an incident as far as its cause is concerned."""
    return Member(row.id, row.labels, row.opened_at, row.starts_at, onset)


def merge(
    connection: Connection,
    rules: Rules,
    together: Iterable[Collection[Member]],
    strength: Mapping[frozenset[int], float],
    leads: Mapping[int, float],
) -> int:
    """Make one group of each collection of incidents; return how many groups changed.

    Parameters
    ----------
    together : what belongs together by its series; the groups that they are in come with them
    strength : pair of incidents -> how surely their series move together
    leads : incident -> seconds that its series leads the others
    """
    changed = 0
    for known in together:
        rows = _rows(connection, [member.incident for member in known])
        groups = sorted({row.group_id for row in rows if row.group_id is not None})
        everybody = {member.incident: member for member in known}
        for row in _members(connection, groups):
            everybody.setdefault(row.id, member_of(row))
        members = list(everybody.values())
        first = first_mover(members, leads)
        labels = _shared(members, rules.by)
        r = max(
            (strength.get(frozenset((a.incident, b.incident)), 0.0) for a in known for b in known),
            default=0.0,
        )
        cluster = Cluster(groups[0] if groups else None, labels, 0.0, [], members, members)
        changed += _store(connection, cluster, first, r or None)
        if len(groups) > 1:
            connection.execute(delete(incident_groups).where(incident_groups.c.id.in_(groups[1:])))
    return changed


def told_of(connection: Connection, group_ids: Iterable[int]) -> dict[int, list[Level]]:
    """Return the levels of the members that people were told of, or are being told, by group."""
    told: dict[int, list[Level]] = defaultdict(list)
    for chunk in _chunks(set(group_ids)):
        statement = (
            select(incidents.c.group_id, incidents.c.level)
            .join(notifications, notifications.c.incident_id == incidents.c.id)
            .where(
                incidents.c.group_id.in_(chunk),
                notifications.c.kind == "firing",
                notifications.c.admitted_at.is_not(None),
            )
            .distinct()
        )
        for group_id, level in connection.execute(statement):
            told[group_id].append(level)
    return told


def cause_of(connection: Connection, incident_id: int) -> Cause | None:
    """Return what is known about the cause of an incident; None when it stands alone."""
    row = connection.execute(
        select(incident_groups)
        .join(incidents, incidents.c.group_id == incident_groups.c.id)
        .where(incidents.c.id == incident_id)
    ).one_or_none()
    if row is None:
        return None
    members = select(func.count(), func.min(incidents.c.id)).where(incidents.c.group_id == row.id)
    size, oldest = connection.execute(members).one()
    # Retention may have taken the first mover.
    found = _rows(connection, [row.first_incident_id]) or _rows(connection, [oldest])
    first = found[0]
    return Cause(
        group=row.id,
        size=size,
        first=named(first),
        first_incident=first.id,
        is_first=first.id == incident_id,
        why=row.why,
    )


def named(row: Row[Any]) -> str:
    """Return what an incident is called where others speak of it."""
    what = row.query or row.alertname or "(no alertname)"
    where = row.labels.get("instance") or row.labels.get("namespace") or row.labels.get("job")
    return f"{what} on {where}" if where else what


def _alone(connection: Connection, rules: Rules, now: float) -> list[Member]:
    rows = connection.execute(
        select(incidents.c.id, incidents.c.labels, incidents.c.opened_at, incidents.c.starts_at)
        .where(
            incidents.c.group_id.is_(None),
            incidents.c.opened_at > now - rules.within,
            incidents.c.origin != _OWN,
            # What was over before we heard of it is history.
            or_(incidents.c.closed_at.is_(None), incidents.c.closed_at > incidents.c.opened_at),
        )
        .order_by(incidents.c.id.desc())
        .limit(_BATCH)
    ).all()
    return [member_of(row) for row in reversed(rows)]


def _active(connection: Connection, rules: Rules, now: float) -> Iterator[Cluster]:
    active_at = func.max(incidents.c.opened_at)
    statement = (
        select(incident_groups, active_at.label("active_at"))
        .join(incidents, incidents.c.group_id == incident_groups.c.id)
        .where(incident_groups.c.closed_at.is_(None))
        .group_by(incident_groups.c.id)
        .having(active_at > now - 2 * rules.within)
    )
    active = connection.execute(statement).all()
    kinds: dict[int, list[dict[str, str]]] = defaultdict(list)
    members = select(incidents.c.group_id, incidents.c.labels).where(
        incidents.c.group_id.in_([row.id for row in active][:_CHUNK])
    )
    for member in connection.execute(members.order_by(incidents.c.id.desc()).limit(_CHUNK)):
        own = ties(member.labels, rules.by)
        if own not in kinds[member.group_id]:
            kinds[member.group_id].append(own)
    for row in active:
        yield Cluster(row.id, dict(row.labels), row.active_at, kinds[row.id], [])


def _store(
    connection: Connection,
    cluster: Cluster,
    first: Member | None = None,
    correlation: float | None = None,
) -> bool:
    """Write a group and who is new in it; return whether anything changed."""
    found = None if cluster.group is None else _groups(connection, [cluster.group])[0]
    begins = [member.began_at for member in cluster.members]
    if found is not None:
        # A storm may be one group: of who is in it already no more is read than is needed.
        starts = select(func.min(incidents.c.starts_at), func.max(incidents.c.starts_at))
        of_group = connection.execute(starts.where(incidents.c.group_id == found.id)).one()
        begins += [at for at in of_group if at is not None]
    if first is None:
        # Evidence that named a first mover before is not known here: only who is new may be it.
        before = () if found is None else _rows(connection, [found.first_incident_id])
        first = first_mover([*map(member_of, before), *cluster.added])
    values = {
        "labels": cluster.labels,
        "first_incident_id": first.incident,
        "why": why(cluster.labels, max(begins) - min(begins), correlation),
    }
    group_id = cluster.group
    changed = 0
    if group_id is None or found is None:
        opened_at = min(member.opened_at for member in cluster.members)
        group_id = connection.execute(
            insert(incident_groups)
            .values(**values, opened_at=opened_at)
            .returning(incident_groups.c.id)
        ).scalar_one()
        changed = 1
    elif any(getattr(found, name) != value for name, value in values.items()):
        changed = connection.execute(
            update(incident_groups).where(incident_groups.c.id == group_id).values(**values)
        ).rowcount
    for chunk in _chunks(member.incident for member in cluster.added):
        is_elsewhere = or_(incidents.c.group_id.is_(None), incidents.c.group_id != group_id)
        changed += connection.execute(
            update(incidents)
            .where(and_(incidents.c.id.in_(chunk), is_elsewhere))
            .values(group_id=group_id)
        ).rowcount
    return changed > 0


def _shared(members: Sequence[Member], by: Sequence[str]) -> dict[str, str]:
    first = members[0].labels
    return {
        name: first[name]
        for name in by
        if first.get(name) and all(one.labels.get(name) == first[name] for one in members)
    }


def _groups(connection: Connection, group_ids: Sequence[int]) -> Sequence[Row[Any]]:
    return connection.execute(
        select(incident_groups).where(incident_groups.c.id.in_(group_ids))
    ).all()


def _members(connection: Connection, group_ids: Sequence[int]) -> Sequence[Row[Any]]:
    statement = select(incidents).where(incidents.c.group_id.in_(group_ids))
    return connection.execute(statement.order_by(incidents.c.id)).all()


def _rows(connection: Connection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    return connection.execute(select(incidents).where(incidents.c.id.in_(ids))).all()


def _chunks(items: Iterable[int]) -> Iterator[list[int]]:
    whole = list(items)
    for start in range(0, len(whole), _CHUNK):
        yield whole[start : start + _CHUNK]
