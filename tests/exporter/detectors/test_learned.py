"""What the detectors with a scikit-learn model find, in each scope, and what they leave alone."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from exporter.core.kernels import uncompiled
from exporter.core.rows import State, take_rows
from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import AnyDetector
from exporter.detectors import isolation_forest as forests
from exporter.detectors import one_class_svm as svms
from exporter.detectors.isolation_forest import IsolationForest
from exporter.detectors.learned import GroupBy, LearnedDetector
from exporter.detectors.lof import Lof
from exporter.detectors.models import STORE, Floats32, Model, ModelStore, Recipe, axes, project
from exporter.detectors.one_class_svm import OneClassSvm
from tests.reference.noise import NOISES

KINDS = (IsolationForest, Lof, OneClassSvm)
STEP = 15_000


def quick(kind: type[LearnedDetector], **settings: Any) -> LearnedDetector:
    """Return a detector that is quick to fit."""
    if kind is IsolationForest:
        settings["trees"] = 20
    return kind(**settings)


every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind().name)


def batch_of(values: Floats, first: int = 0, instances: int = 1) -> SeriesBatch:
    """Return a batch whose row i belongs to instance i mod `instances`."""
    keys = tuple(
        b'{"cpu":"%d","instance":"%d"}' % (row, row % instances) for row in range(len(values))
    )
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(keys, times, values, STEP)


def alarms(scores: Floats) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in np.argwhere(scores >= ANOMALOUS)]


@every_kind
def test_pooled_finds_the_one_that_behaves_unlike_the_others(kind: type[LearnedDetector]) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 400)) * 10.0 ** np.arange(40)[:, None] / 1e20
    values[7, 350] += 20 * 10.0**7 / 1e20
    values[9, 300:340] = values[9, 300]  # stuck: odd, if not worth an alarm by itself
    detector = quick(kind)
    _, scores = detector.advance(detector.fresh(40), batch_of(values))
    assert (7, 350) in alarms(scores.score)
    assert {row for row, _ in alarms(scores.score)} <= {7, 9}
    others = np.delete(np.arange(40), [7, 9])
    assert np.nanmean(scores.score[9, 316:340]) > 2 * np.nanmean(scores.score[others, 316:340])
    assert np.isnan(scores.expected).all()
    assert scores.level is scores.score


@every_kind
def test_each_series_can_have_a_model_of_its_own(kind: type[LearnedDetector]) -> None:
    rng = np.random.default_rng(2)
    values = np.stack([np.sin(np.arange(700) / 5), rng.normal(size=700)])
    values[0] += 0.05 * rng.normal(size=700)
    values[0, 650:] = 0.5 * rng.normal(size=50)  # ordinary for the other one
    values[1, 600] = 25.0
    detector = quick(kind, scope="series", contamination=0.05)
    assert detector.is_independent
    _, scores = detector.advance(detector.fresh(2), batch_of(values))
    found = alarms(scores.score)
    assert (1, 600) in found
    assert any(row == 0 and 650 <= column < 670 for row, column in found)
    assert all((row == 0 and column >= 650) or 600 <= column < 664 for row, column in found)
    order = np.array([1, 0])
    swapped = SeriesBatch(batch_of(values).keys, batch_of(values).times, values[order], STEP)
    _, other = detector.advance(detector.fresh(2), swapped)
    np.testing.assert_allclose(scores.score[order], other.score, rtol=1e-9)


def twins(seed: int, columns: int = 700) -> Floats:
    """Two series of each of two instances that move together, to a fifth of their spread."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=(1, 2, columns)), 2, 0).reshape(4, columns)
    return 50.0 + 5.0 * shared + rng.normal(size=(4, columns))


@every_kind
def test_a_group_finds_a_broken_correlation_that_no_series_shows(
    kind: type[LearnedDetector],
) -> None:
    values = twins(3)
    normal = values.copy()
    # Both go where they have often been, but one up and the other down: for instance 0 alone.
    values[0, 660:663], values[2, 660:663] = 62.0, 38.0
    together = quick(kind, scope=GroupBy(("instance",)))
    assert not together.is_independent
    _, scores = together.advance(together.fresh(4), batch_of(values, instances=2))
    assert (scores.score[[0, 2], 660:663] >= ANOMALOUS).all()
    np.testing.assert_array_equal(scores.score[0], scores.score[2])
    assert (scores.score[[1, 3], 600:] < ANOMALOUS).all()
    _, calm = together.advance(together.fresh(4), batch_of(normal, instances=2))
    assert not alarms(calm.score)
    alone = quick(kind, scope="series")
    _, scores = alone.advance(alone.fresh(4), batch_of(values))
    assert not alarms(scores.score)


