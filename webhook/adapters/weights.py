"""How are the ratios of detectors' weights kept? Each change is one transaction with its audit row.

One row holds all detectors of a query that moved together, and says what they were moved by. Its
subject is the query, and undoing it moves all of them back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from webhook.adapters.changelog import audited, newest, undone
from webhook.adapters.schema import audit, weights
from webhook.adapters.thresholds import ChangeRefused, replay_json
from webhook.core.thresholds import HIGHEST, LOWEST, Replay, Step, bounded
from webhook.core.weights import Ensemble, Evidence, Reason, most_moved, move_words, taken_back

Action = Literal[
    "weight_raised",
    "weight_lowered",
    "weight_kept",
    "weight_proposed",
    "weight_undone",
]
_CHANGED: tuple[Action, ...] = ("weight_raised", "weight_lowered")
_APPLIED: tuple[Action, ...] = (*_CHANGED, "weight_undone")
_PREFIX = "weight_"


class WeightRefused(ChangeRefused):
    """A change of weights that cannot be made."""


@dataclass(frozen=True, slots=True)
class WeightChange:
    """What is to be written down, and whether weights change.

    Parameters
    ----------
    after : the new ratios, of the detectors that move
    why : in words
    evidence : what it was made of; None for a person
    ensemble : how detectors were combined then; None where that is not known
    replay : what it would have done; None where that is not known
    is_applied : else it is only proposed
    """

    query: str
    after: Mapping[str, float]
    reason: Reason
    actor: str
    why: str
    evidence: Evidence | None = None
    ensemble: Ensemble | None = None
    replay: Replay | None = None
    is_applied: bool = True
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class WeightsWritten:
    """A change as it was made."""

    id: int
    action: Action
    reason: Reason
    query: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    words: str


def ratios_of(connection: Connection, query: str) -> dict[str, float]:
    """Return the ratios of a query's detectors that were ever changed."""
    statement = select(weights.c.detector, weights.c.ratio).where(weights.c.query == query)
    return {row.detector: row.ratio for row in connection.execute(statement)}


def apply_weights(connection: Connection, change: WeightChange, now: float) -> WeightsWritten:
    """Write a change down, and put it in force if it is applied; `now` in unix seconds."""
    current = ratios_of(connection, change.query)
    after = {name: bounded(ratio) for name, ratio in sorted(change.after.items())}
    before = {name: current.get(name, 1.0) for name in after}
    words = f"{move_words(before, after)}: {change.why}"
    if not change.is_applied:
        words = f"not applied: {words}"
    action = _action(change, before, after)
    if action in _APPLIED:
        _put(connection, change.query, after, now)
    row = {
        "at": now,
        "actor": change.actor,
        "action": action,
        "subject": change.query,
        "before": {"ratios": before},
        "after": {
            "ratios": after,
            "reason": change.reason,
            "evidence": _evidence_json(change.evidence),
            "ensemble": _ensemble_json(change.ensemble),
            "replay": replay_json(change.replay),
            "undoes": change.undoes,
        },
        "detail": words,
    }
    statement = insert(audit).values(row).returning(audit.c.id)
    number = connection.execute(statement).scalar_one()
    return WeightsWritten(number, action, change.reason, change.query, before, after, words)


def _action(
    change: WeightChange, before: Mapping[str, float], after: Mapping[str, float]
) -> Action:
    if not change.is_applied:
        return "weight_proposed"
    if change.reason == "undo":
        return "weight_undone"
    factor = most_moved(before, after)
    if factor == 1.0:
        return "weight_kept"
    return "weight_raised" if factor > 1.0 else "weight_lowered"


def _put(connection: Connection, query: str, ratios: Mapping[str, float], now: float) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for detector, ratio in ratios.items():
        given = {"ratio": ratio, "changed_at": now}
        statement = dialect.insert(weights).values(query=query, detector=detector, **given)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["query", "detector"], set_=given)
        )


