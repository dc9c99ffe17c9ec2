import numpy as np
import pytest

from exporter.core.scores import ANOMALOUS
from exporter.core.series import Floats
from exporter.detectors.novelty import Novelty
from tests.exporter.detectors.simulated import (
    batch_of,
    every_noise,
    false_alarms,
    scores_of,
    simulate,
)

A_DAY = 1440


def noise(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(100.0, 3.0, (1, columns))


def test_says_nothing_of_the_first_samples() -> None:
    scores = scores_of(Novelty(), noise(100))
    assert np.isnan(scores.score[0, :50]).all()
    assert np.isfinite(scores.score[0, 50:]).all()
    assert np.isnan(scores.expected).all()


def test_a_spike_is_known_after_once() -> None:
    values = noise(3 * A_DAY)
    values[0, [600, A_DAY + 600, 2 * A_DAY + 600]] += 100.0
    scores = scores_of(Novelty(), values)
    assert scores.score[0, 600] > 0.8
    assert scores.score[0, [A_DAY + 600, 2 * A_DAY + 600]].max() < 0.2
    assert scores.onset is not None
    assert scores.onset[0, 600] > 0.6
    assert scores.onset[0, 601 : A_DAY + 599].max() < 0.2


def test_a_shift_is_news_once() -> None:
    values = noise(1000)
    values[0, 600:] += 80.0
    scores = scores_of(Novelty(), values)
    assert np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist() == [600]
    assert scores.score[0, 610:].max() < 0.1


def test_a_value_between_two_levels_is_new() -> None:
    """Nothing that looks at the distance from a mean would see it."""
    levels = np.where(np.arange(2000) // 50 % 2, 0.0, 100.0)
    values = (levels + np.random.default_rng(1).normal(size=2000))[None]
    values[0, 1500:1503] = 50.0
    scores = scores_of(Novelty(), values)
    assert np.argmax(scores.score[0, 500:]) == 1000
    assert scores.score[0, 1500] > 3 * np.delete(scores.score[0, 500:], 1000).max()


def test_a_course_is_new_though_its_values_are_not() -> None:
    """A job that always ran for two samples runs for eight: known heights, an unknown length."""
    values = np.zeros((1, 2000))
    values[0, np.arange(2000) % 50 < 2] = 100.0
    values[0, 1510:1518] = 100.0
    scores = scores_of(Novelty(), values)
    assert scores.score[0, 100:1500].max() < 0.01
    assert 0.05 < scores.score[0, 1512:1518].max() < ANOMALOUS, "it supports others"
    assert scores.level[0, 1515] > scores.level[0, 1490] + 0.3


@pytest.mark.parametrize(("length", "least", "most"), [(100, 0.0, 0.1), (20_000, ANOMALOUS, 1.0)])
def test_a_first_1_after_zeros_is_as_new_as_they_were_many(
    length: int, least: float, most: float
) -> None:
    values = np.zeros((1, length))
    values[0, -1] = 1.0
    scores = scores_of(Novelty(), values)
    assert least <= scores.score[0, -1] <= most
    assert scores.score[0, -2] == 0.0


def test_gaps_and_vanished_days_leave_what_was_seen() -> None:
    values = noise(4 * A_DAY)
    values[0, A_DAY : 3 * A_DAY] = np.nan
    values[0, 100:1400:7] = np.nan
    scores = scores_of(Novelty(), values)
    assert np.isnan(scores.score[np.isnan(values)]).all()
    assert scores.score[0, 3 * A_DAY :].max() < 0.3


def test_what_was_seen_long_ago_is_forgotten() -> None:
    detector = Novelty(memory_for=2000 * 60.0)
    values = noise(9000)
    values[0, [1000, 2500, 8500]] += 100.0
    scores = scores_of(detector, values)
    assert scores.score[0, 1000] > ANOMALOUS
    assert scores.score[0, 2500] < 0.2
    assert scores.score[0, 8500] > 0.5


@pytest.mark.parametrize("hours", [1, 24])
def test_long_steps(hours: int) -> None:
    values = noise(600)
    values[0, 550] += 100.0
    scores = scores_of(Novelty(), values, step=hours * 3_600_000)
    assert np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist() == [550]


def test_a_range_of_next_to_nothing_does_not_silence_what_follows() -> None:
    values = np.zeros((1, 300))
    values[0, -2:] = 5e-324, 1e10
    scores = scores_of(Novelty(), values)
    assert scores.score[0, -1] >= ANOMALOUS
    assert scores.onset is not None
    assert scores.onset[0, -1] > 0.6


def test_everything_said_is_between_0_and_1() -> None:
    values = np.concatenate([simulate(kind, 5, 2000) for kind in ("student t3", "rare bursts")])
    values[:, 1000] = [*[np.inf] * 5, *[-1e12] * 5]
    scores = scores_of(Novelty(), values)
    for said in (scores.score, scores.level, scores.beginning):
        told = said[~np.isnan(said)]
        assert told.size > 9000
        assert ((told >= 0.0) & (told <= 1.0)).all()


@every_noise
def test_noise_is_hardly_ever_news(noise: str) -> None:
    """What is new is the greatest so far, which takes its time where tails are heavy."""
    most = {"rare bursts": 1e-3, "student t3": 3e-4, "AR(1) t3": 3e-4, "lognormal": 2e-4}
    assert false_alarms(Novelty(), simulate(noise)) < most.get(noise, 1e-4)


def test_memory_does_not_depend_on_settings() -> None:
    small, large = (Novelty(memory_for=days * 86_400.0).fresh(1) for days in (1, 300))
    assert {name: array.nbytes for name, array in small.items()} == {
        name: array.nbytes for name, array in large.items()
    }
    state, _ = Novelty().advance(large, batch_of(noise(10)))
    assert state.keys() == large.keys()