def test_the_level_of_a_group_says_who_deviates() -> None:
    values = twins(4)
    values[2, 690] = 140.0
    detector = OneClassSvm(scope=GroupBy(("instance",)))
    _, scores = detector.advance(detector.fresh(4), batch_of(values, instances=2))
    assert scores.score[0, 690] == scores.score[2, 690] >= ANOMALOUS
    assert scores.level[2, 690] == scores.score[2, 690]
    assert scores.level[0, 690] < 0.7 * scores.level[2, 690]


def test_a_group_survives_a_member_that_vanishes_and_starts_anew_without_it() -> None:
    values = twins(5, 500)
    values[2, 300:] = np.nan
    detector = OneClassSvm(scope=GroupBy(("instance",)))
    state, scores = detector.advance(detector.fresh(4), batch_of(values, instances=2))
    assert np.isnan(scores.score[2, 300:]).all()
    assert np.isfinite(scores.score[0, 300:]).all()
    left = take_rows(state, np.array([0, 1, 3]))
    keys = tuple(batch_of(values, instances=2).keys[row] for row in (0, 1, 3))
    after = SeriesBatch(keys, np.arange(500, 520) * STEP, twins(6, 20)[[0, 1, 3]], STEP)
    state, scores = detector.advance(left, after)
    assert np.isnan(scores.score[0]).all(), "the group has to learn what it is without the other"
    assert np.isfinite(scores.score[[1, 2]]).all()
    assert state["members"].tolist() == [1, 2, 2]


@every_kind
def test_a_restart_goes_on_as_if_nothing_had_happened(kind: type[LearnedDetector]) -> None:
    """The model is not stored: it is made again from the arrays."""
    values = np.random.default_rng(7).standard_t(4, (6, 330))
    for scope in ("pooled", "series", GroupBy(("instance",))):
        detector = quick(kind, scope=scope, sample=32, refit=64)
        head, tail = batch_of(values[:, :300], 0, 2), batch_of(values[:, 300:], 300, 2)
        state, _ = detector.advance(detector.fresh(6), head)
        saved: State = {name: array.copy() for name, array in state.items()}
        _, expected = detector.advance(state, tail)
        for digest in list(STORE._models):
            del STORE._models[digest]
        _, found = detector.advance(saved, tail)
        assert np.isfinite(found.score).all()
        np.testing.assert_array_equal(found.score, expected.score)


@every_kind
def test_what_stays_odd_becomes_normal(kind: type[LearnedDetector]) -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=(30, 900))
    values[4, 400:] = 40.0 * rng.normal(size=500)
    values[4, 400:] *= rng.random(500) < 0.1
    detector = quick(kind, accept_after=60 * STEP / 1000)
    _, scores = detector.advance(detector.fresh(30), batch_of(values))
    is_anomaly = scores.score[4] >= ANOMALOUS
    assert is_anomaly[400:460].sum() > 5
    assert is_anomaly[800:].sum() <= 2


@every_kind
@pytest.mark.parametrize("noise", sorted(NOISES))
def test_stationary_noise_raises_hardly_an_alarm(kind: type[LearnedDetector], noise: str) -> None:
    values = NOISES[noise](np.random.default_rng(11), 60, 900)
    detector = quick(kind)
    _, scores = detector.advance(detector.fresh(60), batch_of(values))
    told = scores.score[~np.isnan(scores.score)]
    assert told.size > 45_000
    assert (told >= ANOMALOUS).mean() < 4e-4


@every_kind
@pytest.mark.parametrize(
    "values",
    [
        np.zeros((5, 400)),
        np.tile(np.arange(400) % 2, (5, 1)) * 3.0,
        np.where(np.random.default_rng(1).random((5, 400)) < 0.05, 1.0, 0.0),
        np.where(np.random.default_rng(2).random((5, 400)) < 0.3, np.nan, 7.0),
        np.random.default_rng(3).integers(0, 3, (5, 400)).astype(np.float64),
    ],
    ids=["zeros", "alternating", "bursts", "gaps", "few-values"],
)
def test_degenerate_series_are_no_incidents(kind: type[LearnedDetector], values: Floats) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector = quick(kind)
        _, scores = detector.advance(detector.fresh(5), batch_of(values))
    assert (scores.score >= ANOMALOUS).sum() <= 2


