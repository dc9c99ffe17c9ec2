from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exporter.core.published import GAUGES
from exporter.core.series import Floats, Ints, SeriesBatch, empty_batch
from exporter.detectors.base import Detector, WindowedDetector
from exporter.detectors.forecast_error import ForecastError
from exporter.detectors.mad import Mad
from exporter.detectors.novelty import Novelty
from exporter.detectors.zscore import ZScore
from exporter.judge import Policy
from exporter.pipeline import QueryState, advance, cold_state, evaluate, without_gone
from exporter.plan import Plan
from exporter.publishing import publish, warming, warmth

STEP = 15_000
SHORT = ZScore(window=20, min_samples=10)
PLAN = Plan(
    query="q",
    detectors=(SHORT, Mad(window=20, min_samples=10)),
    policy=Policy(),
    grace=2 * STEP,
    missing_for=10 * STEP,
)


def batch_of(rows: Mapping[str, Floats | list[float]], first: int = 0) -> SeriesBatch:
    values = np.array(list(rows.values()), dtype=np.float64)
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(tuple(key.encode() for key in rows), times, values, STEP)


def noise(seed: int, columns: int = 60) -> Floats:
    return np.random.default_rng(seed).normal(10.0, 1.0, columns)


def run(*batches: SeriesBatch, plan: Plan = PLAN, state: QueryState | None = None) -> QueryState:
    state = state or cold_state(plan)
    for batch in batches:
        state, _ = evaluate(plan, state, batch)
    return state


def test_one_column_at_a_time_publishes_what_one_batch_does() -> None:
    rows = {"a": noise(1), "b": noise(2), "c": noise(3)}
    rows["b"][[20, 40]] = np.nan
    rows["c"][50:] = 200.0
    whole = batch_of(rows)
    at_once = publish(PLAN, run(whole))
    streamed = publish(PLAN, run(*(whole.columns(column, column + 1) for column in range(60))))
    assert streamed.keys == at_once.keys
    for name in GAUGES:
        np.testing.assert_allclose(streamed.gauges[name], at_once.gauges[name], err_msg=name)
    assert at_once.gauges["anomaly_score"][2] > 0.9


def test_pieces_learn_what_the_whole_does() -> None:
    rows = {name: noise(seed) for seed, name in enumerate("abcdefg")}
    rows["c"][40:] = np.nan
    rows["e"][50:] = 300.0
    whole, later = batch_of(rows), batch_of(rows, first=60)
    by_evaluate = run(whole, later)
    state, failures = advance(PLAN, cold_state(PLAN), whole, cells=130)
    state, more = advance(PLAN, state, later, cells=130)
    assert failures == more == ()
    expected = by_evaluate.quality.numbers()
    np.testing.assert_allclose(state.quality.numbers(), expected, atol=1e-12)
    assert state.quality.counts.vanished > 0
    assert (state.keys, state.until) == (by_evaluate.keys, by_evaluate.until)
    for name, array in by_evaluate.latest.items():
        np.testing.assert_allclose(state.latest[name], array, err_msg=name)
    for kind, arrays in by_evaluate.detectors.items():
        for name, array in arrays.items():
            np.testing.assert_allclose(state.detectors[kind][name], array, err_msg=name)


def test_series_may_change_places_come_and_go() -> None:
    a, b, c = noise(1), noise(2), noise(3)
    state = run(
        batch_of({"a": a[:30], "b": b[:30]}),
        batch_of({"b": b[30:31], "c": c[30:31], "a": a[30:31]}, first=30),
        batch_of({"c": c[31:60], "a": a[31:60]}, first=31),
    )
    published = publish(PLAN, state)
    alone = publish(PLAN, run(batch_of({"a": a})))
    row = published.keys.index(b"a")
    for name in GAUGES:
        assert published.gauges[name][row] == pytest.approx(alone.gauges[name][0], nan_ok=True)


def test_a_vanished_series_is_current_for_its_grace_then_missing_then_forgotten() -> None:
    state = run(batch_of({"a": noise(1), "b": noise(2)}))
    stays = noise(1, 20)
    seen: list[tuple[tuple[bytes, ...], tuple[bytes, ...]]] = []
    for column in range(20):
        batch = batch_of({"a": stays[column : column + 1]}, first=60 + column)
        state, _ = evaluate(PLAN, state, batch)
        published = publish(PLAN, state)
        seen.append((published.keys, published.missing))
    both, gone, forgotten = ((b"a", b"b"), ()), ((b"a",), (b"b",)), ((b"a",), ())
    assert seen == [both] * 2 + [gone] * 10 + [forgotten] * 8
    assert state.keys == (b"a",)


