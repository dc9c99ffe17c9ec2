import numpy as np
import pytest

from exporter.core import runs
from exporter.core.kernels import uncompiled
from exporter.core.runs import ACCEPTED, LENGTHS, REMEMBERED, Singles

score, learn_run = uncompiled(runs.run_score), uncompiled(runs.learn_run)
learn_ordinary = uncompiled(runs.learn_ordinary)


def counts(*reached: float) -> Singles:
    array = np.zeros(LENGTHS, dtype=np.float32)
    array[: len(reached)] = reached
    return array


def test_a_run_counts_for_every_length_it_reached() -> None:
    reached = counts()
    for length in (0, 1, 3, 4, ACCEPTED):
        learn_run(length, False, reached)
    assert reached.tolist() == counts(3, 2, 1).tolist()
    learn_run(10**9, True, reached)
    assert reached[-1] == np.float32(0.3), "a run that was found anomalous counts less"


def test_the_first_run_by_hand() -> None:
    """3 / 3003 for a run at all, then (3000/4 + 30) / 3030 = 0.25743 for each doubling."""
    assert score(0, 3000.0, counts()) == 0.0
    assert score(ACCEPTED, 3000.0, counts()) == 0.0
    assert score(1, 3000.0, counts()) == pytest.approx(-np.log10(3 / 3003) / 7)
    assert score(4, 3000.0, counts()) == pytest.approx(-np.log10(3 / 3003 * 0.25743**2) / 7, 1e-5)
    middle = score(6, 3000.0, counts())
    assert score(4, 3000.0, counts()) < middle < score(8, 3000.0, counts())


def test_runs_that_were_seen_are_not_rare() -> None:
    """Every value is there four times: three repetitions are certain, more unheard of."""
    reached = counts(1000, 1000)
    assert score(3, 1000.0, reached) < 0.25
    assert score(200, 1000.0, reached) > 0.6
    assert score(120, 1000.0, counts(1000, 900, 800, 700, 600, 500, 400, 300)) < 0.1


@pytest.mark.parametrize("trials", [0.0, 2.0])
def test_a_series_that_was_never_seen_to_change_cannot_be_stuck(trials: float) -> None:
    assert score(30_000, trials, counts()) < 0.3
    assert score(10**6, trials, counts()) < 0.3


def test_what_was_long_ago_fades() -> None:
    trials, reached = np.array([REMEMBERED - 1], dtype=np.float32), counts(8, 4)
    learn_ordinary(trials, 0, reached)
    assert trials[0] == REMEMBERED / 2
    assert reached.tolist() == counts(4, 2).tolist()


def test_compiled_and_uncompiled_agree() -> None:
    fast, slow = counts(9, 4), counts(9, 4)
    runs.learn_run(5, True, fast)
    learn_run(5, True, slow)
    np.testing.assert_array_equal(fast, slow)
    few, same = np.array([REMEMBERED - 1], np.float32), np.array([REMEMBERED - 1], np.float32)
    runs.learn_ordinary(few, 0, fast)
    learn_ordinary(same, 0, slow)
    np.testing.assert_array_equal(fast, slow)
    for length in (1, 2, 5, 100, 10**6):
        assert runs.run_score(length, 500.0, fast) == pytest.approx(score(length, 500.0, slow))
