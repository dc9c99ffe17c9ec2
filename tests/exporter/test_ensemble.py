import numpy as np
import pytest

from exporter.core.scores import Scores
from exporter.ensemble import combine

NAN = float("nan")


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


def test_a_single_detector_is_the_ensemble() -> None:
    only = vote(0.3)
    assert combine([only], [5.0]) is only
