"""Are one-off jumps taken out and habits kept?"""

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters.lines import forget_habits, middle_slope, without_jumps

HOURS = np.arange(24 * 42)
NOISE = np.random.default_rng(1).standard_normal(len(HOURS))
both_ways = pytest.mark.parametrize("kernel", [without_jumps, uncompiled(without_jumps)])


def straightened(values: Floats) -> tuple[Floats, int]:
    """Return what is left of a copy, and the distance of habitual jumps."""
    copy = np.array(values)
    return copy, without_jumps(copy, 24)


@both_ways
def test_a_jump_is_taken_out_exactly_and_the_newest_level_stays(kernel: type) -> None:
    values = -3600.0 * HOURS
    values[600:] += 7.776e6
    kernel(values, 24)
    expected = 7.776e6 - 3600.0 * HOURS
    np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_a_clean_up_in_stages_is_one() -> None:
    drop = 50.0 * np.clip(HOURS - 500, 0, 6)
    kept, habit = straightened(0.2 * HOURS - drop + NOISE)
    assert habit == 0
    assert np.polyfit(HOURS, kept, 1)[0] == pytest.approx(0.2, abs=0.02)


def test_a_day_with_a_temporary_file_leaves_nothing() -> None:
    values = 0.2 * HOURS + np.where((HOURS >= 300) & (HOURS < 400), 500.0, 0.0) + NOISE
    kept, _ = straightened(values)
    assert np.abs(kept - 0.2 * HOURS).max() < 10


@pytest.mark.parametrize("period", [24, 100])
def test_teeth_of_a_rotation_are_the_pace(period: int) -> None:
    values = 5.0 * (HOURS % period) + 0.02 * HOURS + NOISE
    kept, habit = straightened(values)
    np.testing.assert_array_equal(kept, values)
    assert habit == 0 if period == 24 else 80 < habit < 120


def test_a_great_clean_up_amid_small_teeth_is_taken_out() -> None:
    teeth = 1.0 * (HOURS % 100) + 0.02 * HOURS
    values = teeth - np.where(HOURS >= 530, 1000.0, 0.0)
    kept, habit = straightened(values)
    assert habit > 0
    np.testing.assert_allclose(kept, teeth - 1000.0, atol=2.0)


def test_noise_and_days_have_no_jumps() -> None:
    for values in (NOISE, NOISE.cumsum(), 30 * np.sin(2 * np.pi * HOURS / 24) + NOISE):
        kept, habit = straightened(values)
        np.testing.assert_array_equal(kept, values)
        assert habit == 0


def test_the_middle_slope_of_points_by_hand() -> None:
    work = np.empty(6)
    for kernel in (middle_slope, uncompiled(middle_slope)):
        assert kernel(np.array([0.0, 2.0, 100.0, 6.0]), work) == 2.0
        assert kernel(np.array([0.0, 1.0, 2.0, -7.0]), work) == pytest.approx(-2 / 3)
        assert kernel(np.array([3.0]), work) == 0.0


def test_what_is_alike_too_often_or_takes_too_long_is_no_jump() -> None:
    sizes = np.array([-5.0, -6.0, 40.0, -4.0, -20.0, -90.0, 50.0, 500.0])
    lasting = np.array([5.0, 6.0, 40.0, 4.0, 20.0, 70.0, 50.0, 90.0])
    begun = np.array([100.0, 200.0, 250.0, 300.0, 400.0, 450.0, 500.0, 580.0])
    for kernel in (forget_habits, uncompiled(forget_habits)):
        ended = begun + np.array([0.0, 0.0, 20.0, 0.0, 0.0, 0.0, 25.0, 0.0])
        assert kernel(sizes, np.array([-1.0, 2.0, 3.0]), lasting, begun, ended, 24, 600) == 120
        assert ended.tolist() == [0, 0, 270, 0, 400, 450, 0, 0]
        one, its_end = np.array([6.0]), np.array([50.0])
        assert kernel(one, np.array([5.0, 2.0, 9.0]), one, its_end, its_end, 24, 100) == 25
        assert its_end.tolist() == [0.0]
