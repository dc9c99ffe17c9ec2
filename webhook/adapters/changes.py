"""What was changed by what people said: thresholds, weights and harmless patterns, in one list?"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from webhook.adapters.changelog import audited, newest
from webhook.adapters.schema import audit
from webhook.adapters.thresholds import (
    ThresholdRefused,
    Written,
    ratio_of,
    set_ratio,
    undone_among,
)
from webhook.adapters.weights import (
    WeightRefused,
    WeightsWritten,
    ratios_of,
    set_weights,
    undone_weights,
)

UNDOABLE = ("threshold_raised", "threshold_lowered", "weight_raised", "weight_lowered")
PROPOSED = ("threshold_proposed", "weight_proposed")
_KINDS = ("threshold_", "weight_", "pattern_")


def list_changes(
    connection: Connection, limit: int, *, query: str | None = None, before: int | None = None
) -> tuple[Sequence[Row[Any]], int | None]:
    """Return changes and proposals, newest first, and the number to continue below."""
    return newest(connection, _KINDS, limit, query, before)


def changed_queries(connection: Connection) -> list[str]:
    """Return the queries of which anything was ever changed or proposed."""
    statement = audited(_KINDS).with_only_columns(audit.c.subject).order_by(None).distinct()
    return sorted(connection.execute(statement).scalars())


def change_of(connection: Connection, number: int) -> Row[Any] | None:
    """Return one change or proposal; None where there is none of that number."""
    return connection.execute(audited(_KINDS).where(audit.c.id == number)).one_or_none()


def undone_changes(connection: Connection) -> frozenset[int]:
    """Return the changes that were taken back."""
    return undone_among(connection) | undone_weights(connection)


def is_open(connection: Connection, proposal: Row[Any]) -> bool:
    """Tell whether a proposal can be made: what it would change is still as it was then."""
    if proposal.action == "threshold_proposed":
        now = ratio_of(connection, proposal.subject, proposal.after["labels"])
        return now == float(proposal.before["ratio"])
    if proposal.action == "weight_proposed":
        ratios = ratios_of(connection, proposal.subject)
        before = proposal.before["ratios"]
        return all(ratios.get(name, 1.0) == ratio for name, ratio in before.items())
    return False


def make(
    connection: Connection, number: int, actor: str, why: str, now: float
) -> Written | WeightsWritten:
    """Put in force what was only proposed; `now` in unix seconds.

    Raises
    ------
    ThresholdRefused, WeightRefused
        If there is no such proposal, or what it would change is not as it was then.
    """
    row = change_of(connection, number)
    if row is None or row.action not in PROPOSED:
        raise ThresholdRefused(f"there is no proposal {number}; the history lists those that are")
    is_weight = row.action == "weight_proposed"
    if not is_open(connection, row):
        refused = WeightRefused if is_weight else ThresholdRefused
        raise refused(f"proposal {number} is out of date: what it would change was changed since")
    words = f"proposal {number} was made" + (f": {why}" if why else "")
    after = row.after
    if is_weight:
        return set_weights(connection, row.subject, after["ratios"], actor, words, now)
    return set_ratio(connection, row.subject, after["labels"], after["ratio"], actor, words, now)
