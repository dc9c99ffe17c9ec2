import numpy as np
import pytest

from exporter.core.rows import State, align, spread_state
from exporter.core.series import Floats
from exporter.forecasters.skill import IN_FLIGHT, SUMS, Skill, advance, fresh
from tests.reference.skill import SeriesSkill

START = 1_700_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def cycle(
    state: State,
    now: int,
    came: dict[int, list[float]],
    own: list[float],
    naive: list[float],
    width: float = 1.0,
    leads: tuple[int, ...] = (HOUR,),
) -> tuple[State, Skill]:
    """Run one cycle in which every lead is forecast alike."""
    told, ruler = (np.repeat(np.array(each)[:, None], len(leads), 1) for each in (own, naive))
    times = np.array(sorted(came), dtype=np.int64)
    values = np.array([came[when] for when in times.tolist()]).reshape(len(times), len(own)).T
    lower, upper = told - width, told + width
    return advance(state, np.array(leads), times, values, now, told, ruler, lower, upper)


def hourly(
    hours: int, came: Floats, own: Floats, naive: Floats, width: float = 1.0
) -> tuple[State, Skill]:
    """Forecast one hour ahead in each of so many hours: arrays [hours, S], one value each."""
    state = fresh(came.shape[1], 1)
    for hour in range(hours):
        now = START + hour * HOUR
        after = min(hour + 1, hours - 1)
        samples = {now: came[hour].tolist()}
        told = own[after].tolist(), naive[after].tolist()
        state, skill = cycle(state, now, samples, *told, width=width)
    return state, skill


def test_errors_bias_and_coverage_are_those_of_what_came() -> None:
    hours = 40
    came = np.zeros((hours, 3))
    own = np.full((hours, 3), [1.0, -2.0, 0.0])
    naive = np.full((hours, 3), [2.0, 2.0, 0.0])
    _, skill = hourly(hours, came, own, naive, width=1.5)
    assert skill.error_ratio == pytest.approx([0.5, 1.0, 1.0])  # nobody erred: as good as naive
    assert skill.bias_ratio == pytest.approx([-0.5, 1.0, 0.0])
    assert skill.coverage_ratio == pytest.approx([1.0, 0.0, 1.0])
    assert skill.replaced.tolist() == [False] * 3


def test_nothing_is_said_of_few_comparisons_nor_replaced_for_them() -> None:
    came, own, naive = np.zeros((60, 1)), np.ones((60, 1)), np.zeros((60, 1))
    state, skill = hourly(10, came, own, naive)
    assert state["sums"][0, 0, SUMS.index("count")] == pytest.approx(9, rel=0.05)
    assert np.isnan([skill.error_ratio, skill.coverage_ratio, skill.bias_ratio]).all()
    _, skill = hourly(12, came, own, naive)
    assert skill.error_ratio.tolist() == [np.inf]  # naive was right, the forecaster was not
    assert skill.replaced.tolist() == [False]
    assert hourly(60, came, own, naive)[1].replaced.tolist() == [True]


def test_errors_of_rounding_are_none() -> None:
    came = np.full((20, 1), 1e9)
    _, skill = hourly(20, came, came + 1e-3, came, width=0.0)
    assert skill.error_ratio.tolist() == skill.coverage_ratio.tolist() == [1.0]


def test_the_forecaster_stands_aside_until_it_is_as_good_again() -> None:
    hours = 700
    came, naive = np.zeros((hours, 1)), np.ones((hours, 1))
    own = np.where(np.arange(hours) < 150, 3.0, 0.5)[:, None]
    state = fresh(1, 1)
    replaced = []
    for hour in range(hours - 1):
        now = START + hour * HOUR
        told = own[hour + 1].tolist(), naive[hour + 1].tolist()
        state, skill = cycle(state, now, {now: came[hour].tolist()}, *told)
        replaced.append(bool(skill.replaced[0]))
        if replaced[-1] and not replaced[-2]:
            assert skill.error_ratio[0] == pytest.approx(3.0)
    changes = np.flatnonzero(np.diff(replaced)).tolist()
    assert len(changes) == 2
    assert 48 <= changes[0] + 1 <= 110  # ln 3 * sqrt(n / 24) > 2 from n = 80 on, decay included
    assert 300 < changes[1] < 600


@pytest.mark.parametrize("innovations", ["normal", "heavy-tailed"])
def test_a_forecaster_as_good_as_naive_is_hardly_ever_replaced(innovations: str) -> None:
    """Errors of forecasts in flight together share most of what they did not see coming.

    That is the hardest case: both forecasters err alike but nothing of it is common to them.
    """
    rng = np.random.default_rng(3)
    series, count = 1000, 720
    shape = (2, series, count + IN_FLIGHT)
    draws = rng.normal(size=shape) if innovations == "normal" else rng.standard_t(3, size=shape)
    walk = draws.cumsum(2)
    own, naive = walk[..., IN_FLIGHT:] - walk[..., :-IN_FLIGHT]
    state, ever = fresh(series, 1), np.zeros(series, dtype=np.bool_)
    for step in range(count):
        # Settled one by one, so that no clock is needed to have them overlap.
        state, skill = cycle(
            state,
            START + step * HOUR,
            {START + step * HOUR: [0.0] * series},
            own[:, step].tolist(),
            naive[:, step].tolist(),
        )
        ever |= skill.replaced
    assert ever.mean() < (0.03 if innovations == "normal" else 0.08)