def test_a_sample_that_is_nan_is_no_gap_where_series_change_places() -> None:
    nan = float("nan")
    first, last = batch_of({"a": [1.0], "b": [1.0]}), batch_of({"a": [1.0], "b": [1.0]}, first=2)
    middle = batch_of({"c": [1.0], "b": [nan]}, first=1)
    undefined = np.array([[False], [True]])
    told = run(first, replace(middle, undefined=undefined), last).quality
    untold = run(first, middle, last).quality
    assert (told.counts.gaps, untold.counts.gaps) == (1, 2), "a paused, and b unless it was NaN"
    assert told.unfit == pytest.approx(1 / 6, rel=0.01)
    assert untold.unfit == 0


def test_a_returning_series_is_warm() -> None:
    state = run(batch_of({"a": noise(1)}))
    gap = [empty_batch(np.array([(60 + i) * STEP]), STEP) for i in range(5)]
    for batch in gap:
        state, _ = evaluate(PLAN, state, batch)
    assert publish(PLAN, state).missing == (b"a",)
    state, _ = evaluate(PLAN, state, batch_of({"a": [10.0]}, first=65))
    published = publish(PLAN, state)
    assert published.missing == ()
    assert not np.isnan(published.gauges["anomaly_expected_value"][0])


def test_history_of_series_that_are_long_gone_is_not_reported_missing() -> None:
    values = noise(1)
    values[52:] = np.nan
    state = run(batch_of({"gone": values, "here": noise(2)}))
    assert publish(PLAN, state).missing == (b"gone",)
    published = publish(PLAN, without_gone(PLAN, state))
    assert (published.keys, published.missing) == ((b"here",), ())


def gone_after(plan: Plan, pause: int) -> QueryState:
    """Return the state of `a`, which pauses for so many columns, and of `b`, which does not."""
    state = run(batch_of({"a": noise(1), "b": noise(2)}), plan=plan)
    return run(batch_of({"b": noise(3, pause)}, first=60), plan=plan, state=state)


def test_what_is_no_longer_reported_missing_is_still_remembered() -> None:
    plan = replace(PLAN, remember_for=40 * STEP)
    state = gone_after(plan, 30)
    assert publish(plan, state).missing == ()
    state, _ = evaluate(plan, state, batch_of({"a": [10.0], "b": [10.0]}, first=90))
    published = publish(plan, state)
    row = published.keys.index(b"a")
    assert not np.isnan(published.gauges["anomaly_expected_value"][row])
    assert gone_after(plan, 50).keys == (b"b",)


def test_of_too_many_series_those_gone_longest_are_forgotten_first() -> None:
    plan = replace(PLAN, remember_for=1000 * STEP, missing_for=0, max_series=3)
    first = batch_of({name: noise(1, 5) for name in "abc"})
    second = batch_of({name: noise(1, 5) for name in "bc"}, first=5)
    third = batch_of({name: noise(1, 5) for name in "c"}, first=10)
    state = run(first, second, third, plan=plan)
    assert set(state.keys) == {b"a", b"b", b"c"}
    state = run(batch_of({name: noise(1, 5) for name in "cd"}, first=15), plan=plan, state=state)
    assert set(state.keys) == {b"b", b"c", b"d"}
    crowd = batch_of({name: noise(1, 5) for name in "cdefgh"}, first=20)
    state = run(crowd, plan=plan, state=state)
    assert set(state.keys) == {b"c", b"d", b"e", b"f", b"g", b"h"}, "what is there always stays"
    patient = replace(plan, missing_for=20 * STEP)
    state = run(first, second, third, plan=patient)
    state = run(batch_of({"d": noise(1, 5)}, first=15), plan=patient, state=state)
    assert set(publish(patient, state).missing) == {b"a", b"b", b"c"}, "is still to be reported"


