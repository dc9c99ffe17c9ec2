"""The five laws, for every detector of the table."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, Scores
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors import ALL
from exporter.detectors.base import Detector
from exporter.errors import DetectorError

STEP = 15_000
PARTS = ("score", "expected", "lower", "upper", "sigmas", "level")
WINDOWED = {"window": 12, "min_samples": 10, "accept_after": 60.0}
PATIENT = {"min_samples": 10, "accept_after": 60.0}
LEARNED = {"window": 8, "sample": 16, "refit": 16, "accept_after": 60.0}
SMALL: dict[str, dict[str, Any]] = {
    "cusum": PATIENT,
    "drop_to_zero": PATIENT,
    "ewma": PATIENT,
    "flat_line": PATIENT,
    "isolation_forest": {**LEARNED, "trees": 10},
    "lof": LEARNED,
    "lstm_autoencoder": {"accept_after": 60.0},
    "mad": WINDOWED,
    "one_class_svm": LEARNED,
    "pattern_shift": {"window": 8, "patterns": 8, "accept_after": 60.0},
    "seasonal_esd": {"window": 20, "min_samples": 10, "quarantine": 2, "accept_after": 60.0},
    "subsequence": {"window": 2, "history": 32, "accept_after": 60.0},
    "trend_change": {"window": 10},
    "zscore": WINDOWED,
}
"""Settings under which a detector says something within 40 samples; default: its own."""

BLIND_TO_BURSTS: frozenset[str] = frozenset(
    {"cusum", "drop_to_zero", "flat_line", "pattern_shift", "trend_change"}
)
"""Detectors that look for something else than a sample far away from all others."""


def small(kind: type[Detector]) -> Detector:
    return kind(**SMALL.get(kind().name, {}))


every_detector = pytest.mark.parametrize(
    "detector", [small(kind) for kind in ALL], ids=lambda detector: detector.name
)
independent_detectors = pytest.mark.parametrize(
    "detector",
    [small(kind) for kind in ALL if small(kind).is_independent],
    ids=lambda detector: detector.name,
)

ordinary = st.floats(-1e6, 1e6, allow_nan=False, width=32)
awkward = st.one_of(
    ordinary, st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324])
)


def batch_of(values: Floats, first: int = 0) -> SeriesBatch:
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(values)))
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(keys, times, values, STEP)


def matrices(elements: st.SearchStrategy[float] = awkward) -> st.SearchStrategy[Floats]:
    shapes = st.tuples(st.integers(1, 4), st.integers(1, 40))
    return arrays(np.float64, shapes, elements=elements)


def assert_same(one: Scores, other: Scores) -> None:
    for name in PARTS:
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=1e-7, atol=1e-9, err_msg=name
        )


def assert_same_state(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, other[name], rtol=1e-9, err_msg=name)


@every_detector
@given(values=matrices(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_chunking_does_not_matter(detector: Detector, values: Floats, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, values.shape[1]))
    state, whole = detector.advance(detector.fresh(len(values)), batch_of(values))
    middle, head = detector.advance(detector.fresh(len(values)), batch_of(values[:, :cut]))
    end, tail = detector.advance(middle, batch_of(values[:, cut:], first=cut))
    joined = [np.concatenate([getattr(head, name), getattr(tail, name)], 1) for name in PARTS]
    score, expected, lower, upper, sigmas, level = joined
    assert_same(whole, Scores(score, expected, lower, upper, sigmas, level))
    assert_same_state(state, end)


@every_detector
@given(values=matrices(), other=awkward)
@settings(max_examples=40, deadline=None)
def test_the_band_does_not_know_the_sample(
    detector: Detector, values: Floats, other: float
) -> None:
    changed = values.copy()
    changed[:, -1] = other
    _, one = detector.advance(detector.fresh(len(values)), batch_of(values))
    _, two = detector.advance(detector.fresh(len(values)), batch_of(changed))
    for name in ("expected", "lower", "upper"):
        np.testing.assert_array_equal(getattr(one, name)[:, -1], getattr(two, name)[:, -1])


@independent_detectors
@given(values=matrices(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_series_are_independent(detector: Detector, values: Floats, data: st.DataObject) -> None:
    order = np.array(data.draw(st.permutations(range(len(values)))))
    _, one = detector.advance(detector.fresh(len(values)), batch_of(values))
    _, two = detector.advance(detector.fresh(len(values)), batch_of(values[order]))
    for name in PARTS:
        np.testing.assert_allclose(getattr(one, name)[order], getattr(two, name), rtol=1e-9)


@every_detector
@given(values=matrices())
@settings(max_examples=60, deadline=None)
def test_nan_gives_nan_and_nothing_warns_or_is_written_to(
    detector: Detector, values: Floats
) -> None:
    before = values.copy()
    state = detector.fresh(len(values))
    kept = {name: array.copy() for name, array in state.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, scores = detector.advance(state, batch_of(values))
    np.testing.assert_array_equal(values, before)
    assert_same_state(state, kept)
    assert np.isnan(scores.score[np.isnan(values)]).all()
    told = scores.score[~np.isnan(scores.score)]
    assert ((told >= 0) & (told <= 1)).all()


@every_detector
@pytest.mark.parametrize(
    "values",
    [
        np.full((2, 30), np.nan),
        np.full((2, 30), 7.0),
        np.full((2, 30), np.inf),
        np.array([[1.0]]),
        np.empty((0, 5)),
        np.empty((3, 0)),
    ],
    ids=["all-nan", "constant", "inf", "one-sample", "no-series", "no-columns"],
)
def test_degenerate_series_alarm_nobody(
    detector: Detector, values: npt.NDArray[np.float64]
) -> None:
    _, scores = detector.advance(detector.fresh(len(values)), batch_of(values))
    assert not (scores.score >= ANOMALOUS).any()


@every_detector
def test_scores_mean_rarity(detector: Detector) -> None:
    """On normal noise a score of 0.6 is rarer than one in a thousand, and bursts get high ones."""
    noise = np.random.default_rng(7).normal(100.0, 5.0, (200, 400))
    wide = type(detector)()
    state, scores = wide.advance(wide.fresh(200), batch_of(noise))
    told = scores.score[~np.isnan(scores.score)]
    assert told.size > 200 * 290
    assert (told >= ANOMALOUS).mean() < 1e-3
    _, burst = wide.advance(state, batch_of(np.full((200, 1), 400.0), first=400))
    if detector.name not in BLIND_TO_BURSTS:
        assert (burst.score > 0.8).all()


@every_detector
def test_a_foreign_state_is_refused(detector: Detector) -> None:
    with pytest.raises(DetectorError, match=detector.name):
        detector.advance({"other": np.zeros(2)}, batch_of(np.zeros((2, 3))))