def test_missing_late_and_unfinished_samples_do_not_count() -> None:
    state = fresh(3, 1)
    for minute in range(0, 60, 5):
        now = START + minute * MINUTE
        state, _ = cycle(state, now, {now: [0.0] * 3}, [1.0, 1.0, np.nan], [2.0] * 3)
    waiting = np.isfinite(state["waiting"][:, 0, :, 0]).sum(1).tolist()
    assert waiting == [12, 12, 0]
    # The first three became due, one of them at a time that no column has, one without a sample.
    late = {START + (60 + m) * MINUTE: [0.0, np.nan, 0.0] for m in (0, 7, 10)}
    state, _ = cycle(state, START + 70 * MINUTE, late, [np.nan] * 3, [2.0] * 3)
    assert state["sums"][:, 0, SUMS.index("count")].tolist() == pytest.approx(
        [1 + np.exp(-1 / 240), 0.0, 0.0]
    )
    assert np.isfinite(state["waiting"][:, 0, :, 0]).sum(1).tolist() == [9, 9, 0]
    before = {name: array.copy() for name, array in state.items()}
    after, _ = cycle(state, START + 70 * MINUTE, {}, [np.nan] * 3, [2.0] * 3)
    for name, array in before.items():  # no column came: nothing changes, the input never does
        np.testing.assert_array_equal(array, after[name])
        np.testing.assert_array_equal(array, state[name])


def test_no_more_wait_than_there_is_room_for() -> None:
    state = fresh(1, 2)
    for minute in range(200):
        now = START + minute * MINUTE
        state, _ = cycle(state, now, {now: [0.0]}, [1.0], [1.0], leads=(24 * MINUTE, 100 * MINUTE))
    due = state["due"][0]
    assert [int((each > now).sum()) for each in due] == [24, 20]  # 100 / 24 minutes are five cycles
    assert set(np.diff(np.sort(due[1])).tolist()) == {5 * MINUTE}
    compared = state["sums"][0, :, SUMS.index("count")]
    memory = 1 - np.exp(-1 / 240)
    assert compared.tolist() == pytest.approx([(1 - np.exp(-n / 240)) / memory for n in (176, 20)])


def test_a_clock_that_was_wrong_does_not_stop_comparisons_for_ever() -> None:
    state, _ = cycle(fresh(1, 1), START + 10**12, {}, [1.0], [1.0])
    state, _ = cycle(state, START, {START: [0.0]}, [1.0], [1.0])
    assert int(state["due"].max()) == START + HOUR


def test_it_is_what_the_slow_twin_says_whenever_cycles_come() -> None:
    rng = np.random.default_rng(7)
    leads = (60 * MINUTE, 120 * MINUTE)
    series, cycles = 4, 500
    twins = [SeriesSkill(leads, 240) for _ in range(series)]
    state, now = fresh(2, 2), START
    keys = (b"a", b"b", b"c", b"d")
    is_wide = np.zeros((0, 2))
    for number in range(cycles):
        if number == 20:  # two are born
            grown = align(keys[:2], keys)
            state = spread_state(state, lambda born: fresh(born, 2), grown)
        there = len(state["due"])
        steps = int(rng.integers(0, 4)) if rng.random() < 0.9 else 30
        times = now + MINUTE * np.arange(1, steps + 1)
        now += steps * MINUTE
        values = rng.normal(size=(there, steps))
        values[rng.random(values.shape) < 0.1] = np.nan
        own, naive = rng.normal(size=(2, there, 2)) * [[[0.4]], [[1.0]]]
        own[0] *= 8.0
        own[rng.random(own.shape) < 0.05] = np.nan
        is_wide = np.abs(rng.normal(size=(there, 2)))
        told = own, naive, own - is_wide, own + is_wide
        state, skill = advance(state, np.array(leads), times, values, now, *told)
        for row in range(there):
            came = dict(zip(times.tolist(), values[row].tolist(), strict=True))
            words = np.stack([each[row] for each in told], 1).tolist()
            twins[row].cycle(came, now, [(w[0], w[1], w[2], w[3]) for w in words])
        if number > 150:
            for row, twin in enumerate(twins[:there]):
                assert skill.error_ratio[row] == pytest.approx(twin.error_ratio())
                assert skill.bias_ratio[row] == pytest.approx(twin.bias_ratio())
                assert skill.coverage_ratio[row] == pytest.approx(twin.coverage_ratio())
                assert skill.replaced[row] == twin.replaced
    assert skill.replaced.tolist() == [True, False, False, False]
    assert is_wide.shape == (series, 2)
