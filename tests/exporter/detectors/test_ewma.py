import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, MAX_SIGMAS
from exporter.core.series import Floats
from exporter.core.tail import Told
from exporter.detectors import ewma
from exporter.detectors.ewma import Ewma
from tests.exporter.detectors.simulated import (
    batch_of,
    every_noise,
    false_alarms,
    scores_of,
    simulate,
)

MINUTE = 60.0


def noise(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(50.0, 2.0, (1, columns))


def test_mean_and_deviation_by_hand() -> None:
    """Plain mean and deviation of 1..10 at first; then each sample has the weight 1/2."""
    detector = Ewma(half_life=1.0, min_samples=10)
    scores = scores_of(Ewma(half_life=1e9, min_samples=10), np.array([[*range(1, 11), 7.0]]))
    assert scores.expected[0, 10] == pytest.approx(5.5)
    assert scores.sigmas[0, 10] == pytest.approx(1.5 / np.std(np.arange(1, 11)))
    values = np.array([[0.0, 1.0] * 5 + [4.0]])
    scores = scores_of(detector, values)
    mean, variance = 0.0, 0.0
    for count, now in enumerate(values[0, :10]):
        step = max(0.5, 1 / (count + 1))
        gap = now - mean if count else 0.0
        mean = mean + step * gap if count else now
        variance = (1 - step) * (variance + step * gap**2)
    assert scores.expected[0, 10] == pytest.approx(mean)
    assert scores.sigmas[0, 10] == pytest.approx((4.0 - mean) / np.sqrt(variance))


def test_the_edges_of_the_band_score_what_an_anomaly_does() -> None:
    state, _ = Ewma().advance(Ewma().fresh(1), batch_of(noise(300)))
    _, now = Ewma().advance(state, batch_of(np.array([[50.0]]), first=300))
    for edge in (now.lower[0, 0], now.upper[0, 0]):
        _, there = Ewma().advance(state, batch_of(np.array([[edge]]), first=300))
        assert there.score[0, 0] == pytest.approx(ANOMALOUS)


def test_flags_a_spike_on_its_sample_and_forgets_it() -> None:
    values = noise(300)
    values[0, 200] = 120.0
    scores = scores_of(Ewma(), values)
    assert np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist() == [200]
    assert scores.expected[0, 201] == scores.expected[0, 200]


def test_an_incident_is_learned_when_it_is_the_new_normal() -> None:
    values = np.concatenate([noise(200), noise(200, seed=2) + 100.0], 1)
    scores = scores_of(Ewma(accept_after=50 * MINUTE), values)
    is_anomaly = scores.score[0] >= ANOMALOUS
    assert is_anomaly[200:250].all(), "an incident does not hide itself"
    assert np.isnan(scores.score[0, 252:310]).all(), "learns it afresh"
    assert not is_anomaly[252:].any()
    assert scores.expected[0, -1] == pytest.approx(150.0, abs=2.0)


@every_noise
def test_noise_is_no_anomaly(noise: str) -> None:
    assert false_alarms(Ewma(), simulate(noise)) < (3e-4 if noise == "AR(1) t3" else 1.5e-4)


def test_heavier_tails_are_learned() -> None:
    normal, heavy = simulate("normal"), simulate("student t3")
    widths = [
        np.median(scores.upper[:, -1] - scores.expected[:, -1])
        for scores in (scores_of(Ewma(), normal), scores_of(Ewma(), heavy / np.sqrt(3.0)))
    ]
    assert 5.0 < widths[0] < 10.0
    assert widths[1] > 1.7 * widths[0]


def test_a_change_after_a_constant_is_as_rare_as_the_constant_was_long() -> None:
    values = np.full((1, 1000), 7.0)
    values[0, -1] = 8.0
    scores = scores_of(Ewma(), values)
    assert scores.score[0, -1] == pytest.approx(np.log10(999.0 / 2.0) / 7, rel=0.01)
    assert scores.score[0, -2] == 0.0
    assert scores.sigmas[0, -1] == MAX_SIGMAS
    assert scores.upper[0, -1] == pytest.approx(7.0)


def test_a_quiet_night_does_not_make_the_whole_morning_odd() -> None:
    day = np.random.default_rng(3).normal(50.0, 2.0, (20, 600))
    values = np.concatenate([day, np.full((20, 900), 50.0), day[:, ::-1]], 1)
    morning = scores_of(Ewma(), values).score[:, 1500:1560]
    assert (morning >= ANOMALOUS).mean() < 0.02


def test_infinities_are_odd_and_not_learned() -> None:
    values = noise(300)
    values[0, 200:203] = [np.inf, -np.inf, 1e200]
    scores = scores_of(Ewma(), values)
    assert (scores.score[0, 200:203] > 0.9).all()
    assert scores.expected[0, 203] == scores.expected[0, 200]


def test_compiled_and_uncompiled_agree() -> None:
    values = noise(150)
    values[0, [70, 75, 100]] = [np.nan, np.inf, 400.0]
    values[0, 120:] += 300.0
    detector = Ewma(min_samples=20, accept_after=10 * MINUTE)
    state, scores = detector.advance(detector.fresh(1), batch_of(values))
    slow: State = detector.fresh(1)
    told = Told(*(np.full(values.shape, np.nan) for _ in Told._fields))
    past = ewma.Past(**slow)
    gain = 1.0 - 0.5 ** (1.0 / detector.half_life)
    run = uncompiled(ewma.advance_ewma)
    run(values, past, gain, 20, 10, told)
    np.testing.assert_allclose(told.score, scores.score)
    np.testing.assert_allclose(told.upper, scores.upper)
    for name, array in slow.items():
        np.testing.assert_allclose(array, state[name], err_msg=name)
    for learn, *said in (
        (ewma.learn_tail, True, 1.5),
        (ewma.learn_sample, 52.0, False, gain, 3),
        (ewma.learn_sample, 500.0, True, gain, 3),
        (ewma.learn_sample, 500.0, True, gain, 0),
    ):
        learn(ewma.Past(**state), 0, *said)
        uncompiled(learn)(past, 0, *said)
    for name, array in slow.items():
        np.testing.assert_allclose(array, state[name], err_msg=name)
