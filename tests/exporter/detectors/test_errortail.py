"""Is the score of an error the rarity that the training saw?"""

import numpy as np
import pytest

from exporter.detectors.errortail import TAIL_INDEX, ErrorTail


def test_known_quantiles_score_their_rarity_and_the_tail_goes_on_as_a_power() -> None:
    tail = ErrorTail([0.1, 0.01, 0.001], [1.0, 2.0, 4.0])
    grid = np.linspace(0.0, tail.end, len(tail.scores))
    scores = np.interp([0.0, 1.0, 2.0, 4.0, 4.0 * 10 ** (1 / TAIL_INDEX)], grid, tail.scores)
    np.testing.assert_allclose(scores, np.array([0, 1, 2, 3, 4]) / 7, atol=1e-3)
    assert tail.scores[-1] == 1.0
    assert (np.diff(tail.scores) >= 0).all()


def test_errors_are_found_by_their_score() -> None:
    tail = ErrorTail([0.1, 0.01, 0.001], [1.0, 2.0, 4.0])
    assert tail.error_at(2 / 7) == pytest.approx(2.0, rel=1e-2)
    assert tail.error_at(1.0) == tail.end


@pytest.mark.parametrize(
    ("probabilities", "quantiles"),
    [([0.1, 0.2], [1.0, 2.0]), ([0.2, 0.1], [2.0, 1.0]), ([0.2, 0.1], [1.0]), ([1.0, 0.1], [1, 2])],
)
def test_what_are_no_quantiles_is_refused(
    probabilities: list[float], quantiles: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"probabilities"):
        ErrorTail(probabilities, quantiles)
