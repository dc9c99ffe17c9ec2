"""What people have said, in the pipeline of the evaluations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.conditions import NO_CONDITIONS, Conditions
from exporter.core.adjustments import Adjustments, adjustment_of
from exporter.core.series import Floats, SeriesBatch
from exporter.core.weights import Weights, weight_of
from exporter.detectors.drop_to_zero import DropToZero
from exporter.detectors.mad import Mad
from exporter.detectors.zscore import ZScore
from exporter.ensemble import Combination
from exporter.judge import Policy
from exporter.latest import gauges
from exporter.masking import advance_under, evaluate_under
from exporter.pipeline import advance, cold_state, evaluate
from exporter.plan import Plan
from exporter.publishing import publish
from tests.reference.weighting import united

STEP = 15_000
PLAN = Plan(
    query="cpu",
    detectors=(ZScore(window=30, min_samples=10),),
    policy=Policy(threshold=0.5),
    grace=2 * STEP,
    missing_for=10 * STEP,
)


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = (np.arange(values.shape[1]) + first) * STEP
    return SeriesBatch(keys, times, values, STEP)


def noise(rows: int = 3, columns: int = 120, seed: int = 5) -> Floats:
    values = np.random.default_rng(seed).standard_t(3, (rows, columns))
    values[:, 80] = 7.0
    return values


RAISED = Conditions(
    Adjustments([adjustment_of("cpu", {}, 1.1), adjustment_of("cpu", {"row": "1"}, 1.3)])
)


def test_every_verdict_is_by_the_threshold_of_its_series() -> None:
    batch = batch_of(noise())
    _, plain = evaluate(PLAN, cold_state(PLAN), batch)
    _, done = evaluate(PLAN, cold_state(PLAN), batch, terms_of=RAISED.terms_of(PLAN))
    limits = np.array([[0.55], [0.715], [0.55]])
    score = done.verdict.scores.score
    np.testing.assert_array_equal(score, plain.verdict.scores.score)
    np.testing.assert_array_equal(done.verdict.is_anomaly, score >= limits)
    assert 0 < done.verdict.is_anomaly.sum() < plain.verdict.is_anomaly.sum()
    shown = gauges(done.batch, done.verdict)["anomaly_threshold"]
    np.testing.assert_array_equal(shown, np.broadcast_to(limits, score.shape))


def test_pieces_publish_the_thresholds_of_their_series() -> None:
    batch = batch_of(noise())
    state, _ = advance(PLAN, cold_state(PLAN), batch, cells=130, terms_of=RAISED.terms_of(PLAN))
    found = publish(PLAN, state).gauges["anomaly_threshold"]
    np.testing.assert_array_equal(found, [0.55, 0.715, 0.55])
    lowered = Conditions(Adjustments([adjustment_of("cpu", {"row": "2"}, 0.9)]))
    later = batch_of(noise()[:, 80:81], first=120)
    state, _ = advance(PLAN, state, later, terms_of=lowered.terms_of(PLAN))
    found = publish(PLAN, state).gauges["anomaly_threshold"]
    np.testing.assert_array_equal(found, [0.5, 0.5, 0.45])


def test_at_one_only_what_is_as_rare_as_can_be_told_is_an_anomaly() -> None:
    values = noise(1)
    values[0, 100:102] = [9.0, 1e6]
    plan = Plan(
        query="cpu",
        detectors=PLAN.detectors,
        policy=Policy(threshold=0.9),
        grace=STEP,
        missing_for=STEP,
    )
    highest = Conditions(Adjustments([adjustment_of("cpu", {}, 1.5)]))
    _, done = evaluate(plan, cold_state(plan), batch_of(values), terms_of=highest.terms_of(plan))
    assert done.verdict.thresholds.tolist() == [[1.0]]
    assert np.flatnonzero(done.verdict.is_anomaly[0]).tolist() == [101]


def test_no_conditions_are_the_policy() -> None:
    _, done = evaluate(
        PLAN, cold_state(PLAN), batch_of(noise()), terms_of=NO_CONDITIONS.terms_of(PLAN)
    )
    assert done.verdict.thresholds.tolist() == [[0.5]]


TRIO = replace(
    PLAN,
    detectors=(
        ZScore(window=30, min_samples=10, weight=0.5),
        Mad(window=60, min_samples=20),
        DropToZero(weight=0.3),
    ),
)
WAYS = [Combination(), Combination(kind="max"), Combination(kind="quorum", quorum=0.6)]
ratios = st.fixed_dictionaries(
    {}, optional={name: st.floats(0.3, 1.8) for name in ("zscore", "mad", "drop_to_zero", "gone")}
)


def weighing(told: dict[str, float], query: str = "cpu") -> Conditions:
    return Conditions(weights=Weights([weight_of(query, *one) for one in told.items()]))


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind)
@settings(max_examples=15, deadline=None)
@given(told=ratios)
def test_votes_count_by_the_weights_in_force(way: Combination, told: dict[str, float]) -> None:
    """Compare every sample with the twin that goes one by one; nothing else is touched."""
    plan = replace(TRIO, combination=way)
    batch = batch_of(noise(2, 90))
    kept, plain = evaluate(plan, cold_state(plan), batch)
    [(state, done)] = evaluate_under(plan, cold_state(plan), batch, weighing(told))
    configured = {one.name: one.weight for one in plan.detectors}
    wanted = [
        [
            united(
                {name: float(vote.score[row, column]) for name, vote in plain.votes.items()},
                configured, told, way.kind, way.quorum,
            )
            for column in range(90)
        ]
        for row in range(2)
    ]  # fmt: skip
    scores = done.verdict.scores
    shown = np.where(np.isnan(wanted), 0.0, wanted)
    np.testing.assert_allclose(scores.score, shown, atol=1e-12)
    for name, arrays in kept.detectors.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(state.detectors[name][key], array)
    for name, vote in plain.votes.items():
        np.testing.assert_array_equal(done.votes[name].score, vote.score)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.kind)
def test_pieces_are_weighed_as_the_whole(way: Combination) -> None:
    plan = replace(TRIO, combination=way)
    told = weighing({"zscore": 0.6, "mad": 1.3})
    batch = batch_of(noise())
    whole, _ = advance_under(plan, cold_state(plan), batch, told)
    state = cold_state(plan)
    for cut in range(0, 120, 40):
        state, _ = advance_under(plan, state, batch.columns(cut, cut + 40), told)
    for name, array in whole.latest.items():
        np.testing.assert_array_equal(state.latest[name], array)


def test_what_is_weighed_is_published() -> None:
    told = weighing({"zscore": 0.6, "gone": 1.2})
    plan = told.weighed(TRIO)
    assert publish(plan, cold_state(plan)).weights == pytest.approx(
        {"zscore": 0.3, "mad": 1.0, "drop_to_zero": 0.3}
    )
    assert NO_CONDITIONS.weighed(plan) == TRIO


def test_a_single_detector_and_other_queries_keep_their_weight() -> None:
    assert weighing({"zscore": 0.6}).weighed(PLAN) is PLAN
    assert weighing({"zscore": 0.6}, "disk").weighed(TRIO) is TRIO
