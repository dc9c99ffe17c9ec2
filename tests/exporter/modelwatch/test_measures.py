"""Are the numbers right? By hand, and beside scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from exporter.core.series import Floats
from exporter.modelwatch.day import DAY, DISTINCT, EMPTY, Day, compressed, days_of, merged, rounded
from exporter.modelwatch.measures import f1_error, f1_of, measures_of, roc_auc
from exporter.modelwatch.pairs import Pairs


def day_of(scores: object, truths: object, decision: float = 0.5) -> Day:
    score = np.asarray(scores, dtype=np.float64)[:, None]
    pairs = Pairs(np.zeros(1, dtype=np.int64), score, np.asarray(truths, np.float64)[:, None])
    ((_, day),) = days_of(pairs, decision)
    return day


def confused(tp: int, fp: int, fn: int, tn: int) -> Day:
    nothing = np.empty(0, dtype=np.int64)
    return Day(tp + fp + fn + tn, np.array([tp, fp, fn, tn]), np.empty(0), nothing, nothing)


def test_a_day_by_hand() -> None:
    scores = [0.9, 0.9, 0.8, 0.5, 0.4, 0.4, 0.1, np.nan, 0.7]
    truths = [1, 0, 1, 1, 1, 0, 0, 1, np.nan]
    day = day_of(scores, truths)
    assert (day.predictions, day.labelled) == (8, 7)
    np.testing.assert_array_equal(day.confusion, [3, 1, 1, 2])
    np.testing.assert_array_equal(day.scores, [0.1, 0.4, 0.5, 0.8, 0.9])
    np.testing.assert_array_equal(day.positives, [0, 1, 1, 1, 1])
    np.testing.assert_array_equal(day.negatives, [1, 1, 0, 0, 1])
    assert f1_of(day) == pytest.approx(6 / 8)
    # Of 12 pairs: 0.4 is above 0.1 and equal to 0.4; 0.5 and 0.8 above both; 0.9 equal to 0.9.
    area, bound = roc_auc(day)
    assert area == pytest.approx((1.5 + 2 + 2 + 2.5) / 12)
    assert bound == 0.0


def test_the_cut_is_part_of_what_says_1_and_classes_are_scores_too() -> None:
    np.testing.assert_array_equal(day_of([2, 3, 3], [1, 1, 0], 3.0).confusion, [1, 1, 1, 0])
    day = day_of([1, 0, 1, 0], [1, 1, 0, 0])
    assert roc_auc(day) == (0.5, 0.0)
    assert len(day_of([-0.0, 0.0], [1, 0]).scores) == 1


@pytest.mark.parametrize("seed", range(8))
def test_they_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = (rng.random(3_000) < 0.1 + 0.1 * seed).astype(np.float64)
    scores: Floats = rng.normal(truths, 1.5)
    if seed % 2:
        scores = np.round(scores, 1)  # with ties
    says = scores >= 0.5
    parts = [day_of(scores[first::7], truths[first::7]) for first in range(7)]
    found = measures_of(parts)
    assert found.precision == pytest.approx(precision_score(truths, says), abs=1e-12)
    assert found.recall == pytest.approx(recall_score(truths, says), abs=1e-12)
    assert found.f1 == pytest.approx(f1_score(truths, says), abs=1e-12)
    assert found.roc_auc == pytest.approx(roc_auc_score(truths, scores), abs=1e-12)
    assert found.roc_auc_bound == 0.0
    small = [compressed(day) for day in parts]
    assert not any(day.is_rounded for day in small)
    squeezed = compressed(merged(parts))
    area, bound = roc_auc(squeezed)
    assert abs(area - roc_auc_score(truths, scores)) <= bound + 1e-12
    assert bound < 0.01
    assert squeezed.is_rounded == (seed % 2 == 0)
    np.testing.assert_array_equal(squeezed.confusion, merged(parts).confusion)


def test_rounding_keeps_order_and_a_second_time_changes_nothing() -> None:
    scores = np.sort(np.random.default_rng(3).normal(0.0, 1e3, 5_000) ** 3)
    once = rounded(scores)
    assert (np.diff(once) >= 0).all()
    np.testing.assert_array_equal(rounded(once), once)
    np.testing.assert_allclose(once, scores, rtol=1 / 512)
    assert rounded(np.array([0.0, -1e-310]))[0] == 0.0


def test_whether_scores_are_rounded_does_not_depend_on_how_a_day_was_cut() -> None:
    rng = np.random.default_rng(4)
    scores, truths = rng.random(2 * DISTINCT), (rng.random(2 * DISTINCT) < 0.5) * 1.0
    at_once = compressed(day_of(scores, truths))
    piecewise = EMPTY
    for first in range(0, 2 * DISTINCT, 100):
        part = slice(first, first + 100)
        piecewise = compressed(merged([piecewise, day_of(scores[part], truths[part])]))
    assert at_once.is_rounded
    assert piecewise.is_rounded
    np.testing.assert_array_equal(piecewise.scores, at_once.scores)
    np.testing.assert_array_equal(piecewise.positives, at_once.positives)
    np.testing.assert_array_equal(piecewise.negatives, at_once.negatives)
    assert len(at_once.scores) < DISTINCT


def test_what_cannot_be_said_is_nan() -> None:
    few = measures_of([day_of([0.9] * 99, [1] * 99)])
    assert (few.predictions, few.labelled) == (99, 99)
    assert math.isnan(few.f1)
    assert math.isnan(few.roc_auc)
    never = measures_of([day_of([0.1] * 100, [0] * 100)])
    assert all(math.isnan(one) for one in (never.precision, never.recall, never.f1))
    missed = measures_of([day_of([0.1] * 100, [1] + [0] * 99)])
    assert math.isnan(missed.precision)
    assert (missed.recall, missed.f1, missed.roc_auc) == (0.0, 0.0, 0.5)
    assert measures_of([]).labelled == 0


def test_days_are_those_of_utc() -> None:
    times = np.array([DAY - 1, DAY, 3 * DAY], dtype=np.int64)
    scores = np.array([[0.9, 0.1, np.nan]])
    found = dict(days_of(Pairs(times, scores, np.array([[1.0, 1.0, 1.0]])), 0.5))
    assert list(found) == [0, 1]
    np.testing.assert_array_equal(found[0].confusion, [1, 0, 0, 0])
    np.testing.assert_array_equal(found[1].confusion, [0, 0, 1, 0])


def test_the_error_of_f1_by_hand() -> None:
    days = [confused(8, 2, 0, 5), confused(6, 2, 2, 5), confused(7, 1, 2, 5)]
    # q = 21 / 30; without each day F1 is 26 / 33, 30 / 35 and 28 / 34.
    binomial = 2 / 1.7**2 * math.sqrt(0.7 * 0.3 / 30)
    without = np.array([26 / 33, 30 / 35, 28 / 34])
    jackknife = math.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    assert f1_error(days) == pytest.approx(max(binomial, jackknife))
    unlike = [confused(80, 2, 0, 5), confused(10, 40, 40, 5), confused(80, 2, 0, 5)]
    without = np.array([180 / 262, 320 / 324, 180 / 262])
    jackknife = math.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum())
    assert f1_error(unlike) == pytest.approx(jackknife)
    assert math.isnan(f1_error(days[:2]))
    assert math.isnan(f1_error([confused(0, 0, 0, 9)] * 3))


@pytest.mark.parametrize("repeats", [1, 24])
def test_the_error_holds_though_predictions_repeat_themselves(repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    found, errors = [], []
    for _ in range(300):
        days = []
        for _ in range(7):
            truths = rng.random(60) < 0.4
            says = truths ^ (rng.random(60) < 0.1)
            days.append(day_of(np.repeat(says, repeats), np.repeat(truths, repeats)))
        found.append(f1_of(merged(days)))
        errors.append(f1_error(days))
    assert np.median(errors) == pytest.approx(np.std(found), rel=0.25)
