"""What does one evaluation of one query do? The stages in order, without I/O or clock.

Service, backtest and benchmarks all run this and nothing else, so that a backtest is what
production would have done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

import numpy as np

from exporter.core.quality import TELLING, Quality, merged, observe
from exporter.core.rows import (
    State,
    align,
    concatenate,
    select_keys,
    spread_batch,
    spread_state,
    take_rows,
)
from exporter.core.scores import Scores, blank_scores
from exporter.core.series import NEVER, Ints, Keys, SeriesBatch
from exporter.ensemble import combine
from exporter.errors import DetectorError
from exporter.judge import ORDINARY, Terms, Verdict, judge
from exporter.latest import latest_of, unseen
from exporter.plan import Plan

TermsOf: TypeAlias = Callable[[Keys], Terms]
"""Says what holds for series besides their query's policy."""

CELLS = 250_000
"""Series times columns that are evaluated at a time: some ten arrays of 2 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Aside:
    """What detectors would know of some series had they not seen their latest samples.

    Parameters
    ----------
    keys : the series
    detectors : kind -> that detector's arrays; none without series
    """

    keys: Keys = ()
    detectors: Mapping[str, State] = field(default_factory=dict)


NOTHING_ASIDE = Aside()


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryState:
    """All that a query carries from one evaluation to the next.

    Parameters
    ----------
    keys : S series
    until : unix milliseconds of the last column that was evaluated
    latest : arrays [S]: `seen` (unix milliseconds of the last sample), `heard` (likewise, even if
        that was NaN), one array per gauge, and `detector:<kind>` scores, as of `seen`; and the
        `exporter.episodes`
    detectors : kind -> that detector's arrays
    quality : how complete the data were
    model : number of the version that goes on learning here; 0 for one that has none yet
    aside : what was known of the series that are masked now, see `exporter.masking`
    """

    keys: Keys
    until: int
    latest: State
    detectors: dict[str, State]
    quality: Quality = field(default_factory=Quality)
    model: int = 0
    aside: Aside = NOTHING_ASIDE


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What became of one batch.

    Parameters
    ----------
    batch : what was judged: the batch's series and those of the state that it lacks
    verdict : of every sample
    votes : kind -> that detector's scores [S, T]
    failures : the detectors that could not tell this time
    """

    batch: SeriesBatch
    verdict: Verdict
    votes: Mapping[str, Scores]
    failures: tuple[DetectorError, ...] = ()


def cold_state(plan: Plan) -> QueryState:
    """Return the state of a query that has never been evaluated."""
    return QueryState(
        keys=(),
        until=NEVER,
        latest=unseen(plan, 0),
        detectors={detector.name: detector.fresh(0) for detector in plan.detectors},
    )


def evaluate(
    plan: Plan,
    state: QueryState,
    batch: SeriesBatch,
    *,
    owned: bool = False,
    terms_of: TermsOf = lambda keys: ORDINARY,
) -> tuple[QueryState, Evaluation]:
    """Score a batch whose columns follow those of the last evaluation.

    Parameters
    ----------
    plan : the query
    state : from `cold_state` or the last evaluation under the same plan
    batch : at least one column, all after `state.until`; series may come, go and change places
    owned : nobody needs `state` any more; otherwise it is not written to
    terms_of : for the series of state and batch
    """
    alignment = align(state.keys, batch.keys)
    batch = _in_one_piece(spread_batch(batch, alignment).on_clock(plan.zone))
    learned: dict[str, State] = {}
    votes: dict[str, Scores] = {}
    failures: list[DetectorError] = []
    for detector in plan.detectors:
        known = state.detectors[detector.name]
        before = spread_state(known, detector.fresh, alignment)
        is_ours = owned or before is not known
        if owned:
            del state.detectors[detector.name]  # one copy of it at a time is enough
        del known
        try:
            learned[detector.name], votes[detector.name] = detector.advance(
                before, batch, owned=is_ours
            )
        except DetectorError as error:
            failures.append(error)
            learned[detector.name] = before
            series, columns = batch.values.shape
            votes[detector.name] = blank_scores(series, columns, detector.signals)
    combined = combine(list(votes.values()), plan.weights, plan.combination)
    verdict = judge(batch.values, combined, plan.policy, terms_of(batch.keys))
    before = spread_state(state.latest, lambda born: unseen(plan, born), alignment)
    remembered = max(plan.missing_for, plan.remember_for)
    longest = plan.grace + min(TELLING, remembered)
    seen, heard = before["seen"], before["heard"]
    quality, heard = observe(state.quality, seen, heard, batch, state.until, longest)
    after = QueryState(
        keys=batch.keys,
        until=int(batch.times[-1]),
        latest={**latest_of(before, batch, verdict, votes), "heard": heard},
        detectors=learned,
        quality=quality,
        model=state.model,
        aside=state.aside,
    )
    evaluation = Evaluation(batch=batch, verdict=verdict, votes=votes, failures=tuple(failures))
    return _without_forgotten(plan, after), evaluation


