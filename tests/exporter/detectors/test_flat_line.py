import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats
from exporter.detectors import flat_line
from exporter.detectors.flat_line import FlatLine
from tests.exporter.detectors.simulated import (
    batch_of,
    every_noise,
    false_alarms,
    scores_of,
    simulate,
)

HOUR = 3600.0


def stuck(ordinary: int, repeats: int, seed: int = 1) -> Floats:
    values = np.random.default_rng(seed).normal(100.0, 3.0, (1, ordinary + repeats))
    values[0, ordinary:] = values[0, ordinary - 1]
    return values


@pytest.mark.parametrize(("ordinary", "repetitions"), [(500, 14), (2000, 6), (9000, 3)])
def test_says_so_after_as_many_repetitions_as_documented(ordinary: int, repetitions: int) -> None:
    score = scores_of(FlatLine(), stuck(ordinary, 20)).score[0]
    assert (score[30:ordinary] == 0.0).all()
    assert np.flatnonzero(score >= ANOMALOUS)[0] == ordinary + repetitions - 1
    assert (np.diff(score[ordinary:]) >= 0.0).all()


def test_the_alarm_ends_with_the_repetition() -> None:
    values = np.concatenate([stuck(2000, 50), stuck(100, 0, seed=2)], 1)
    is_anomaly = scores_of(FlatLine(), values).score[0] >= ANOMALOUS
    assert is_anomaly[2010:2050].all()
    assert not is_anomaly[2050:].any()


def test_what_stays_is_accepted_and_reported_once_it_has_moved_again() -> None:
    values = np.concatenate([stuck(2000, 500), stuck(1000, 50, seed=2)], 1)
    is_anomaly = scores_of(FlatLine(accept_after=2 * HOUR), values).score[0] >= ANOMALOUS
    assert is_anomaly[2010:2120].all()
    assert not is_anomaly[2130:3500].any()
    assert is_anomaly[3540:].any()


@every_noise
def test_noise_is_not_it(noise: str) -> None:
    assert false_alarms(FlatLine(), simulate(noise, 50)) < 1e-4


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("scraped", np.repeat(stuck(1000, 0), 4, axis=1), id="more steps than scrapes"),
        pytest.param("counts", np.floor(stuck(5000, 0) / 3), id="few distinct values"),
        pytest.param("inf", np.full((1, 500), np.inf), id="infinite"),
    ],
)
def test_what_often_repeats_is_not_stuck(name: str, values: Floats) -> None:
    assert false_alarms(FlatLine(), values) < 1e-4, name


def test_gaps_neither_end_a_repetition_nor_make_one() -> None:
    values = stuck(2000, 20)
    gappy = np.full((1, 2 * values.shape[1]), np.nan)
    gappy[0, ::2] = values[0]
    plain, spread = scores_of(FlatLine(), values).score, scores_of(FlatLine(), gappy).score
    np.testing.assert_array_equal(spread[0, ::2], plain[0])
    assert np.isnan(spread[0, 1::2]).all()


def test_compiled_and_uncompiled_agree() -> None:
    values = np.concatenate([stuck(300, 100), stuck(50, 10, seed=2)], 1)
    values[0, [100, 350]] = np.nan
    detector = FlatLine(accept_after=1 * HOUR)
    state, scores = detector.advance(detector.fresh(1), batch_of(values))
    slow = detector.fresh(1)
    score = np.full(values.shape, np.nan)
    past = flat_line.Past(**slow)
    uncompiled(flat_line.advance_flat_line)(values, past, detector.min_samples, 60, score)
    np.testing.assert_allclose(score, scores.score)
    for name, array in slow.items():
        np.testing.assert_array_equal(array, state[name], err_msg=name)