@pytest.mark.parametrize("detectors", [PLAN.detectors, (ForecastError(), Novelty())])
def test_a_state_that_is_handed_over_gives_the_same_and_others_are_not_written_to(
    detectors: tuple[Detector, ...],
) -> None:
    plan = replace(PLAN, detectors=detectors)
    before = run(batch_of({"a": noise(1), "b": noise(2)}), plan=plan)
    copy = deepcopy(before)
    late = batch_of({"a": noise(3), "b": noise(4), "c": noise(5)}, first=60)
    kept, _ = advance(plan, before, late, cells=9)
    assert_same_arrays(before, copy)
    given, _ = advance(plan, copy, late, cells=9, owned=True)
    assert_same_arrays(given, kept)


def assert_same_arrays(one: QueryState, other: QueryState) -> None:
    assert one.keys == other.keys
    for kind, arrays in one.detectors.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, other.detectors[kind][name], err_msg=name)


def test_a_crash_leaves_a_state_that_was_handed_over_as_it_was() -> None:
    plan = replace(PLAN, detectors=(HalfWay(window=20),))
    state = cold_state(plan)
    state, _ = evaluate(plan, state, batch_of({"a": [1.0]}))
    given = deepcopy(state)
    after, done = evaluate(plan, given, batch_of({"a": [2.0]}, first=1), owned=True)
    assert [one.reason for one in done.failures] == ["crashed"]
    assert_same_arrays(after, state)
    assert after.detectors["halfway"]["count"].tolist() == [0]


def test_a_cold_series_scores_a_neutral_zero_without_a_band() -> None:
    state = run(batch_of({"a": [1.0, 500.0]}))
    published = publish(PLAN, state)
    assert published.gauges["anomaly_score"].tolist() == [0.0]
    assert np.isnan(published.gauges["anomaly_upper_bound"]).all()
    assert (warming(published), warmth(PLAN, published)) == (1, 0.0)
    warm = publish(PLAN, run(batch_of({"a": noise(1)})))
    assert (warming(warm), warmth(PLAN, warm)) == (0, 1.0)


def test_warmth_is_the_share_of_the_weight_that_votes() -> None:
    patient = Mad(window=100, min_samples=90, weight=3.0)
    plan = replace(PLAN, detectors=(SHORT, patient))
    both = {"a": noise(1), "b": noise(2)}
    both["b"][:55] = np.nan
    published = publish(plan, run(batch_of(both), plan=plan))
    assert warmth(plan, published) == pytest.approx((0.25 + 0.0) / 2)
    assert (warming(published), published.gauges["anomaly_score"][1]) == (1, 0.0)


def test_a_failing_detector_costs_only_its_vote() -> None:
    state = run(batch_of({"a": noise(1)}))
    broken = QueryState(
        keys=state.keys,
        until=state.until,
        latest=state.latest,
        detectors={**state.detectors, "zscore": {"odd": np.zeros(1)}},
    )
    after, evaluation = evaluate(PLAN, broken, batch_of({"a": [500.0]}, first=60))
    assert [(one.kind, one.reason) for one in evaluation.failures] == [("zscore", "refused")]
    assert publish(PLAN, after).gauges["anomaly_score"][0] > 0.9


@dataclass(frozen=True, kw_only=True)
class Fragile(WindowedDetector):
    @property
    def name(self) -> str:
        return "fragile"

    def baseline(self, ring: Floats, count: Ints) -> tuple[Floats, Floats]:
        raise np.linalg.LinAlgError("did not converge")


@dataclass(frozen=True, kw_only=True)
class HalfWay(WindowedDetector):
    """Fails after it has begun to learn."""

    @property
    def name(self) -> str:
        return "halfway"

    def baseline(self, ring: Floats, count: Ints) -> tuple[Floats, Floats]:
        count += 1
        raise ValueError("half-way")


def test_a_crashing_detector_costs_only_its_vote() -> None:
    plan = replace(PLAN, detectors=(Fragile(), SHORT))
    _, evaluation = evaluate(plan, cold_state(plan), batch_of({"a": noise(1)}))
    assert [(one.kind, one.reason) for one in evaluation.failures] == [("fragile", "crashed")]
    assert not np.isnan(evaluation.verdict.scores.expected[0, -1])


def test_no_series_at_all() -> None:
    state = run(empty_batch(np.array([STEP]), STEP))
    assert publish(PLAN, state).keys == ()
    published = publish(PLAN, state)
    assert (warming(published), warmth(PLAN, published)) == (0, 0.0)