def _evidence_json(evidence: Evidence | None) -> dict[str, object] | None:
    if evidence is None:
        return None
    return {
        "real": evidence.real,
        "false_alarms": evidence.false_alarms,
        "detectors": {
            name: {
                "real": record.real,
                "false_alarms": record.false_alarms,
                "precision": round(record.precision(evidence.prior), 4),
            }
            for name, record in evidence.records.items()
        },
    }


def _ensemble_json(ensemble: Ensemble | None) -> dict[str, object] | None:
    if ensemble is None:
        return None
    weights = {name: round(weight, 6) for name, weight in ensemble.weights.items()}
    return {"combine": ensemble.combine, "quorum": ensemble.quorum, "weights": weights}


def undo_weights(
    connection: Connection, number: int, actor: str, why: str, now: float
) -> WeightsWritten:
    """Take one change back; those made since then stay in force.

    Raises
    ------
    WeightRefused
        If there is no such change, or it was undone already.
    """
    row = connection.execute(
        select(audit).where(audit.c.id == number, audit.c.action.startswith(_PREFIX))
    ).one_or_none()
    if row is None:
        raise WeightRefused(
            f"there is no change {number} of weights; the history lists those that are"
        )
    if row.action not in _CHANGED:
        raise WeightRefused(f"change {number} is {row.action}, which changed nothing by itself")
    for other in connection.execute(audited_weights(row.subject)):
        if other.after["undoes"] == number:
            raise WeightRefused(f"change {number} was undone already, by change {other.id}")
    current = ratios_of(connection, row.subject)
    change = WeightChange(
        query=row.subject,
        after=taken_back(current, row.before["ratios"], row.after["ratios"]),
        reason="undo",
        actor=actor,
        why=f"change {number} was undone" + (f": {why}" if why else ""),
        undoes=number,
    )
    return apply_weights(connection, change, now)


def set_weights(
    connection: Connection,
    query: str,
    ratios: Mapping[str, float],
    actor: str,
    why: str,
    now: float,
) -> WeightsWritten:
    """Put ratios in force that a person chose.

    Raises
    ------
    WeightRefused
        If one is out of bounds, or all are in force already.
    """
    for detector, ratio in ratios.items():
        if not LOWEST <= ratio <= HIGHEST:
            raise WeightRefused(
                f"the ratio of {detector} is {ratio:g}; allowed: {LOWEST:g} to {HIGHEST:g}"
            )
    current = ratios_of(connection, query)
    after = {
        name: ratio for name, ratio in ratios.items() if bounded(ratio) != current.get(name, 1.0)
    }
    if not after:
        raise WeightRefused("that is in force already")
    why = why or "a person chose it"
    return apply_weights(connection, WeightChange(query, after, "person", actor, why), now)


def reset_weights(
    connection: Connection, query: str, actor: str, why: str, now: float
) -> WeightsWritten:
    """Put all ratios of a query back to 1; raises `WeightRefused` if they are."""
    ones = dict.fromkeys(ratios_of(connection, query), 1.0)
    return set_weights(connection, query, ones, actor, why or "back to what is configured", now)


def audited_weights(query: str | None) -> Select[Any]:
    """Return the statement for the changes and proposals of a query, or of all, oldest first."""
    return audited((_PREFIX,), query)


def weight_steps(rows: Sequence[Row[Any]]) -> dict[str, list[Step]]:
    """Return the changes of each detector's ratio that were applied, given audit rows in order."""
    steps: dict[str, list[Step]] = {}
    for row in rows:
        if row.action in _APPLIED:
            before = row.before["ratios"]
            for name, ratio in row.after["ratios"].items():
                steps.setdefault(name, []).append(Step(row.at, before[name], ratio))
    return steps


def list_weights(connection: Connection) -> Sequence[Row[Any]]:
    """Return every ratio that was ever changed, by query and detector."""
    return connection.execute(select(weights).order_by(weights.c.query, weights.c.detector)).all()


def list_weight_history(
    connection: Connection, limit: int, *, query: str | None = None, before: int | None = None
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return changes and proposals, newest first, and the number to continue below."""
    return newest(connection, (_PREFIX,), limit, query, before)


def undone_weights(connection: Connection) -> frozenset[int]:
    """Return the changes that were undone."""
    return undone(connection, _PREFIX)
