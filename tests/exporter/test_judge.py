import numpy as np
import pytest

from exporter.core.scores import Scores
from exporter.judge import Policy, Reason, judge

NAN = float("nan")
INF = float("inf")


def scores_of(score: float, expected: float) -> Scores:
    def cell(value: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.array([[value]])

    band = cell(expected - 10), cell(expected + 10)
    return Scores(cell(score), cell(expected), *band, cell(3.0), cell(score))


@pytest.mark.parametrize(
    ("value", "score", "policy", "published", "reason"),
    [
        (70.0, 0.9, Policy(), 0.9, Reason.ABOVE_BAND),
        (30.0, 0.9, Policy(), 0.9, Reason.BELOW_BAND),
        (52.0, 0.3, Policy(), 0.3, Reason.NORMAL),
        (70.0, 0.6, Policy(threshold=0.6), 0.6, Reason.ABOVE_BAND),
        (70.0, 0.7, Policy(threshold=0.8), 0.7, Reason.NORMAL),
        (30.0, 0.9, Policy(direction="up"), 0.0, Reason.OTHER_DIRECTION),
        (70.0, 0.9, Policy(direction="up"), 0.9, Reason.ABOVE_BAND),
        (70.0, 0.9, Policy(direction="down"), 0.0, Reason.OTHER_DIRECTION),
        (30.0, 0.9, Policy(direction="down"), 0.9, Reason.BELOW_BAND),
        (54.9, 0.9, Policy(min_deviation=5.0), 0.0, Reason.TOO_SMALL),
        (55.0, 0.9, Policy(min_deviation=5.0), 0.9, Reason.ABOVE_BAND),
        (54.9, 0.9, Policy(min_relative_deviation=0.1), 0.0, Reason.TOO_SMALL),
        (101.0, 0.1, Policy(high=100.0), 1.0, Reason.OUT_OF_RANGE),
        (-1.0, NAN, Policy(low=0.0), 1.0, Reason.OUT_OF_RANGE),
        (-1.0, 0.9, Policy(low=0.0, direction="up"), 1.0, Reason.OUT_OF_RANGE),
        (70.0, NAN, Policy(), 0.0, Reason.WARMING_UP),
        (NAN, NAN, Policy(), NAN, Reason.NO_SAMPLE),
        (INF, 1.0, Policy(), 1.0, Reason.ABOVE_BAND),
    ],
)
def test_verdict(
    value: float, score: float, policy: Policy, published: float, reason: Reason
) -> None:
    verdict = judge(np.array([[value]]), scores_of(score, 50.0), policy)
    np.testing.assert_equal(verdict.scores.score[0, 0], published)
    assert Reason(verdict.reason[0, 0]) is reason
    assert verdict.is_anomaly[0, 0] == (reason >= Reason.ABOVE_BAND)


def test_published_score_reaches_the_threshold_exactly_when_it_is_an_anomaly() -> None:
    """What rules compare, score >= threshold, must be the verdict."""
    rng = np.random.default_rng(3)
    values = rng.normal(50, 30, (20, 50))
    center, low, high, one = (np.full((20, 50), x) for x in (50.0, 40.0, 60.0, 1.0))
    raw = Scores(rng.random((20, 50)), center, low, high, one, one)
    policy = Policy(direction="up", low=-10, high=110, min_deviation=12, threshold=0.7)
    verdict = judge(values, raw, policy)
    np.testing.assert_array_equal(verdict.scores.score >= policy.threshold, verdict.is_anomaly)
    assert 0 < verdict.is_anomaly.sum() < verdict.is_anomaly.size


def test_band_stays_within_the_possible() -> None:
    verdict = judge(np.array([[0.5]]), scores_of(0.1, 0.5), Policy(low=0.0, high=1.0))
    assert (verdict.scores.lower[0, 0], verdict.scores.upper[0, 0]) == (0.0, 1.0)


def test_level_and_onset_are_silenced_as_the_score_is() -> None:
    """One that policy calls harmless, one to tell of, an impossible one, and none."""
    values = np.array([[40.0, 70.0, 101.0, NAN]])
    raw, center = np.full((1, 4), 0.9), np.full((1, 4), 50.0)
    level, onset = np.full((1, 4), 0.8), np.full((1, 4), 0.3)
    scores = Scores(raw, center, center, center, center, level, onset=onset)
    told = judge(values, scores, Policy(direction="up", high=100.0)).scores
    np.testing.assert_equal(told.score, [[0.0, 0.9, 1.0, NAN]])
    np.testing.assert_equal(told.level, [[0.0, 0.8, 1.0, NAN]])
    np.testing.assert_equal(told.beginning, [[0.0, 0.3, 0.3, NAN]])
    alike = judge(values, Scores(raw, center, center, center, center, raw), Policy(high=100.0))
    assert alike.scores.beginning is alike.scores.score is alike.scores.level
