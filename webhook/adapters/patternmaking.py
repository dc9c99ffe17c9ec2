"""Which verdicts make a harmless pattern, and what would it have silenced?

Everything that is asked for stands in the store, so that a pattern is found, tried on the past and
made within one transaction: replicas cannot make it twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, insert, select

from webhook.adapters.observations import observation_of
from webhook.adapters.patternpast import Alarm, Known, Place, Terms, alarms, candidates, series_in
from webhook.adapters.patterns import mark_at_hour, may_fit, note
from webhook.adapters.schema import audit, patterns
from webhook.core.observation import Observation
from webhook.core.patterns import (
    Candidate,
    Envelope,
    agreeing,
    clock_words,
    envelope,
    is_its_hour,
    left,
    shape_of,
)

_DAY = 86_400.0
REAL_SECONDS = 90 * _DAY
REPLAY_SECONDS = 14 * _DAY
_OWN = "patterns"


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a possible pattern; `pattern` is None for one that was not made."""

    pattern: int | None
    words: str


def make(connection: Connection, place: Place, terms: Terms, now: float) -> Decided | None:
    """Make the pattern that a series is ripe for; None where its incidents do not agree.

    Parameters
    ----------
    now : unix seconds
    """
    rows = alarms(connection, place, terms, now - REAL_SECONDS)
    if not rows:
        return None

    @cache
    def known(incident: int) -> Observation | None:
        return observation_of(connection, incident)

    chosen = agreeing(candidates(connection, place, rows, known, terms, now))
    if not chosen:
        return None
    found = _Found(
        place,
        series_in(rows[0].labels, terms),
        chosen,
        chosen[0].minute,
        envelope(each.shape for each in chosen),
    )
    numbers = [each.incident for each in chosen]
    against = _against(connection, found, rows, known, terms, now)
    replay = _replay(found, rows, known, terms, now)
    after: dict[str, object] = {
        "labels": found.labels,
        "incidents": numbers,
        "minute": found.minute,
        "timezone": terms.zone,
        "replay": {"alarms": replay.alarms, "silenced": replay.silenced},
    }
    hour = f"{clock_words(found.minute)} {terms.zone}"
    went = f"incidents {_listed(numbers)} went the same way at {hour}"
    if against:
        if not _is_said(connection, place[0], numbers):
            words = f"{went}; no pattern was made: {against}"
            note(connection, "pattern_refused", _OWN, place[0], after, words, now)
            return Decided(None, words)
        return None
    number = _insert(connection, found, terms, now)
    words = (
        f"{went}; of {replay.alarms} alarms in 14 days pattern {number} would have silenced "
        f"{len(replay.silenced)}, none of them confirmed"
    )
    after |= {"pattern": number, "expires_at": now + terms.expire}
    note(connection, "pattern_made", _OWN, place[0], after, words, now)
    return Decided(number, words)


@dataclass(frozen=True, slots=True)
class _Found:
    place: Place
    labels: dict[str, str]
    chosen: Sequence[Candidate]
    minute: float
    around: Envelope


@dataclass(frozen=True, slots=True)
class _Replay:
    alarms: int
    silenced: list[int]


def _against(
    connection: Connection,
    found: _Found,
    rows: Sequence[Alarm],
    known: Known,
    terms: Terms,
    now: float,
) -> str:
    """Return in words which alarm that was none of these would be silent; "" if none."""
    for row in rows:
        if row.verdict != "confirmed" or not is_its_hour(found.minute, terms.zone, row.starts_at):
            continue
        seen = known(row.id)
        if may_fit(found.around, seen, row.ends_at):
            is_known = seen is not None and seen.course is not None
            how = "goes that way, too" if is_known else "may go that way, too"
            return f"incident {row.id}, which was confirmed, {how}"
    since = now - REAL_SECONDS
    query, labels = found.place[0], found.labels
    return mark_at_hour(connection, query, labels, found.minute, terms.zone, since)


def _replay(
    found: _Found,
    rows: Sequence[Alarm],
    known: Known,
    terms: Terms,
    now: float,
) -> _Replay:
    """Return what of the last 14 days would have been silent to its end."""
    lately = [row for row in rows if row.opened_at >= now - REPLAY_SECONDS]
    silenced = [
        row.id
        for row in lately
        if row.level in terms.silencing.levels
        and is_its_hour(found.minute, terms.zone, row.starts_at)
        and (seen := known(row.id)) is not None
        and row.ends_at is not None
        and left(found.around, shape_of(seen, row.ends_at)) is None
    ]
    return _Replay(len(lately), sorted(silenced))


def _is_said(connection: Connection, query: str, numbers: Sequence[int]) -> bool:
    said = select(audit.c.after).where(
        audit.c.action == "pattern_refused", audit.c.subject == query
    )
    return any(after["incidents"] == numbers for after in connection.execute(said).scalars())


def _insert(connection: Connection, found: _Found, terms: Terms, now: float) -> int:
    row = {
        "query": found.place[0],
        "labels": found.labels,
        "labels_key": found.place[1],
        "minute": found.minute,
        "timezone": terms.zone,
        "step": found.around.step,
        "lower": list(found.around.lower),
        "upper": list(found.around.upper),
        "incidents": sorted(each.incident for each in found.chosen),
        "created_at": now,
        "expires_at": now + terms.expire,
    }
    statement = insert(patterns).values(row).returning(patterns.c.id)
    return int(connection.execute(statement).scalar_one())


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
