"""How are thresholds' ratios kept? Each change is one transaction with its line of the audit.

The audit knows what no table of its own has to: which incidents a batch was made of, what changes
were undone, and what was not applied. Its subject is the query.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from webhook.adapters.schema import audit, thresholds
from webhook.core.thresholds import (
    HIGHEST,
    LOWEST,
    Reason,
    Replay,
    Step,
    bounded,
    change_words,
    undone,
)

Action = Literal[
    "threshold_raised",
    "threshold_lowered",
    "threshold_kept",
    "threshold_proposed",
    "threshold_undone",
]
_APPLIED: tuple[Action, ...] = ("threshold_raised", "threshold_lowered", "threshold_undone")
_PREFIX = "threshold_"

Labels = Mapping[str, str]


class ChangeRefused(ValueError):
    """A change that cannot be made; the text says what is allowed."""


class ThresholdRefused(ChangeRefused):
    """A change of a threshold that cannot be made."""


def key_of(labels: Labels) -> str:
    """Return labels as one text, whatever their order."""
    return json.dumps(dict(labels), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written down, and whether the threshold changes.

    Parameters
    ----------
    series : of which alerts; empty for a whole query
    labels : of the series as the exporter has it
    after : the new ratio
    why : in words
    incidents : whose verdicts it was made of
    replay : what it would have done; None where that is not known
    is_applied : else it is only proposed
    undoes : the change that it takes back
    missed : the mark of a missed alert that asked for it
    """

    query: str
    series: Labels
    labels: Labels
    after: float
    reason: Reason
    actor: str
    why: str
    incidents: Sequence[int] = ()
    replay: Replay | None = None
    is_applied: bool = True
    undoes: int | None = None
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A change as it was made."""

    id: int
    action: Action
    reason: Reason
    query: str
    before: float
    after: float
    words: str


def ratio_of(connection: Connection, query: str, labels: Labels) -> float:
    """Return the ratio in force for a series, or with no labels for a query by itself."""
    statement = select(thresholds.c.ratio).where(
        thresholds.c.query == query, thresholds.c.labels_key == key_of(labels)
    )
    return float(connection.execute(statement).scalar() or 1.0)


def apply(connection: Connection, change: Change, now: float) -> Written:
    """Write a change down, and put it in force if it is applied; `now` in unix seconds."""
    before = ratio_of(connection, change.query, change.labels)
    after = bounded(change.after)
    action: Action
    if not change.is_applied:
        words, action = f"not applied: {change.why}", "threshold_proposed"
    elif change.reason == "missed" and after == before:
        words, action = f"the threshold stays: {change.why}", "threshold_kept"
    else:
        words = f"{change_words(before, after)}: {change.why}"
        action = "threshold_raised" if after > before else "threshold_lowered"
        if change.reason == "undo":
            action = "threshold_undone"
        elif after == before:
            action = "threshold_kept"
        _put(connection, change, after, now)
    labels = dict(change.labels)
    row = {
        "at": now,
        "actor": change.actor,
        "action": action,
        "subject": change.query,
        "before": {"labels": labels, "ratio": before},
        "after": {
            "labels": labels,
            "ratio": after,
            "reason": change.reason,
            "series": dict(change.series),
            "is_resolved": change.replay is not None,
            "incidents": list(change.incidents),
            "replay": replay_json(change.replay),
            "undoes": change.undoes,
            "missed": change.missed,
        },
        "detail": words,
    }
    statement = insert(audit).values(row).returning(audit.c.id)
    number = connection.execute(statement).scalar_one()
    return Written(number, action, change.reason, change.query, before, after, words)


def _put(connection: Connection, change: Change, ratio: float, now: float) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    given = {"ratio": ratio, "changed_at": now}
    row = {
        "query": change.query,
        "labels": dict(change.labels),
        "labels_key": key_of(change.labels),
        **given,
    }
    statement = dialect.insert(thresholds).values(row)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["query", "labels_key"], set_=given)
    )


def replay_json(replay: Replay | None) -> dict[str, object] | None:
    """Return a replay as the audit keeps it."""
    if replay is None:
        return None
    names = ("alarms", "gone", "lost", "unknown")
    return {name: getattr(replay, name) for name in names}


def undo(connection: Connection, number: int, actor: str, why: str, now: float) -> Written:
    """Take one change back; those made since then stay in force.

    Raises
    ------
    ThresholdRefused
        If there is no such change, or it was undone already.
    """
    row = connection.execute(
        select(audit).where(audit.c.id == number, audit.c.action.startswith(_PREFIX))
    ).one_or_none()
    if row is None:
        raise ThresholdRefused(f"there is no change {number}; the history lists those that are")
    if row.action not in ("threshold_raised", "threshold_lowered"):
        raise ThresholdRefused(f"change {number} is {row.action}, which changed nothing by itself")
    labels = row.after["labels"]
    for other in connection.execute(audited(row.subject)):
        if other.after["undoes"] == number:
            raise ThresholdRefused(f"change {number} was undone already, by change {other.id}")
    current = ratio_of(connection, row.subject, labels)
    change = Change(
        query=row.subject,
        series=row.after["series"],
        labels=labels,
        after=undone(current, row.before["ratio"], row.after["ratio"]),
        reason="undo",
        actor=actor,
        why=f"change {number} was undone" + (f": {why}" if why else ""),
        undoes=number,
    )
    return apply(connection, change, now)


def set_ratio(
    connection: Connection,
    query: str,
    labels: Labels,
    ratio: float,
    actor: str,
    why: str,
    now: float,
) -> Written:
    """Put a ratio in force that a person chose.

    Raises
    ------
    ThresholdRefused
        If it is out of bounds, or is in force already.
    """
    if not LOWEST <= ratio <= HIGHEST:
        raise ThresholdRefused(f"the ratio is {ratio:g}; allowed: {LOWEST:g} to {HIGHEST:g}")
    if bounded(ratio) == ratio_of(connection, query, labels):
        raise ThresholdRefused(f"the ratio is {ratio:g} already")
    why = why or "a person chose it"
    return apply(connection, Change(query, {}, labels, ratio, "person", actor, why), now)


def audited(query: str | None) -> Select[Any]:
    """Return the statement for the changes and proposals of a query, or of all, oldest first."""
    statement = select(audit).where(audit.c.action.startswith(_PREFIX)).order_by(audit.c.id)
    return statement if query is None else statement.where(audit.c.subject == query)


def steps_of(connection: Connection, query: str, labels: Labels) -> list[Step]:
    """Return the changes of one ratio that were applied, the oldest first."""
    return steps_by_key(connection, query).get(key_of(labels), [])


def steps_by_key(connection: Connection, query: str) -> dict[str, list[Step]]:
    """Return those of each ratio of a query, by `key_of` its labels."""
    rows = connection.execute(audited(query).where(audit.c.action.in_(_APPLIED)))
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for row in rows:
        step = Step(row.at, row.before["ratio"], row.after["ratio"])
        steps[key_of(row.after["labels"])].append(step)
    return dict(steps)


def list_thresholds(connection: Connection) -> Sequence[Row[Any]]:
    """Return every ratio that was ever changed, by query and series."""
    key = thresholds.c.labels_key
    # That of the query itself before those of its series.
    ordered = select(thresholds).order_by(thresholds.c.query, key != key_of({}), key)
    return connection.execute(ordered).all()


def list_history(
    connection: Connection, limit: int, *, query: str | None = None, before: int | None = None
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return changes and proposals, newest first, and the number to continue below."""
    statement = audited(query).order_by(None).order_by(audit.c.id.desc())
    if before is not None:
        statement = statement.where(audit.c.id < before)
    rows = connection.execute(statement.limit(limit + 1)).all()
    shown = rows[:limit]
    return shown, shown[-1].id if len(rows) > limit else None


def undone_among(connection: Connection) -> frozenset[int]:
    """Return the changes that were undone."""
    rows = connection.execute(audited(None).where(audit.c.action == "threshold_undone"))
    return frozenset(row.after["undoes"] for row in rows)
