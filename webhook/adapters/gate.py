"""Which new notifications go out now, which are held back, and when is there a digest of those?

What was decided stands in the rows, and so does everything that a decision looks back on. Since the
writing transactions of all replicas run one after the other, limits hold over all of them and
across restarts. A look takes a bounded number of rows, so that others can write in between.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection, Row, case, func, or_, select, update

from webhook.adapters import groups
from webhook.adapters.digests import due_at, end_digests, keep_quiet, make_digests
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.silencing import follow_patterns, lapse, lapses_at, patterns_of
from webhook.core.severity import LEVELS
from webhook.core.throttle import (
    Announcement,
    HeldReason,
    Hold,
    Past,
    Rules,
    decide,
    digest_at,
)

# Announcements of one look: some tenths of a second of writing.
BATCH = 5_000
# Far below SQLite's limit of 32,766 parameters in one statement.
_CHUNK = 500
# Of a firing that its channel may have heard of, or will.
_LET_THROUGH = ("pending", "sent", "dead", "suppressed")
_NAMED = ("held", "digested")

NotSent = HeldReason | Literal["firing_held"]
"""Why something got no message of its own."""

_Row: TypeAlias = Row[*tuple[Any, ...]]

_metric = case((incidents.c.query != "", incidents.c.query), else_=incidents.c.alertname)
_rank = case({level: i for i, level in enumerate(LEVELS)}, value=incidents.c.level)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look did.

    Parameters
    ----------
    is_admitting : whether something is to be sent now
    not_sent : what is not, and why; each incident once
    digests : how many were made, one for each channel
    is_more : whether more is waiting, so that the next look should follow at once
    next_at : when the next digest is due, unix seconds; None while nothing is held
    lapses_at : when something silent must be let through if nobody looks at it till then
    """

    is_admitting: bool
    not_sent: Counter[NotSent]
    digests: int
    is_more: bool
    next_at: float | None
    lapses_at: float | None = None


def look(
    connection: Connection, rules: Rules, external_url: str, now: float, *, is_new: bool = False
) -> Look:
    """Decide on what is new, and make a digest if one is due.

    Parameters
    ----------
    external_url : what links start with
    is_new : whether the rules may have changed since the last look
    """
    if rules.correlation is not None:
        groups.assign(connection, rules.correlation, now)
    lapse(connection, rules.patterns, now)
    past = _past(connection, rules, now)
    news = _news(connection)
    past.groups.update(groups.told_of(connection, {row.group_id for row in news} - {None}))
    held = _announce(connection, news, past, rules, now)
    ends = _ends(connection, rules)
    not_sent: Counter[NotSent] = Counter(
        # That it is silent is only known once it is over.
        hold.reason
        for hold in held
        if hold is not None and hold.reason != "harmless_pattern"
    )
    let_through, not_sent["firing_held"] = _follow(connection, ends, now)
    named = {row.digest_id for row in ends if row.state == "digested"}
    let_through += end_digests(connection, named, rules, now)
    if is_new:
        keep_quiet(connection, rules, now)
    digests, next_at = _digest(connection, past, rules, external_url, now)
    return Look(
        is_admitting=None in held or let_through > 0 or digests > 0,
        not_sent=+not_sent,
        digests=digests,
        is_more=len(news) == BATCH or len(ends) == BATCH,
        next_at=next_at,
        lapses_at=lapses_at(connection),
    )


def _news(connection: Connection) -> Sequence[_Row]:
    """Return undecided incidents: the worst first, then the oldest."""
    undecided = (
        select(notifications.c.incident_id)
        .where(notifications.c.state == "new", notifications.c.kind == "firing")
        .distinct()
        .subquery()
    )
    return connection.execute(
        select(incidents.c.id, incidents.c.fingerprint, incidents.c.level, _metric.label("metric"))
        .add_columns(incidents.c.group_id)
        .join(undecided, undecided.c.incident_id == incidents.c.id)
        .order_by(_rank, incidents.c.id)
        .limit(BATCH)
    ).all()


def _past(connection: Connection, rules: Rules, now: float) -> Past:
    """Read what went out within the windows; what a wrong clock dated further ahead is ignored."""
    past = Past()
    announced = (
        select(notifications.c.incident_id)
        .join(incidents, incidents.c.id == notifications.c.incident_id)
        .where(notifications.c.kind == "firing", incidents.c.level.not_in(rules.bypass))
    )
    at = notifications.c.admitted_at
    if (gap := rules.per_metric_and_severity) is not None:
        statement = announced.with_only_columns(_metric, incidents.c.level, func.max(at))
        statement = statement.where(at > now - gap, at < now + gap)
        for metric, level, last in connection.execute(
            statement.group_by(_metric, incidents.c.level)
        ):
            past.metrics[metric, level] = last
    if rules.total is not None:
        per = rules.total.per
        in_window = (at > now - per, at < now + per)
        counted = announced.with_only_columns(func.min(at)).where(*in_window)
        past.total.extend(
            connection.execute(counted.group_by(notifications.c.incident_id)).scalars()
        )
        digests = select(at).where(notifications.c.kind == "digest", *in_window).distinct()
        past.total.extend(connection.execute(digests).scalars())
        past.total.sort()
    return past


