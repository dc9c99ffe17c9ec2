from zoneinfo import ZoneInfo

import numpy as np
import pytest

from exporter.core.rows import State
from exporter.core.scores import ANOMALOUS, Scores, StudentTail
from exporter.core.series import Floats, SeriesBatch, utc_offsets
from exporter.detectors.forecast_error import BAND, ForecastError
from tests.exporter.detectors.simulated import (
    STEP,
    batch_of,
    every_noise,
    false_alarms,
    scores_of,
    simulate,
)

A_DAY = 1440


def noise(columns: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(100.0, 3.0, (1, columns))


def anomalous(scores: Scores) -> list[int]:
    return np.flatnonzero(scores.score[0] >= ANOMALOUS).tolist()


def test_says_nothing_of_the_first_samples() -> None:
    scores = scores_of(ForecastError(), noise(60))
    # The first has no forecast, the second none whose error is known.
    assert np.isnan(scores.score[0, :32]).all()
    assert np.isfinite(scores.score[0, 32:]).all()
    assert not anomalous(scores)


def test_the_band_ends_where_a_sample_is_an_anomaly() -> None:
    detector = ForecastError()
    state, _ = detector.advance(detector.fresh(1), batch_of(noise(600)))
    _, now = detector.advance(state, batch_of(np.array([[100.0]]), first=600))
    for edge, outside in ((now.lower, -1.0), (now.upper, 1.0)):
        for shift, is_anomaly in ((-0.01, False), (0.01, True)):
            sample = edge + outside * shift
            _, there = detector.advance(state, batch_of(sample, first=600))
            assert (there.score[0, 0] >= ANOMALOUS) == is_anomaly
            assert np.sign(there.sigmas[0, 0]) == outside
            assert abs(there.sigmas[0, 0]) == pytest.approx(BAND, rel=0.01)


def test_an_incident_neither_moves_the_band_nor_alarms_when_it_is_over() -> None:
    values = noise(1000)
    values[0, 600:610] += 80.0
    scores = scores_of(ForecastError(), values)
    assert anomalous(scores) == list(range(600, 610))
    assert np.unique(scores.expected[0, 600:611]).size == 1
    width = scores.upper - scores.lower
    assert width[0, 615] < 1.5 * width[0, 599]


def test_a_shift_alarms_until_it_is_accepted_and_begins_once() -> None:
    values = noise(1000)
    values[0, 600:] += 80.0
    scores = scores_of(ForecastError(accept_after=20 * 60.0), values)
    assert anomalous(scores) == list(range(600, 621))
    assert scores.expected[0, 650] == pytest.approx(180.0, abs=6.0)
    assert scores.onset is not None
    assert scores.onset[0, 600] > 0.25
    assert scores.onset[0, 601:].max() < 0.12, "the same incident"


def test_a_job_of_every_day_is_known_after_some() -> None:
    """What lasts longer than `accept_after` enters the memory of the day, from the end on."""
    values = noise(10 * A_DAY)
    for day in range(10):
        values[0, day * A_DAY + 600 : day * A_DAY + 645] += 100.0
    is_anomaly = scores_of(ForecastError(), values).score[0] >= ANOMALOUS
    by_day = is_anomaly.reshape(10, A_DAY).sum(1)
    assert by_day[0] >= 30
    assert by_day[1] < by_day[0]
    assert (by_day[7:] == 0).all()


def test_a_spike_of_every_day_is_known_after_three_days() -> None:
    values = noise(7 * A_DAY)
    spikes = np.arange(7) * A_DAY + 600
    values[0, spikes] += 100.0
    assert anomalous(scores_of(ForecastError(), values)) == spikes[:3].tolist()
    values[0, spikes[4:] + 60] += 100.0
    assert spikes[4] + 60 in anomalous(scores_of(ForecastError(), values)), "an hour too late"


@pytest.mark.parametrize("length", [100, 1000, 20_000])
def test_a_first_1_after_zeros_is_no_alarm_however_many(length: int) -> None:
    values = np.zeros((1, length))
    values[0, -1] = 1.0
    scores = scores_of(ForecastError(), values)
    assert 0.2 < scores.score[0, -1] < ANOMALOUS
    assert scores.score[0, -2] == 0.0


def test_vanished_days_leave_what_was_learned() -> None:
    values = noise(6 * A_DAY)
    values[0, 3 * A_DAY : 5 * A_DAY] = np.nan
    values[0, 5 : 3 * A_DAY : 7] = np.nan
    scores = scores_of(ForecastError(), values)
    assert np.isnan(scores.score[np.isnan(values)]).all()
    assert np.isfinite(scores.score[0, 5 * A_DAY :]).all()
    assert not anomalous(scores)


def test_a_season_is_known_again_two_days_after_a_gap() -> None:
    """There is no yesterday then, nor a week ago: edges are news, and at first not learned."""
    day = np.where(np.arange(A_DAY) % 240 < 120, 100.0, 0.0)
    values = np.tile(day, 8)[None] + np.random.default_rng(1).normal(size=(1, 8 * A_DAY))
    values[0, 3 * A_DAY : 5 * A_DAY] = np.nan
    alarms = np.array(anomalous(scores_of(ForecastError(), values)))
    assert set(alarms // A_DAY) <= {0, 5, 6}


@pytest.mark.parametrize("hours", [1, 6, 24])
def test_long_steps(hours: int) -> None:
    """Slots of one sample; a day of one slot."""
    values = noise(500)
    values[0, 400] += 100.0
    scores = scores_of(ForecastError(), values, step=hours * 3_600_000)
    assert anomalous(scores) == [400]
    weekly = 100.0 * (np.arange(700) // max(1, 24 // hours) % 7 < 5) + noise(700)[0]
    told = scores_of(ForecastError(), weekly[None], step=hours * 3_600_000)
    assert np.nanmax(told.score[0, 300:]) < ANOMALOUS


def test_the_day_is_that_of_the_wall_clock() -> None:
    """A job at eight in Berlin, an hour earlier in UTC from 31 March 2024 on."""
    berlin = ZoneInfo("Europe/Berlin")
    start = 1_710_500_400_000 // STEP  # 15 March, noon there
    values = noise(21 * A_DAY)
    batch = batch_of(values, first=start).on_clock(berlin)
    hour = batch.wall_times // 3_600_000 % 24
    values[0, hour == 8] += 100.0
    clocked = SeriesBatch(batch.keys, batch.times, values, STEP, utc_offsets(batch.times, berlin))
    unaware = SeriesBatch(batch.keys, batch.times, values, STEP)
    detector = ForecastError()
    after = batch.times > 1_711_850_400_000  # since the clocks changed
    _, told = detector.advance(detector.fresh(1), clocked)
    assert (told.score[0, after] < ANOMALOUS).all()
    _, told = detector.advance(detector.fresh(1), unaware)
    assert (told.score[0, after] >= ANOMALOUS).any()


def test_a_counter_that_wraps_around_does_not_blind() -> None:
    """One sample of 2^64 among hundreds must not become the ruler of all that comes."""
    values = noise(2000)
    values[0, [500, 1500]] = 2.0**64, 300.0
    scores = scores_of(ForecastError(), values)
    assert anomalous(scores) == [500, 1500]
    assert scores.upper[0, -1] < 200.0


@pytest.mark.parametrize("glitch", [2e38, 1e40, 1e300, 1.7e308])
def test_values_that_slots_do_not_hold_are_judged_and_not_learned(glitch: float) -> None:
    values = noise(3 * A_DAY)
    clean = scores_of(ForecastError(), values)
    odd = values.copy()
    odd[0, [5, 7, 2000]] = glitch, -glitch, glitch
    told = scores_of(ForecastError(), odd)
    assert told.score[0, 2000] == 1.0
    after = slice(2 * A_DAY, None)
    np.testing.assert_allclose(told.expected[0, after], clean.expected[0, after], rtol=0.05)
    np.testing.assert_allclose(told.upper[0, after], clean.upper[0, after], rtol=0.2)


def test_a_glitch_among_the_first_samples_does_not_blind_for_ever() -> None:
    values = noise(2 * A_DAY)
    values[0, 3] = 2.0**64
    values[0, -1] = 200.0
    assert anomalous(scores_of(ForecastError(), values))[-1] == 2 * A_DAY - 1


def test_everything_said_is_between_0_and_1() -> None:
    values = np.concatenate([simulate(kind, 5, 2000) for kind in ("student t3", "rare bursts")])
    values[:, 1000] = [*[np.inf] * 5, *[-1e12] * 5]
    scores = scores_of(ForecastError(), values)
    for said in (scores.score, scores.level, scores.beginning):
        told = said[~np.isnan(said)]
        assert told.size > 9000
        assert ((told >= 0.0) & (told <= 1.0)).all()


@every_noise
def test_noise_is_no_anomaly(noise: str) -> None:
    # An alarm of AR(1) noise lasts as long as a shock does; the first bursts are news.
    most = {"AR(1) t3": 1e-3, "rare bursts": 3e-4}
    assert false_alarms(ForecastError(), simulate(noise)) < most.get(noise, 1.5e-4)


def test_memory_is_that_of_the_slots() -> None:
    def bytes_of(state: State) -> int:
        return sum(array.nbytes for array in state.values())

    fine, coarse = (bytes_of(ForecastError(slot=slot).fresh(1)) for slot in (300.0, 3600.0))
    assert fine - coarse == 9 * (7 * 24 * 12 - 7 * 24)


def test_rarity_is_that_of_the_law() -> None:
    """From any table of Student's t: two-sided 1 % of 4 and 5 degrees are 4.604 and 4.032."""
    for dof, sigmas in ((4.0, 4.604), (5.0, 4.032)):
        tail = StudentTail(dof)
        assert tail.sigmas_at(2 / 7) == pytest.approx(sigmas, rel=1e-3)
        told = tail.confidence(np.array([-sigmas, 0.0, 1e9, np.nan]))
        assert told == pytest.approx(np.array([2 / 7, 0.0, 1.0, np.nan]), rel=1e-3, nan_ok=True)
