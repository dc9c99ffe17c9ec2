from collections.abc import Sequence

import numpy as np
import pytest

from exporter.core.scores import Scores
from exporter.core.series import Floats
from exporter.ensemble import Combination, combine, contributions

NAN = float("nan")
MAX = Combination(kind="max")


def quorum(share: float) -> Combination:
    return Combination(kind="quorum", quorum=share)


def vote(*score: float) -> Scores:
    cells = np.array([score])
    return Scores(cells, cells * 10, cells * 10 - 1, cells * 10 + 1, cells, cells)


def test_weights_are_relative() -> None:
    combined = combine([vote(1.0), vote(0.5)], [3.0, 1.0])
    assert combined.score[0, 0] == pytest.approx(0.875)
    assert combined.expected[0, 0] == pytest.approx(8.75)


def test_who_cannot_tell_leaves_the_vote() -> None:
    combined = combine([vote(0.8, NAN, NAN), vote(NAN, 0.4, NAN)], [1.0, 9.0])
    np.testing.assert_allclose(combined.score, [[0.8, 0.4, NAN]])


@pytest.mark.parametrize("combination", [Combination(), MAX, quorum(1.0)])
def test_a_single_detector_is_the_ensemble(combination: Combination) -> None:
    only = vote(0.3)
    assert combine([only], [5.0], combination) is only


def test_the_maximum_is_scaled_to_the_heaviest_that_votes() -> None:
    votes = [vote(0.6, 0.2, NAN, NAN), vote(0.9, 0.9, 0.9, NAN)]
    combined = combine(votes, [2.0, 1.0], MAX)
    np.testing.assert_allclose(combined.score, [[0.6, 0.45, 0.9, NAN]])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.3, 0.9), (0.31, 0.8), (0.5, 0.8), (0.51, 0.4), (0.8, 0.4), (1.0, 0.1)],
)
def test_a_quorum_is_what_that_share_of_the_weight_reaches(share: float, expected: float) -> None:
    votes = [vote(0.4), vote(0.9), vote(0.1), vote(0.8)]
    assert combine(votes, [0.3, 0.3, 0.2, 0.2], quorum(share)).score[0, 0] == expected


def test_a_quorum_counts_only_those_who_vote() -> None:
    votes = [vote(NAN, NAN), vote(0.9, NAN), vote(0.7, NAN), vote(0.2, NAN)]
    combined = combine(votes, [9.0, 1.0, 1.0, 1.0], quorum(0.6))
    np.testing.assert_equal(combined.score, [[0.7, NAN]])


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("threshold", [0.3, 0.6])
def test_a_quorum_is_above_a_threshold_exactly_when_that_share_is(
    share: float, threshold: float
) -> None:
    rng = np.random.default_rng(4)
    scores = rng.random((5, 30, 40))
    scores[rng.random(scores.shape) < 0.2] = NAN
    weights = [3.0, 1.0, 2.0, 2.0, 0.5]
    votes = [Scores(one, one, one, one, one, one) for one in scores]
    combined = combine(votes, weights, quorum(share)).score
    weight = np.array(weights)[:, None, None]
    with np.errstate(invalid="ignore"):
        agreed = (weight * (scores >= threshold)).sum(0)
        needed = share * (weight * ~np.isnan(scores)).sum(0)
        np.testing.assert_array_equal(combined >= threshold, (agreed >= needed) & (needed > 0))


def test_who_has_no_whole_band_leaves_the_band_but_not_the_vote() -> None:
    blind = vote(0.8, 0.8, 0.8)
    blind.expected[:] = NAN
    halves = vote(0.4, 0.4, 0.4)
    halves.lower[0, 1:] = NAN
    sighted = vote(0.2, 0.2, NAN)
    combined = combine([blind, halves, sighted], [1.0, 1.0, 3.0])
    np.testing.assert_allclose(combined.score, [[0.36, 0.36, 0.6]])
    np.testing.assert_allclose(combined.expected, [[2.5, 2.0, NAN]])
    np.testing.assert_allclose(combined.lower, [[1.5, 1.0, NAN]])
    np.testing.assert_allclose(combined.upper, [[3.5, 3.0, NAN]])


def test_the_level_is_combined_by_itself_only_where_it_differs() -> None:
    assert (same := combine([vote(0.8), vote(0.4)], [1.0, 1.0])).level is same.score
    other = vote(0.4)
    louder = Scores(
        other.score, other.expected, other.lower, other.upper, other.sigmas, np.array([[1.0]])
    )
    combined = combine([vote(0.8), louder], [1.0, 1.0])
    assert (combined.score[0, 0], combined.level[0, 0]) == pytest.approx((0.6, 0.9))


@pytest.mark.parametrize("combination", [Combination(), MAX, quorum(0.5)])
def test_levels_and_onsets_are_means_whatever_the_scores_are(combination: Combination) -> None:
    cells = np.array([[0.9]])
    level, onset = np.array([[0.2]]), np.array([[0.1]])
    telling = Scores(cells, cells, cells, cells, cells, level, onset=onset)
    combined = combine([telling, vote(0.5)], [1.0, 4.0], combination)
    assert combined.level[0, 0] == pytest.approx((0.2 + 4 * 0.5) / 5)
    assert combined.beginning[0, 0] == pytest.approx((0.1 + 4 * 0.5) / 5)
    assert combine([vote(0.5), vote(0.5)], [1.0, 1.0], combination).onset is None


@pytest.mark.parametrize(
    ("combination", "expected"),
    [
        (Combination(), [0.6, 0.4, 0.0]),
        (MAX, [1.0, 0.0, 0.0]),
        (quorum(0.5), [0.75, 0.25, 0.0]),
    ],
)
def test_contributions_by_hand(combination: Combination, expected: Sequence[float]) -> None:
    votes = np.array([[0.4, 0.0], [0.8, 0.0], [NAN, NAN]])
    found: Floats = contributions(votes, [3.0, 1.0, 6.0], combination)
    np.testing.assert_allclose(found.T, [expected, [0.0, 0.0, 0.0]])
