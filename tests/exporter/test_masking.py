"""What is judged but not learned: masks in the pipeline of the evaluations."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.adapters import statefile
from exporter.adapters.checkpoint import arrays_of, facts_of, state_in
from exporter.conditions import NO_CONDITIONS, Conditions
from exporter.core.rows import State
from exporter.core.scores import Scores
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.cusum import Cusum
from exporter.detectors.ewma import Ewma
from exporter.detectors.zscore import ZScore
from exporter.judge import Policy, Reason
from exporter.masking import advance_under, evaluate_under, in_one
from exporter.pipeline import Evaluation, QueryState, advance, cold_state, evaluate
from exporter.plan import Plan
from exporter.publishing import publish
from tests.exporter.masks import mask, under

STEP = 15_000
COLUMNS = 90
PLAN = Plan(
    query="cpu",
    detectors=(
        ZScore(window=20, min_samples=10, accept_after=5 * STEP / 1000),
        Ewma(),
        Cusum(),
    ),
    policy=Policy(),
    grace=2 * STEP,
    missing_for=100 * STEP,
)


def batch_of(values: Floats) -> SeriesBatch:
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    return SeriesBatch(keys, np.arange(values.shape[1]) * STEP, values, STEP)


def history() -> Floats:
    """Return a history in which row 0 and 1 are on another level between columns 40 and 60."""
    values = np.random.default_rng(11).normal(10.0, 1.0, (3, COLUMNS))
    values[:2, 40:60] += 20.0
    return values


LEVEL = mask((40 * STEP, 60 * STEP), rows="0")


def walk(
    batch: SeriesBatch, conditions: Conditions, cuts: Sequence[int] = (), plan: Plan = PLAN
) -> tuple[QueryState, list[Evaluation]]:
    state, done = cold_state(plan), []
    edges = [0, *sorted(set(cuts)), len(batch.times)]
    for start, stop in pairwise(edges):
        for after, evaluation in evaluate_under(
            plan, state, batch.columns(start, stop), conditions
        ):
            state = after
            done.append(evaluation)
    return state, done


def scores(done: Sequence[Evaluation]) -> Floats:
    return np.concatenate([one.verdict.scores.score for one in done], 1)


def test_a_mask_changes_what_is_learned_and_nothing_else() -> None:
    values = history()
    _, masked = walk(batch_of(values), under(LEVEL))
    _, [plain] = walk(batch_of(values), NO_CONDITIONS)
    gaps = values.copy()
    gaps[0, 40:60] = np.nan
    _, [without] = walk(batch_of(gaps), NO_CONDITIONS)
    found = scores(masked)
    np.testing.assert_array_equal(found[:, :60], scores([plain])[:, :60])  # before and within
    np.testing.assert_array_equal(found[1:], scores([plain])[1:])  # others
    np.testing.assert_array_equal(found[0, 60:], scores([without])[0, 60:])  # after
    assert found[0, 40] > 0.6
    assert found[0, 60] < 0.3 < found[1, 60]  # the other one has got used to its new level


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, COLUMNS - 1), max_size=6),
    spans=st.lists(st.tuples(st.integers(0, 95), st.integers(0, 30)), max_size=3),
    rows=st.sampled_from(["", "0", "12"]),
    seed=st.integers(0, 5),
)
def test_pieces_are_no_other_than_the_whole(
    cuts: list[int], spans: list[tuple[int, int]], rows: str, seed: int
) -> None:
    values = np.random.default_rng(seed).standard_t(2, (3, COLUMNS))
    values[2, :20] = np.nan  # born later
    chosen = [mask((at * STEP, (at + length) * STEP), rows=rows) for at, length in spans]
    conditions = under(*chosen, mask((30 * STEP, 50 * STEP), rows="1"))
    one, whole = walk(batch_of(values), conditions)
    other, pieces = walk(batch_of(values), conditions, cuts)
    np.testing.assert_array_equal(scores(whole), scores(pieces))
    assert set(one.aside.keys) == set(other.aside.keys)
    for kind, arrays in one.detectors.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, other.detectors[kind][name], err_msg=name)


def test_a_look_back_learns_what_evaluations_do() -> None:
    conditions = under(mask((0, 5 * STEP), (70 * STEP, 100 * STEP)), LEVEL)
    expected, _ = walk(batch_of(history()), conditions)
    state, failures = advance_under(PLAN, cold_state(PLAN), batch_of(history()), conditions)
    assert not failures
    assert set(state.aside.keys) == set(expected.keys)
    for kind in state.detectors:
        for name, array in state.detectors[kind].items():
            np.testing.assert_array_equal(array, expected.detectors[kind][name])
        for name, array in state.aside.detectors[kind].items():
            np.testing.assert_array_equal(array, expected.aside.detectors[kind][name])


def test_without_masks_it_is_the_pipeline_itself() -> None:
    batch = batch_of(history())
    _, expected = evaluate(PLAN, cold_state(PLAN), batch)
    _, [done] = walk(batch, under(mask((200 * STEP, 300 * STEP))))
    np.testing.assert_array_equal(scores([done]), expected.verdict.scores.score)
    state, _ = advance_under(PLAN, cold_state(PLAN), batch, NO_CONDITIONS)
    other, _ = advance(PLAN, cold_state(PLAN), batch)
    np.testing.assert_array_equal(state.latest["anomaly_score"], other.latest["anomaly_score"])
    assert state.aside.keys == ()


def test_muted_samples_have_no_score_and_are_no_anomaly() -> None:
    values = history()
    values[0, 50] = np.nan
    muted = under(mask((40 * STEP, 60 * STEP), rows="0", mutes=True))
    state, done = walk(batch_of(values), muted)
    reason = np.concatenate([one.verdict.reason for one in done], 1)
    is_anomaly = np.concatenate([one.verdict.is_anomaly for one in done], 1)
    assert (reason[0, 40:60] == Reason.MUTED).sum() == 19
    assert reason[0, 50] == Reason.NO_SAMPLE
    assert np.isnan(scores(done)[0, 40:60]).all()
    assert not is_anomaly[0, 40:60].any()
    assert is_anomaly[1, 40:60].any()
    page = replace(publish(PLAN, state), missing=(b'{"row":"0","gone":"1"}', b'{"row":"1"}'))
    shown = muted.published(page, 45 * STEP)
    assert (shown.muted, shown.missing) == ((b'{"row":"0"}',), (b'{"row":"1"}',))
    assert muted.published(page, 60 * STEP) is page
    assert NO_CONDITIONS.published(page, 45 * STEP) is page
    assert under(LEVEL).published(page, 45 * STEP) is page  # masked, yet judged


def test_parts_in_one_are_what_a_backtest_shows() -> None:
    batch = batch_of(history())
    _, [plain] = walk(batch, NO_CONDITIONS)
    _, parts = walk(batch, under(mask((60 * STEP, 61 * STEP), rows="none")), [30])
    assert len(parts) > 2
    done = in_one(parts)
    np.testing.assert_array_equal(done.batch.values, batch.values)
    np.testing.assert_array_equal(done.verdict.reason, plain.verdict.reason)
    np.testing.assert_array_equal(done.verdict.is_anomaly, plain.verdict.is_anomaly)
    for one, other in [(done.verdict.scores, plain.verdict.scores)] + [
        (done.votes[kind], plain.votes[kind]) for kind in plain.votes
    ]:
        for name in ("score", "expected", "lower", "upper", "sigmas", "level", "beginning"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert in_one([plain]) is plain


class Broken(ZScore):
    """Fails at gaps, which is what is aside is advanced over."""

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        if np.isnan(batch.values).all():
            raise ValueError("nothing to see")
        return super()._advance(state, batch)


def test_a_detector_that_fails_at_what_is_aside_stops_nothing() -> None:
    plan = replace(PLAN, detectors=(Broken(window=20, min_samples=10),))
    state, done = walk(batch_of(history()), under(LEVEL), plan=plan)
    assert state.aside.keys == ()
    assert np.isfinite(scores(done)[:, 60:]).all()


def test_a_series_that_is_forgotten_while_it_is_masked_begins_anew() -> None:
    plan = replace(PLAN, missing_for=0, remember_for=0)
    values = history()
    values[0, 50:80] = np.nan
    whole = batch_of(values)
    conditions = under(mask((40 * STEP, 70 * STEP), rows="0"))
    state = cold_state(plan)
    for column in range(COLUMNS):
        there = np.flatnonzero(~np.isnan(values[:, column]))
        part = whole.columns(column, column + 1).rows(there)
        for after, _ in evaluate_under(plan, state, part, conditions, owned=True):
            state = after
    assert state.aside.keys == ()
    assert set(state.keys) == set(whole.keys)


def test_a_restart_within_a_mask_changes_nothing(tmp_path: Path) -> None:
    batch = batch_of(history())
    conditions = under(LEVEL)
    state, _ = walk(batch.columns(0, 50), conditions)
    path = tmp_path / "state"
    statefile.save(path, facts_of(state), arrays_of(state, "0"), {"0": state.keys})
    saved = statefile.load(path)
    restored = state_in(saved, "0", saved.manifest, PLAN)
    assert restored is not None
    assert restored.aside.keys == state.aside.keys == (b'{"row":"0"}',)
    rest = batch.columns(50, COLUMNS)
    after = [
        [done for _, done in evaluate_under(PLAN, one, rest, conditions)]
        for one in (state, restored)
    ]
    np.testing.assert_array_equal(scores(after[0]), scores(after[1]))


@pytest.mark.parametrize("missing", ["0/aside/zscore/ring", "0/aside/cusum/"])
def test_what_is_aside_and_does_not_fit_is_left_out(tmp_path: Path, missing: str) -> None:
    state, _ = walk(batch_of(history()).columns(0, 50), under(LEVEL))
    arrays = {name: one for name, one in arrays_of(state, "0").items() if missing not in name}
    path = tmp_path / "state"
    statefile.save(path, facts_of(state), arrays, {"0": state.keys})
    saved = statefile.load(path)
    restored = state_in(saved, "0", saved.manifest, PLAN)
    assert restored is not None
    assert restored.aside.keys == ()
