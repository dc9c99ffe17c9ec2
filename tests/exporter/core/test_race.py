"""Which forecast is believed, what is forgiven, and when is an incident over?"""

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from exporter.core import race as kernels
from exporter.core import slots
from exporter.core.kernels import uncompiled
from exporter.core.race import COUNT, ERRORS, FORECASTS, FROZEN, HELD, fresh_race, race
from exporter.core.rows import State
from exporter.core.series import Floats
from exporter.core.tailscale import INDEX, NEVER

MINUTE = 60_000
DAY = 1440 * MINUTE
PER_DAY = 288
SLOT = DAY // PER_DAY
LAST, FAST, SLOW, DAY_BEFORE, DAY_AND_LEVEL, WEEK_AND_LEVEL = range(FORECASTS)

every_form = pytest.mark.parametrize("python", [False, True], ids=["compiled", "python"])


@dataclass
class Run:
    """One series, its state, and what was said of it."""

    step: int = MINUTE
    patience: int = 30
    alarming: float = 10.0
    python: bool = False
    state: State = field(default_factory=lambda: fresh_race(1, 7 * PER_DAY))
    now: int = 0

    def feed(self, values: Floats) -> Floats:
        """Return surprise, forecast, ends of the hull and scale: [5, T]."""
        out = np.full((5, 1, len(values)), np.nan)
        wall = self.now + self.step * np.arange(len(values), dtype=np.int64)
        a_day = DAY / self.step
        halves = np.array([3.0, 30.0, a_day / 24, a_day / 4])
        rates = np.array([*(1 - 0.5 ** (1 / halves)), 0.5 ** (-1 / (7 * a_day))])
        kernel = uncompiled(race) if self.python else race
        kernel(
            values[None],
            wall,
            SLOT,
            PER_DAY,
            2 * self.step <= SLOT,
            rates,
            30,
            self.patience,
            self.alarming,
            self.state["low"],
            self.state["high"],
            self.state["odd"],
            self.state["tail"],
            self.state["race"],
            out,
        )
        self.now += self.step * len(values)
        return out[:, 0]

    @property
    def best(self) -> int:
        return int(np.nanargmin(self.state["race"][0, ERRORS : ERRORS + FORECASTS]))


def noise(length: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=length)


def test_a_random_walk_is_foretold_by_its_last_sample() -> None:
    run = Run()
    run.feed(np.cumsum(noise(3000)))
    assert run.best == LAST


def test_noise_around_a_level_is_foretold_by_its_mean() -> None:
    run = Run()
    run.feed(50.0 + noise(3000))
    assert run.best == SLOW


