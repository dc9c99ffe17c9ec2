"""What people have said, in the pipeline of the evaluations."""

import numpy as np

from exporter.conditions import NO_CONDITIONS, Conditions
from exporter.core.adjustments import Adjustments, adjustment_of
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.zscore import ZScore
from exporter.judge import Policy
from exporter.latest import gauges
from exporter.pipeline import advance, cold_state, evaluate
from exporter.plan import Plan
from exporter.publishing import publish

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
