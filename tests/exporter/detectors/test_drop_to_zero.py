import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats
from exporter.detectors import drop_to_zero
from exporter.detectors.drop_to_zero import DropToZero
from tests.exporter.detectors.simulated import (
    batch_of,
    every_noise,
    false_alarms,
    scores_of,
    simulate,
)

HOUR = 3600.0


def busy(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).lognormal(4.0, 0.5, (1, columns))


def dropped(ordinary: int, columns: int, to: float = 0.0) -> Floats:
    return np.concatenate([busy(ordinary), np.full((1, columns), to)], 1)


@pytest.mark.parametrize(("ordinary", "samples"), [(500, 13), (2000, 6), (9000, 3)])
@pytest.mark.parametrize("to", [0.0, 0.5, -3.0])
def test_says_so_after_as_many_samples_as_documented(
    ordinary: int, samples: int, to: float
) -> None:
    score = scores_of(DropToZero(), dropped(ordinary, 20, to)).score[0]
    assert (score[30:ordinary] == 0.0).all()
    assert np.flatnonzero(score >= ANOMALOUS)[0] == ordinary + samples - 1


def test_a_lower_level_is_no_drop_to_zero() -> None:
    assert (scores_of(DropToZero(), dropped(2000, 50, to=5.0)).score[0, 2000:] == 0.0).all()
    strict = scores_of(DropToZero(share=0.2), dropped(2000, 50, to=5.0))
    assert strict.score[0, -1] > ANOMALOUS


def test_a_spike_does_not_make_the_usual_level_look_like_nothing() -> None:
    values = busy(2000)
    values[0, 1000:1003] = [1e9, np.inf, 1e200]
    assert (scores_of(DropToZero(), values).score[0, 30:] == 0.0).all()


def test_an_outage_that_stays_is_accepted() -> None:
    values = np.concatenate([dropped(2000, 500), busy(1500, seed=2), np.zeros((1, 30))], 1)
    is_anomaly = scores_of(DropToZero(accept_after=2 * HOUR), values).score[0] >= ANOMALOUS
    assert is_anomaly[2010:2120].all()
    assert not is_anomaly[2130:4000].any()
    assert is_anomaly[4000:].any()


def test_a_lower_scale_that_stays_is_the_new_level() -> None:
    values = np.concatenate([busy(2000), busy(1500, seed=2) / 1000, np.zeros((1, 30))], 1)
    is_anomaly = scores_of(DropToZero(accept_after=2 * HOUR), values).score[0] >= ANOMALOUS
    assert is_anomaly[2010:2120].all()
    assert not is_anomaly[2130:3500].any()
    assert is_anomaly[3520:].any()


def test_nights_of_zeros_are_known_after_two() -> None:
    day, night = 900, 540
    values = np.concatenate([np.append(busy(day, seed), np.zeros(night)) for seed in range(5)])
    is_anomaly = scores_of(DropToZero(), values[None, :]).score[0] >= ANOMALOUS
    assert is_anomaly[: day + night].any()
    assert not is_anomaly[2 * (day + night) :].any()


@every_noise
def test_noise_is_not_it(noise: str) -> None:
    assert false_alarms(DropToZero(), simulate(noise, 50)) < 1.5e-4


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param("zero", np.random.default_rng(1).normal(size=(20, 3000)), id="around zero"),
        pytest.param("below", -busy(1000), id="below zero"),
        pytest.param(
            "half", np.random.default_rng(1).binomial(1, 0.5, (20, 3000)) * 5.0, id="half"
        ),
    ],
)
def test_what_is_often_nothing_does_not_drop(name: str, values: Floats) -> None:
    assert false_alarms(DropToZero(), values) < 1.5e-4, name


def test_compiled_and_uncompiled_agree() -> None:
    values = np.concatenate([dropped(300, 200), busy(50, seed=2)], 1)
    values[0, [100, 101, 350]] = [np.nan, np.inf, np.nan]
    detector = DropToZero(accept_after=1 * HOUR)
    state, scores = detector.advance(detector.fresh(1), batch_of(values))
    slow = detector.fresh(1)
    score = np.full(values.shape, np.nan)
    past = drop_to_zero.Past(**slow)
    advance = uncompiled(drop_to_zero.advance_drop_to_zero)
    advance(values, past, detector.share, detector.min_samples, 60, score)
    np.testing.assert_allclose(score, scores.score)
    drop_to_zero.learn_level(drop_to_zero.Past(**state), 0, 1e6)
    uncompiled(drop_to_zero.learn_level)(past, 0, 1e6)
    for name, array in slow.items():
        np.testing.assert_allclose(array, state[name], err_msg=name)