def advance(
    plan: Plan,
    state: QueryState,
    batch: SeriesBatch,
    cells: int = CELLS,
    *,
    owned: bool = False,
    terms_of: TermsOf = lambda keys: ORDINARY,
) -> tuple[QueryState, tuple[DetectorError, ...]]:
    """Do what `evaluate` does, keeping only what it learned, in pieces that bound the memory.

    A first look-back is taken some series at a time, later ones some columns at a time, which is
    no other than having been evaluated more often. The failures are one per detector.

    cells : series times columns to evaluate at a time
    owned : nobody needs `state` any more, not even if this raises; otherwise it is not written to
    terms_of : as for `evaluate`
    """
    series, columns = batch.values.shape
    failures: dict[str, DetectorError] = {}
    are_independent = all(detector.is_independent for detector in plan.detectors)
    if state.keys or not series or not are_independent:
        width = max(1, cells // max(1, series))
        for start in range(0, columns, width):
            piece = batch.columns(start, start + width)
            state, done = evaluate(plan, state, piece, owned=owned or start > 0, terms_of=terms_of)
            failures.update((error.kind, error) for error in done.failures)
        return state, tuple(failures.values())
    parts = []
    height = max(1, cells // columns)
    for start in range(0, series, height):
        rows = np.arange(start, min(series, start + height))
        part, done = evaluate(plan, state, batch.rows(rows), terms_of=terms_of)
        parts.append(part)
        failures.update((error.kind, error) for error in done.failures)
    return _joined(parts), tuple(failures.values())


def without_gone(plan: Plan, state: QueryState) -> QueryState:
    """Return the state without the series that are gone, as it should be after a look-back.

    Otherwise a fresh install would report every container of the last week as missing. The state
    given is used up.
    """
    is_gone = age_of(state) > plan.grace
    return _keep(state, np.flatnonzero(~is_gone)) if is_gone.any() else state


def _without_forgotten(plan: Plan, state: QueryState) -> QueryState:
    """Drop series that have been gone for too long, or for longest if there are too many."""
    age = age_of(state)
    is_kept = age <= plan.grace + max(plan.missing_for, plan.remember_for)
    excess = 0 if plan.max_series is None else int(is_kept.sum()) - plan.max_series
    if excess > 0:
        gone = np.flatnonzero(is_kept & (age > plan.grace + plan.missing_for))
        longest = gone[np.argsort(-age[gone], kind="stable")[:excess]]
        is_kept[longest] = False
    return state if is_kept.all() else _keep(state, np.flatnonzero(is_kept))


def _in_one_piece(batch: SeriesBatch) -> SeriesBatch:
    """Return the batch with values that lie row after row.

    Kernels are compiled for each layout of their arguments, which takes seconds.
    """
    if batch.values.flags.c_contiguous:
        return batch
    return replace(batch, values=np.ascontiguousarray(batch.values))


def age_of(state: QueryState) -> Ints:
    """Return how long each series has had no sample, in milliseconds, int64 [S]."""
    age: Ints = state.until - state.latest["seen"]
    return age


def _keep(state: QueryState, rows: Ints) -> QueryState:
    """Return some series of a state, which is used up: one copy at a time is enough."""
    kinds = list(state.detectors)
    return QueryState(
        keys=select_keys(state.keys, rows),
        until=state.until,
        latest=take_rows(state.latest, rows),
        detectors={kind: take_rows(state.detectors.pop(kind), rows) for kind in kinds},
        quality=state.quality,
        model=state.model,
        aside=state.aside,
    )


def _joined(states: Sequence[QueryState]) -> QueryState:
    """Return the series of states that are used up, all evaluated until one column, in one."""
    first = states[0]
    kinds = list(first.detectors)
    return QueryState(
        keys=tuple(chain.from_iterable(state.keys for state in states)),
        until=first.until,
        latest=concatenate([state.latest for state in states]),
        detectors={
            kind: concatenate([state.detectors.pop(kind) for state in states]) for kind in kinds
        },
        quality=merged([state.quality for state in states]),
        model=first.model,
        aside=first.aside,
    )