def test_more_contamination_alarms_earlier() -> None:
    values = np.random.default_rng(9).standard_t(3, (20, 500))
    means = []
    for share in (0.0, 0.05, 0.2):
        detector = OneClassSvm(contamination=share)
        _, scores = detector.advance(detector.fresh(20), batch_of(values))
        means.append(np.nanmean(scores.score))
    assert means[0] < means[1] < means[2]


def test_the_walk_agrees_with_scikit_learn() -> None:
    from sklearn.ensemble import IsolationForest as Forest

    rng = np.random.default_rng(10)
    sample, asked = (rng.normal(size=(number, 3)).astype(np.float32) for number in (300, 50))
    theirs = (
        -Forest(n_estimators=20, max_samples=256, random_state=3).fit(sample).score_samples(asked)
    )
    trees = forests.grow(sample, trees=20, seed=3)
    np.testing.assert_allclose(trees.depth(asked), theirs, rtol=1e-6)
    slow = uncompiled(forests.total_depth)(asked[:5], trees.roots, trees.links, trees.cuts)
    np.testing.assert_allclose(np.exp2(trees.scale * slow), theirs[:5], rtol=1e-6)


def test_the_kernel_distance_orders_as_scikit_learn_does() -> None:
    from sklearn.svm import OneClassSVM

    rng = np.random.default_rng(13)
    sample, asked = (rng.normal(size=(number, 4)).astype(np.float32) for number in (200, 40))
    theirs = OneClassSVM(gamma=0.25, nu=0.1).fit(sample)
    rate = OneClassSvm(nu=0.1).fit(sample)
    density = np.exp(-np.square(rate(asked)))
    total = theirs.dual_coef_.sum()
    np.testing.assert_allclose(density, theirs.score_samples(asked) / total, rtol=1e-4)
    far = rate(np.full((1, 4), 500.0, dtype=np.float32))
    assert far[0] == pytest.approx(500.0, rel=0.01), "where the kernels are all 0"
    arguments = asked[:3], theirs.support_vectors_, theirs.dual_coef_[0] / total, 0.25
    slow = uncompiled(svms.kernel_distance)(*arguments)
    np.testing.assert_allclose(slow, rate(asked[:3]), rtol=1e-6)


def test_whitening_turns_what_is_common_into_one_axis() -> None:
    shared = np.random.default_rng(11).normal(size=(4000, 1))
    sample = shared + 0.3 * np.random.default_rng(12).normal(size=(4000, 2))
    sample -= sample.mean(0)
    turned = sample @ axes(sample, whiten=True)
    variance = np.cov(turned.T)
    np.testing.assert_allclose(variance[0, 1], 0.0, atol=1e-6)
    np.testing.assert_allclose(np.diag(variance), 1.0, atol=0.01)
    vectors = sample[:5].astype(np.float32)
    matrix = axes(sample, whiten=False)
    one = uncompiled(project)(vectors, np.zeros(2), matrix)
    np.testing.assert_array_equal(one, project(vectors, np.zeros(2), matrix))
    np.testing.assert_allclose(one, vectors / sample.std(0), rtol=1e-5)


def test_models_are_made_once_and_the_oldest_are_dropped() -> None:
    made = []

    def fit(sample: Floats32) -> Model:
        made.append(len(sample))
        return lambda vectors: np.asarray(vectors.sum(1), dtype=np.float64)

    store = ModelStore(2)
    recipe = Recipe(fit=fit, name="test", whiten=False, contamination=0.0, overlap=1.0, seed=0)
    samples = [np.full((number, 2), 1.0, dtype=np.float32) for number in (20, 30, 40)]
    for place in (0, 1, 0, 2, 0, 1):
        sample = samples[place]
        store.obtain(bytes([place]), partial(recipe.make, sample, sample))
    assert made == [20, 30, 40, 30]


def test_scope_and_features_are_read_strictly() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnyDetector)
    found = adapter.validate_python(
        {"kind": "isolation_forest", "scope": {"by": ["instance"]}, "features": ["lag_1"]}
    )
    assert found.scope == GroupBy(("instance",))
    assert found.fresh(3)["vectors"].shape == (3, 528, 1)
    wrongs: tuple[dict[str, Any], ...] = (
        {"scope": "host"},
        {"scope": {"by": []}},
        {"features": ["lag_3"]},
    )
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            adapter.validate_python({"kind": "lof", **wrong})
