"""How are samples judged that are not to be learned from?

As any others: detectors go on as if there were no mask. But what they knew of those series before
the first masked sample is put aside, is advanced over nothing but gaps meanwhile, and takes the
place of what they have learned since once the mask is over. So a mask changes no judgement before
it, nor within it, and after it everything is as if its samples had never been there. Without masks
nothing is done here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from exporter.conditions import Conditions
from exporter.core.grid import join
from exporter.core.masks import Stretch
from exporter.core.rows import State, concatenate, take_rows
from exporter.core.scores import Scores
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.errors import DetectorError
from exporter.judge import Verdict
from exporter.pipeline import Aside, Evaluation, QueryState, advance, evaluate
from exporter.plan import Plan


def evaluate_under(
    plan: Plan,
    state: QueryState,
    batch: SeriesBatch,
    conditions: Conditions,
    *,
    owned: bool = False,
) -> Iterator[tuple[QueryState, Evaluation]]:
    """Do what `evaluate` does, cut where a mask begins or ends; yield what became of each part.

    Votes count by the weights in force.
    """
    plan = conditions.weighed(plan)
    for stretch in _stretches(plan.query, batch, conditions):
        part = batch.columns(stretch.start, stretch.stop)
        ready = _turn(plan, state, part, stretch, conditions)
        terms_of = conditions.terms_of(plan, stretch.masks)
        state, done = evaluate(plan, ready, part, owned=owned, terms_of=terms_of)
        state, owned = _with_gaps(plan, state, part), True
        yield state, done


def advance_under(
    plan: Plan,
    state: QueryState,
    batch: SeriesBatch,
    conditions: Conditions,
    *,
    owned: bool = False,
) -> tuple[QueryState, tuple[DetectorError, ...]]:
    """Do what `advance` does, cut where a mask begins or ends, by the weights in force."""
    plan = conditions.weighed(plan)
    failures: dict[str, DetectorError] = {}
    for stretch in _stretches(plan.query, batch, conditions):
        part = batch.columns(stretch.start, stretch.stop)
        ready = _turn(plan, state, part, stretch, conditions)
        terms_of = conditions.terms_of(plan, stretch.masks)
        state, failed = advance(plan, ready, part, owned=owned, terms_of=terms_of)
        state, owned = _with_gaps(plan, state, part), True
        failures.update((error.kind, error) for error in failed)
    return state, tuple(failures.values())


def _stretches(query: str, batch: SeriesBatch, conditions: Conditions) -> list[Stretch]:
    if conditions.masks:
        return conditions.masks.stretches(query, batch.times)
    return [Stretch(0, len(batch.times), ())]


def _turn(
    plan: Plan, state: QueryState, batch: SeriesBatch, stretch: Stretch, conditions: Conditions
) -> QueryState:
    """Put aside what is known of series that are masked from here on, and take back the others'."""
    masked: dict[bytes, None] = {}
    for keys in (state.keys, batch.keys) if stretch.masks else ():
        rows = np.flatnonzero(conditions.masks.rows(plan.query, keys, stretch.masks))
        masked.update(dict.fromkeys(keys[row] for row in rows.tolist()))
    aside = state.aside
    if masked.keys() == set(aside.keys):
        return state
    row_of = {key: row for row, key in enumerate(state.keys)}
    is_over = [place for place, key in enumerate(aside.keys) if key not in masked and key in row_of]
    stays = [place for place, key in enumerate(aside.keys) if key in masked]
    known = set(aside.keys)
    begins = [key for key in masked if key not in known and key in row_of]
    born = [key for key in masked if key not in known and key not in row_of]
    back, here = [row_of[aside.keys[place]] for place in is_over], [row_of[key] for key in begins]
    detectors: dict[str, State] = {}
    kept: dict[str, State] = {}
    for detector in plan.detectors:
        own = state.detectors[detector.name]
        put = aside.detectors.get(detector.name) or detector.fresh(0)
        kept[detector.name] = concatenate(
            [take_rows(put, _ints(stays)), take_rows(own, _ints(here)), detector.fresh(len(born))]
        )
        detectors[detector.name] = _restored(own, put, back, is_over) if back else own
    keys = (*(aside.keys[place] for place in stays), *begins, *born)
    return replace(state, detectors=detectors, aside=Aside(keys, kept) if keys else Aside())


def _restored(state: State, aside: State, rows: list[int], places: list[int]) -> State:
    restored = {name: array.copy() for name, array in state.items()}
    for name, array in restored.items():
        array[rows] = aside[name][places]
    return restored


def _with_gaps(plan: Plan, state: QueryState, batch: SeriesBatch) -> QueryState:
    """Let what is aside know that time has passed without samples."""
    aside = state.aside
    if not aside.keys:
        return state
    nothing = np.full((len(aside.keys), len(batch.times)), np.nan)
    gaps = SeriesBatch(aside.keys, batch.times, nothing, batch.step).on_clock(plan.zone)
    learned: dict[str, State] = {}
    for detector in plan.detectors:
        own = aside.detectors[detector.name]
        try:
            learned[detector.name], _ = detector.advance(own, gaps)
        except DetectorError:  # it tells of the batch itself likewise
            learned[detector.name] = own
    return replace(state, aside=Aside(aside.keys, learned))


def _ints(rows: list[int]) -> Ints:
    return np.array(rows, dtype=np.int64)


def in_one(parts: Sequence[Evaluation]) -> Evaluation:
    """Return what became of a batch of which parts were evaluated one after the other.

    The series of all parts are the same.
    """
    if len(parts) == 1:
        return parts[0]
    verdicts = [part.verdict for part in parts]
    failures = {error.kind: error for part in parts for error in part.failures}
    return Evaluation(
        batch=join([part.batch for part in parts]),
        verdict=Verdict(
            scores=_in_line([verdict.scores for verdict in verdicts]),
            is_anomaly=np.concatenate([verdict.is_anomaly for verdict in verdicts], 1),
            reason=np.concatenate([verdict.reason for verdict in verdicts], 1),
            thresholds=verdicts[-1].thresholds,
        ),
        votes={kind: _in_line([part.votes[kind] for part in parts]) for kind in parts[0].votes},
        failures=tuple(failures.values()),
    )


def _in_line(parts: Sequence[Scores]) -> Scores:
    def line(arrays: Sequence[Floats]) -> Floats:
        return np.concatenate(arrays, 1)

    first = parts[0]
    score = line([part.score for part in parts])
    is_level_alone = any(part.level is not part.score for part in parts)
    return Scores(
        score=score,
        expected=line([part.expected for part in parts]),
        lower=line([part.lower for part in parts]),
        upper=line([part.upper for part in parts]),
        sigmas=line([part.sigmas for part in parts]),
        level=line([part.level for part in parts]) if is_level_alone else score,
        signals={name: line([part.signals[name] for part in parts]) for name in first.signals},
        onset=None if first.onset is None else line([part.beginning for part in parts]),
    )
