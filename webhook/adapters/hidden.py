"""Which raises hid what people mark as missed? Each mark whose scores are known is taken once.

All of it is one transaction, and those run one after the other over all replicas: what one has
taken, no other takes again. So an undone change is not made again from the same mark.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.likeness import own_labels
from webhook.adapters.schema import missed, thresholds
from webhook.adapters.thresholds import Change, Labels, Written, apply, key_of, steps_by_key
from webhook.core.message import rfc3339
from webhook.core.thresholds import bounded, ratio_at, taken_down, threshold_today

_FACT = "thresholds_missed"
# Bounds the time that one transaction takes; the rest follows a minute later.
_MOST = 50
_WHOLE: Labels = {}


@dataclass(frozen=True, slots=True)
class _Taken:
    """The highest mark that was taken, and those before it that nobody had observed then."""

    highest: int = 0
    overtaken: Sequence[int] = ()

    def left(self) -> ColumnElement[bool]:
        """Return the condition for marks that are still to be taken."""
        number = missed.c.id
        is_left = or_(number > self.highest, number.in_(self.overtaken))
        return is_left & missed.c.withdrawn_at.is_(None)


def has_news(connection: Connection) -> bool:
    """Tell whether there are marks to be taken, without writing anything."""
    due = select(missed.c.id).where(_taken(connection).left(), missed.c.observed_at.is_not(None))
    return connection.execute(due.limit(1)).first() is not None


def take_back(connection: Connection, actor: str, now: float) -> list[Written]:
    """Lower the ratios that hid what was marked as missed; `now` in unix seconds."""
    taken = _taken(connection)
    due = (
        select(missed)
        .where(taken.left(), missed.c.observed_at.is_not(None))
        .order_by(missed.c.id)
        .limit(_MOST)
    )
    marks = connection.execute(due).all()
    if not marks:
        return []
    highest = max(taken.highest, marks[-1].id)
    # One that nobody can observe holds up no other, and is taken whenever it is observed.
    overtaken = select(missed.c.id).where(
        taken.left(), missed.c.id < highest, missed.c.id.not_in([mark.id for mark in marks])
    )
    late = list(connection.execute(overtaken.order_by(missed.c.id)).scalars())
    put_fact(connection, _FACT, {"highest": highest, "overtaken": late}, now)
    return [written for mark in marks for written in _take(connection, mark, actor, now)]


def _taken(connection: Connection) -> _Taken:
    known = get_fact(connection, _FACT)
    return _Taken() if known is None else _Taken(known["highest"], tuple(known["overtaken"]))


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A ratio now, and when the mark ended; `labels` None for a series that has none."""

    labels: Labels | None
    now: float = 1.0
    then: float = 1.0


def _take(connection: Connection, mark: Row[Any], actor: str, now: float) -> Iterator[Written]:
    """Lower what hid a mark; yield each change."""
    peak, threshold = mark.peak_score, mark.threshold
    if peak is None or threshold is None or peak >= threshold:
        return
    ratios = _ratios(connection, mark)
    whole = ratios.pop(key_of(_WHOLE), _Ratio(_WHOLE))
    wanted: dict[str, float] = {}
    hiding: _Ratio | None = None
    for key, one in _concerned(mark.labels, ratios).items():
        today = threshold_today(threshold, one.then * whole.then, one.now * whole.now)
        series, query = taken_down(one.now, whole.now, peak, today)
        if series < one.now:
            wanted[key] = series
        if query < whole.now:
            # The mark may be about any of them; whichever it was, it would alert.
            wanted[key_of(_WHOLE)] = min(query, wanted.get(key_of(_WHOLE), query))
        if hiding is None and peak < today and bounded(one.now * whole.now) > 1.0:
            hiding = one if one.labels is not None and one.now > 1.0 else whole
    said = f"missed-{mark.id} ended {rfc3339(mark.ends_at)}, its score reached {peak:.3g} "
    said += f"where the threshold was {threshold:.3g}"
    everything = {**ratios, key_of(_WHOLE): whole}
    for key, after in wanted.items():
        yield _written(connection, mark, everything[key], after, said, actor, now)
    if not wanted and hiding is not None:
        said += "; what is configured hides it as well: weights or another detector may help"
        yield _written(connection, mark, hiding, hiding.now, said, actor, now)


def _written(
    connection: Connection,
    mark: Row[Any],
    ratio: _Ratio,
    after: float,
    why: str,
    actor: str,
    now: float,
) -> Written:
    labels = ratio.labels or _WHOLE
    change = Change(mark.query, {}, labels, after, "missed", actor, why, missed=mark.id)
    return apply(connection, change, now)


def _ratios(connection: Connection, mark: Row[Any]) -> dict[str, _Ratio]:
    """Return all ratios of the mark's query, by `key_of` their labels."""
    steps = steps_by_key(connection, mark.query)
    statement = select(thresholds).where(thresholds.c.query == mark.query)
    return {
        row.labels_key: _Ratio(
            row.labels, row.ratio, ratio_at(steps.get(row.labels_key, ()), row.ratio, mark.ends_at)
        )
        for row in connection.execute(statement.order_by(thresholds.c.labels_key))
    }


def _concerned(labels: Labels, ratios: Mapping[str, _Ratio]) -> dict[str, _Ratio]:
    """Return the ratios of series that a mark may be about.

    People may name fewer labels than the exporter has, and then mean a series without a ratio.
    """
    marked = own_labels(labels).items()
    found: dict[str, _Ratio] = {}
    is_one = False
    for key, ratio in ratios.items():
        own = own_labels(ratio.labels or {}).items()
        if own <= marked or marked <= own:
            found[key] = ratio
            is_one = is_one or own <= marked
    return found if is_one else {**found, "": _Ratio(None)}
