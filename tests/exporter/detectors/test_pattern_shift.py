import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from exporter.core.patterns import (
    DIMENSIONS,
    EMPTY,
    LEAST_REACH,
    MIN_SAMPLES,
    NOISE,
    behaviour,
    clustered,
    compressed,
    distances,
    reach_of,
    signatures,
    similarity,
)
from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.pattern_shift import SIGNAL, PatternShift
from tests.reference.noise import NOISES

STEP = 15_000


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    keys = tuple(b"%d" % row for row in range(len(values)))
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(keys, times, values, STEP)


def test_behaviour_by_hand() -> None:
    """A saw of period 2 around 3, a ramp 0..7, and a flat line."""
    windows = np.array([[2.0, 4.0] * 4, list(range(8)), [5.0] * 8])
    saw, ramp, flat = (
        dict(zip(DIMENSIONS, vector, strict=True)) for vector in behaviour(windows).tolist()
    )
    assert (saw["mean"], saw["spread"], saw["zero_changes"]) == (3.0, 1.0, 0.0)
    assert (saw["autocorrelation"], saw["range"]) == (-7 / 8, 2.0)
    assert saw["period"] == pytest.approx(1.0)
    assert (ramp["mean"], ramp["spread"]) == (3.5, pytest.approx(5.25**0.5))
    assert ramp["slope"] == pytest.approx(8 / 5.25**0.5)
    assert ramp["skew"] == pytest.approx(0.0)
    assert list(flat.values()) == [5.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_clusters_are_those_of_scikit_learn_on_each_series() -> None:
    rng = np.random.default_rng(1)
    past = rng.normal(size=(3, 30, 8)) * 0.3 + 3.0 * rng.integers(0, 2, (3, 30, 1))
    is_there = np.ones((3, 30), dtype=np.bool_)
    is_there[1, 20:] = False
    is_there[2] = False
    between = distances(past, past)
    reach = reach_of(between, is_there)
    labels = clustered(between, reach, is_there)
    for row, size in enumerate((30, 20)):
        vectors = past[row, :size]
        theirs = DBSCAN(eps=reach[row], min_samples=MIN_SAMPLES).fit(vectors).labels_
        np.testing.assert_array_equal(labels[row, :size], theirs)
        assert theirs.max() == 1
    assert (labels[~is_there] == EMPTY).all()
    assert reach[2] == LEAST_REACH
    found = signatures(past[0], labels[0])
    assert [signature.size for signature in found] == [
        (labels[0] == 0).sum(),
        (labels[0] == 1).sum(),
    ]
    gap = np.linalg.norm(found[0].center - found[1].center)
    assert gap == pytest.approx(3 * 8**0.5, rel=0.1)
    assert all(0.5 < signature.spread < 1.1 for signature in found)
    assert similarity(np.array([0.0, 1.0, 5.0, np.inf])) == pytest.approx([1.0, 0.5, 2.0**-25, 0.0])


def test_two_close_and_one_far_are_no_pattern() -> None:
    past = np.zeros((1, 3, 8))
    past[0, 1:] = [[0.1] * 8, [9.0] * 8]
    labels = clustered(distances(past, past), np.array([1.0]), np.ones((1, 3), dtype=np.bool_))
    assert labels.tolist() == [[NOISE] * 3]


@pytest.mark.parametrize("change", ["flat", "ramp", "wild", "wave"])
def test_a_new_behaviour_is_a_shift_until_it_is_known(change: str) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(50.0, 2.0, 2700)
    size = 1200
    values[1500:] = {
        "flat": np.full(size, 50.0),
        "ramp": values[1500:] + 0.3 * np.arange(size),
        "wild": 50.0 + 6.0 * rng.normal(size=size),
        "wave": 50.0 + 8.0 * np.sin(np.arange(size) / 4) + 0.3 * rng.normal(size=size),
    }[change]
    detector = PatternShift()
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    shift, score = scores.signals[SIGNAL][0], scores.score[0]
    assert np.nanmean(shift[:1500]) < 0.05
    assert not (score[:1500] >= ANOMALOUS).any()
    assert (shift[1548:1620] == 1.0).all()
    assert (score[1548:1620] >= ANOMALOUS).any()
    if change != "ramp":  # which never behaves twice the same
        assert shift[2300:].mean() < 0.1, "by now it is one more pattern"
    assert np.isnan(scores.expected).all()


def test_a_known_pattern_that_returns_is_no_shift() -> None:
    """Calm and busy in turns of five windows."""
    rng = np.random.default_rng(4)
    busy = (np.arange(4000) // 240) % 2 == 1
    values = np.where(busy, 90.0 + 5.0 * rng.normal(size=4000), 10.0 + rng.normal(size=4000))
    detector = PatternShift(accept_after=100 * STEP / 1000)
    _, scores = detector.advance(detector.fresh(1), batch_of(values[None]))
    shift = scores.signals[SIGNAL][0]
    assert shift[240:300].max() == 1.0
    is_inside = np.arange(4000) % 240 >= 60  # no window holds some of both
    assert shift[2400:][is_inside[2400:]].mean() < 0.05


def test_scores_are_held_between_windows_and_start_anew_after_a_gap() -> None:
    values = np.random.default_rng(5).normal(size=(1, 400))
    values[0, 200:260] = np.nan
    detector = PatternShift(window=40)
    _, scores = detector.advance(detector.fresh(1), batch_of(values))
    told = scores.score[0]
    assert np.isfinite(told[110:200]).all()
    assert np.isnan(told[200:260]).all()
    changes = np.flatnonzero(np.diff(told[110:200]) != 0) + 111
    assert (changes % 10 == 0).all()
    assert np.isnan(told[260:290]).all()
    assert np.isfinite(told[300:]).all()


@pytest.mark.parametrize("noise", sorted(NOISES))
def test_stationary_noise_raises_hardly_an_alarm(noise: str) -> None:
    values = NOISES[noise](np.random.default_rng(6), 60, 1200)
    detector = PatternShift()
    _, scores = detector.advance(detector.fresh(60), batch_of(values))
    is_alarm = scores.score >= ANOMALOUS
    begun = is_alarm[:, 1:] & ~is_alarm[:, :-1]  # what is odd stays so for a while
    assert begun.mean() < 1e-4
    assert np.nanmean(scores.signals[SIGNAL]) < 0.05


def test_the_unit_does_not_matter() -> None:
    past = np.random.default_rng(7).normal(size=(1, 20, 64))
    vectors = [behaviour(scale * past[0] + level)[None] for scale, level in ((1, 5), (1e6, 5e6))]
    one, other = (compressed(vector, np.median(vector[:, :, :2], 1)) for vector in vectors)
    np.testing.assert_allclose(one, other, atol=1e-6)