def test_a_day_is_foretold_by_the_day_before() -> None:
    """Up and down every quarter of an hour, which no mean foresees; the level climbs, or not."""
    day = 100.0 * (np.arange(PER_DAY) // 3 % 2)
    run = Run(step=SLOT)
    told = np.concatenate([run.feed(day + noise(PER_DAY, seed)) for seed in range(4)], 1)
    assert run.best in (DAY_BEFORE, DAY_AND_LEVEL)
    assert np.abs(told[1, 2 * PER_DAY :] - np.tile(day, 2)).max() < 6.0
    assert np.nanmax(np.abs(told[1, :PER_DAY] - day)) > 40.0, "not on its first day"
    climbing = Run(step=SLOT)
    for number in range(5):
        climbing.feed(day + 30.0 * number + noise(PER_DAY, number))
    assert climbing.best == DAY_AND_LEVEL


def test_a_week_is_foretold_by_the_week_before() -> None:
    """Every day of the week has another number of shifts."""
    slots = np.arange(PER_DAY)
    week = np.concatenate([100.0 * (slots // (6 + 4 * day) % 2) for day in range(7)])
    run = Run(step=SLOT)
    run.feed(np.tile(week, 4) + noise(4 * len(week)))
    assert run.best == WEEK_AND_LEVEL


@every_form
def test_what_was_seen_around_this_time_yesterday_is_forgiven(python: bool) -> None:
    """An hour's job, of which the last three quarters are accepted: its end is news, then, too."""
    run = Run(python=python, step=SLOT, patience=2)
    job = np.where((np.arange(PER_DAY) >= 230) & (np.arange(PER_DAY) < 242), 50.0, 0.0)
    first = run.feed(job + noise(PER_DAY))
    assert np.flatnonzero(np.abs(first[0]) >= 10.0).tolist() == [230, 231, 232, 242]
    second = run.feed(job + noise(PER_DAY, 2))
    assert np.abs(second[0, 233:242]).max() < 0.5
    idle = run.feed(noise(PER_DAY, 3))
    assert np.abs(idle[0]).max() < 10.0, "nor is a day without it a surprise"
    assert idle[3, 237] > 45.0
    assert idle[3, 60] < 10.0


def test_an_incident_is_neither_learned_nor_followed() -> None:
    run = Run()
    run.feed(50.0 + noise(400))
    before = run.state["race"].copy()
    told = run.feed(np.full(10, 150.0))
    assert (np.abs(told[0]) > 10.0).all()
    assert np.unique(told[1]).size == 1, "the forecast stays what it was"
    after = run.state["race"]
    assert (after[0, HELD], after[0, FROZEN]) == (10.0, told[1, 0])
    assert after[0, :ERRORS].tolist() == before[0, :ERRORS].tolist()
    assert after[0, COUNT] == before[0, COUNT] + 1, "one sample of it counts for the ruler"
    back = run.feed(50.0 + noise(20, 2))
    assert np.abs(back[0]).max() < 5.0
    assert run.state["race"][0, HELD] == 0.0
    assert np.isnan(run.state["race"][0, FROZEN])


def test_what_stays_is_the_new_normal_at_once() -> None:
    run = Run(patience=30)
    run.feed(50.0 + noise(400))
    told = run.feed(150.0 + noise(60, 2))
    is_odd = np.abs(told[0]) >= 10.0
    assert is_odd[:31].all()
    assert not is_odd[31:].any()
    assert np.abs(told[1, 31:] - 150.0).max() < 5.0


@every_form
def test_a_first_change_is_as_rare_as_it_was_long_in_coming(python: bool) -> None:
    run = Run(python=python, alarming=1e9)
    told = run.feed(np.concatenate([np.full(200, 7.0), [9.0]]))
    assert told[4, 199] == 0.0
    assert told[0, 200] == pytest.approx(NEVER * 198 ** (1 / INDEX))
    told = Run(python=python).feed(np.concatenate([np.full(200, 7.0), [7.0 - 1e-9]]))
    assert told[0, 200] == 0.0, "rounding is no movement"


@every_form
def test_gaps_are_skipped_and_infinities_are_no_numbers(python: bool) -> None:
    run, same = Run(python=python), Run(python=python)
    run.feed(noise(101))
    same.feed(noise(101))
    told = run.feed(np.array([np.nan, np.inf, -np.inf]))
    assert np.isnan(told[0, 0])
    assert (told[0, 1], told[0, 2]) == (1000.0, -1000.0)
    assert not np.isnan(told[1:, 0]).any()
    for name, array in run.state.items():
        np.testing.assert_array_equal(array, same.state[name], err_msg=name)


def test_days_without_samples_leave_the_days_before_known() -> None:
    wave = np.where(np.arange(PER_DAY) % 24 < 12, 100.0, 0.0)
    run = Run(step=SLOT)
    for day in range(3):
        run.feed(wave + noise(PER_DAY, day))
    run.feed(np.full(PER_DAY, np.nan))
    told = run.feed(wave + noise(PER_DAY, 9))
    assert np.isfinite(told[0]).all()
    # Yesterday said nothing, and last week neither; what is left are the means.
    assert run.feed(wave + noise(PER_DAY, 10))[0].max() < 10.0


@every_form
def test_between_the_middles_of_slots_it_is_a_line(python: bool) -> None:
    around = uncompiled(slots.around) if python else slots.around
    state = fresh_race(1, 7)
    low, high = state["low"][0], state["high"][0]
    low[:3], high[:3] = [0.0, 10.0, 30.0], [2.0, 12.0, 34.0]
    middles = [1.0, 11.0, 32.0]
    assert around(low, high, 1, -1.0, 7) == middles[1], "slots of one sample"
    assert around(low, high, 1, 0.5, 7) == middles[1]
    assert around(low, high, 1, 0.0, 7) == pytest.approx(0.5 * (1.0 + 11.0))
    assert around(low, high, 1, 0.75, 7) == pytest.approx(0.75 * 11.0 + 0.25 * 32.0)
    assert around(low, high, 2, 0.9, 7) == middles[2], "nobody knows the next one"
    assert math.isnan(around(low, high, 3, 0.5, 7))


@every_form
def test_surprises_by_hand(python: bool) -> None:
    surprise = uncompiled(kernels._surprise) if python else kernels._surprise
    outside = uncompiled(kernels._outside) if python else kernels._outside
    own = fresh_race(1, 7)["race"][0]
    own[COUNT] = 32.0
    assert surprise(own, -6.0, 2.0) == -3.0
    assert surprise(own, 1e9, 2.0) == 1000.0
    assert surprise(own, 0.0, 0.0) == 0.0
    assert surprise(own, -6.0, 0.0) == pytest.approx(-NEVER * 2.0)
    assert [outside(now, 1.0, 2.0, 0.1) for now in (1.5, 2.05, 2.5, 0.95, 0.0)] == [
        0.0,
        0.0,
        0.5,
        0.0,
        -1.0,
    ]


def test_compiled_and_uncompiled_agree() -> None:
    values = np.cumsum(noise(1200)) + 20.0 * (np.arange(1200) % 300 < 20)
    values[[70, 75]] = np.nan, np.inf
    values[400:408] += 500.0
    values[900:] += 2000.0
    runs = [Run(step=5 * MINUTE, patience=20, python=python) for python in (False, True)]
    fast, slow = (run.feed(values) for run in runs)
    np.testing.assert_allclose(slow, fast, rtol=1e-6)
    for name, array in runs[0].state.items():
        np.testing.assert_allclose(runs[1].state[name], array, rtol=1e-6, err_msg=name)


@every_form
def test_the_steps_of_a_sample(python: bool) -> None:
    state = fresh_race(1, 14)
    own, low, high, odd = (state[name][0] for name in ("race", "low", "high", "odd"))
    rates, nothing = np.array([0.5, 0.25, 0.125, 0.5, 1.0]), np.full(FORECASTS, np.nan)
    close = uncompiled(kernels._close_slot) if python else kernels._close_slot
    learn = uncompiled(kernels._learn) if python else kernels._learn
    see = uncompiled(kernels._see) if python else kernels._see
    close(own, low, high, odd, 12, 14)
    learn(own, nothing, 4.0, rates)
    assert own[: SLOW + 1].tolist() == [4.0] * 3
    assert np.isnan(own[ERRORS : ERRORS + FORECASTS]).all(), "nothing was foretold"
    learn(own, np.array([4.0, 4.0, 4.0, 2.0, 3.0, np.nan]), 8.0, rates)
    assert own[: SLOW + 1].tolist() == [8.0, 6.0, 5.0]
    assert own[kernels.DAY_GAP] == 0.125 * (8.0 - 2.0), "how much higher than yesterday"
    assert own[ERRORS : ERRORS + 5].tolist() == [4.0, 4.0, 4.0, 6.0, 5.0]
    learn(own, np.array([8.0, 6.0, 5.0, 8.0, 8.0, 7.0]), 8.0, rates)
    assert own[ERRORS : ERRORS + FORECASTS].tolist() == [2.0, 3.0, 3.5, 3.0, 2.5, 1.0]
    assert own[kernels.WEEK_GAP] == 0.125 * (8.0 - 7.0)
    see(own, 8.0)
    see(own, 4.0)
    own[kernels.IS_ODD] = 1.0
    assert np.isnan(low).all(), "the slot is open"
    close(own, low, high, odd, 13, 14)
    assert (low[12], high[12]) == (4.0, 8.0)
    assert np.flatnonzero(odd).tolist() == [12]
    close(own, low, high, odd, 20, 14)
    assert np.isnan(low[13]), "a slot without samples"

    foretell = uncompiled(kernels._foretell) if python else kernels._foretell
    hull = uncompiled(slots.hull) if python else slots.hull
    forecast = np.empty(FORECASTS)
    # Two slots a day; number 14 lies a day after 12, and a week after 0, which nobody saw.
    assert foretell(own, low, high, (14, 2, -1.0), forecast) == (LAST, DAY_AND_LEVEL)
    gap = own[kernels.DAY_GAP]
    np.testing.assert_allclose(forecast, [8.0, 7.0, 5.75, 6.0, 6.0 + gap, np.nan])
    assert hull(low, high, 14, 2, 7.0, 9.0) == (4.0, 9.0)
    assert hull(low, high, 3, 2, 7.0, 5.0) == (5.0, 7.0)

    is_held = uncompiled(kernels._is_held) if python else kernels._is_held
    assert is_held(own, True, 1.0, 99.0, 1)
    assert own[FROZEN] == 1.0
    assert not is_held(own, True, 1.0, 99.0, 1), "long enough"
    assert own[[FAST, SLOW, HELD]].tolist() == [99.0, 99.0, 0.0]
    assert np.isnan(own[FROZEN])


@every_form
def test_a_thing_recurs_that_was_odd_around_this_time_on_both_days(python: bool) -> None:
    recurs = uncompiled(slots.recurs) if python else slots.recurs
    odd = np.zeros(7 * 96, dtype=np.bool_)
    odd[[1, 97]] = True
    assert recurs(odd, 2 * 96 + 1, 96)
    assert recurs(odd, 2 * 96 + 2, 96), "give or take a slot"
    assert not recurs(odd, 2 * 96 + 3, 96)
    assert not recurs(odd, 3 * 96 + 1, 96), "not yesterday"
    assert not recurs(np.ones(7 * 24, dtype=np.bool_), 50, 24), "an hour is no time of day"


@every_form
def test_two_values_whose_distance_is_infinite_are_no_numbers(python: bool) -> None:
    run = Run(python=python)
    run.feed(np.where(np.arange(60) % 2 == 0, 1.7e308, -1.7e308))
    assert run.state["race"][0, COUNT] == 0.0
    assert not run.state["tail"].any()
    assert np.isnan(run.state["race"][0, : kernels.DAY_GAP]).all()