def _announce(
    connection: Connection, news: Sequence[_Row], past: Past, rules: Rules, now: float
) -> list[Hold | None]:
    openings = _openings(connection, news, rules, now)
    patterns = patterns_of(connection, rules.patterns, [row.id for row in news], now)
    decisions = decide(
        [
            Announcement(
                row.id,
                row.metric,
                row.level,
                openings.get(row.id, ()),
                row.group_id,
                patterns.get(row.id),
            )
            for row in news
        ],
        past,
        rules,
        now,
    )
    alike: dict[Hold | None, list[int]] = defaultdict(list)
    for row, decision in zip(news, decisions, strict=True):
        alike[decision].append(row.id)
    for decision, incident_ids in alike.items():
        values = _admitted(now)
        if decision is not None:
            reason, until = decision.reason, decision.until
            values = {"state": "held", "held_reason": reason, "held_until": until}
        for chunk in _chunks(incident_ids):
            connection.execute(
                update(notifications)
                .where(
                    notifications.c.incident_id.in_(chunk),
                    notifications.c.state == "new",
                    notifications.c.kind == "firing",
                )
                .values(values)
            )
    follow_patterns(connection, patterns)
    return decisions


def _openings(
    connection: Connection, news: Sequence[_Row], rules: Rules, now: float
) -> Mapping[int, tuple[float, ...]]:
    """Return when the alert of each new incident opened lately, this time included."""
    if rules.flapping is None:
        return {}
    # Twice the window: whether it flapped already the time before is asked, too.
    since = now - 2 * rules.flapping.within
    earlier: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for chunk in _chunks(row.fingerprint for row in news):
        statement = (
            select(incidents.c.fingerprint, incidents.c.id, incidents.c.opened_at)
            .where(incidents.c.fingerprint.in_(chunk), incidents.c.opened_at > since)
            .order_by(incidents.c.opened_at, incidents.c.id)
        )
        for fingerprint, incident_id, at in connection.execute(statement):
            earlier[fingerprint].append((incident_id, at))
    return {
        row.id: tuple(at for each, at in earlier[row.fingerprint] if each <= row.id) for row in news
    }


def _ends(connection: Connection, rules: Rules) -> Sequence[_Row]:
    """Return undecided resolved ones whose firing has been decided on, with its state."""
    firing, digest = notifications.alias("firing"), notifications.alias("digest")
    # Where a digest will have to be ended, it is sent first: else its end could come before it.
    is_on_the_way = (
        select(digest.c.id)
        .where(digest.c.id == firing.c.digest_id, digest.c.state == "pending")
        .where(digest.c.channel.in_(rules.ending))
        .exists()
    )
    return connection.execute(
        select(notifications.c.id, notifications.c.incident_id, firing.c.state, firing.c.digest_id)
        .join(
            firing,
            (firing.c.incident_id == notifications.c.incident_id)
            & (firing.c.channel == notifications.c.channel)
            & (firing.c.kind == "firing"),
        )
        .where(notifications.c.state == "new", notifications.c.kind == "resolved")
        .where(firing.c.state.in_((*_LET_THROUGH, *_NAMED)), ~is_on_the_way)
        # Whether this one may stay silent is decided once its whole course is known.
        .where(or_(firing.c.state != "held", firing.c.held_reason != "harmless_pattern"))
        .limit(BATCH)
    ).all()


def _follow(connection: Connection, ends: Sequence[_Row], now: float) -> tuple[int, int]:
    """Let a resolved go where its firing went; return how many do, and how many incidents not."""
    told = [row.id for row in ends if row.state in _LET_THROUGH]
    for chunk in _chunks(told):
        connection.execute(
            update(notifications).where(notifications.c.id.in_(chunk)).values(_admitted(now))
        )
    untold = [row for row in ends if row.state in _NAMED]
    for chunk in _chunks(row.id for row in untold):
        connection.execute(
            update(notifications)
            .where(notifications.c.id.in_(chunk))
            .values(state="suppressed", detail="firing_held", finished_at=now)
        )
    return len(told), len({row.incident_id for row in untold})


def _digest(
    connection: Connection, past: Past, rules: Rules, external_url: str, now: float
) -> tuple[int, float | None]:
    """Make the digests that are due and that the limits allow; return how many, and when next."""
    at = due_at(connection)
    digests = 0
    if at is not None and at <= now and digest_at(past, rules, now) <= now:
        # What would be due now may have to be quiet by now, which moves it.
        keep_quiet(connection, rules, now)
        digests = make_digests(connection, rules, external_url, now)
        if digests:
            past.total.append(now)
        at = due_at(connection)
    return digests, None if at is None else max(at, digest_at(past, rules, now))


def _admitted(now: float) -> dict[str, object]:
    return {"state": "pending", "admitted_at": now, "due_at": now}


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    whole = list(items)
    for start in range(0, len(whole), _CHUNK):
        yield whole[start : start + _CHUNK]
