import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core import esd
from exporter.core.kernels import uncompiled
from tests.reference import esd as slow

# Rosner (1983), table 3, as the NIST/SEMATECH e-Handbook (1.3.5.17.3) prints it.
ROSNER = [
    *(-0.25, 0.68, 0.94, 1.15, 1.20, 1.26, 1.26, 1.34, 1.38, 1.43, 1.49, 1.49, 1.55, 1.56),
    *(1.58, 1.65, 1.69, 1.70, 1.76, 1.77, 1.81, 1.91, 1.94, 1.96, 1.99, 2.06, 2.09, 2.10),
    *(2.14, 2.15, 2.23, 2.24, 2.26, 2.35, 2.37, 2.40, 2.47, 2.54, 2.62, 2.64, 2.90, 2.92),
    *(2.92, 2.93, 3.21, 3.26, 3.30, 3.59, 3.68, 4.30, 4.64, 5.34, 5.42, 6.01),
]


def test_the_twin_finds_the_three_outliers_of_the_published_example() -> None:
    found, ratios = slow.outliers(ROSNER, 10, 0.05, statistics.fmean, statistics.stdev)
    assert found == [6.01, 5.42, 5.34]
    assert ratios[:4] == pytest.approx([3.118, 2.942, 3.179, 2.810], abs=1e-3)


def test_critical_values_are_the_published_ones() -> None:
    """Of 54 values: lambda_1 to lambda_10 of the handbook."""
    published = [3.158, 3.151, 3.143, 3.136, 3.128, 3.120, 3.111, 3.103, 3.094, 3.085]
    critical = esd.critical_values(54, 0.05)
    assert critical[54:44:-1] == pytest.approx(published, abs=1e-3)
    assert np.isinf(critical[:3]).all()
    assert critical[54] == pytest.approx(slow.critical_value(54, 1, 0.05))


def hybrid(values: list[float], most: int, alpha: float) -> list[float]:
    return slow.outliers(values, most, alpha, statistics.median, slow.mad)[0]


@pytest.mark.parametrize("is_compiled", [True, False])
def test_the_hybrid_form_agrees_with_the_twin_on_the_published_example(is_compiled: bool) -> None:
    ordered = np.sort(np.array(ROSNER, dtype=np.float32))
    kernel = esd.without_outliers if is_compiled else uncompiled(esd.without_outliers)
    start, stop = kernel(ordered, 54, 10, esd.critical_values(54, 0.05))
    found = [*ordered[:start].tolist(), *ordered[stop:].tolist()]
    assert sorted(found) == sorted(hybrid([float(value) for value in ordered], 10, 0.05))
    assert found == pytest.approx([-0.25, 4.3, 4.64, 5.34, 5.42, 6.01][-len(found) :])


values = st.lists(st.integers(-40, 40), min_size=1, max_size=60)


@given(
    values=values,
    far=st.lists(st.sampled_from([-900, 300, 5000]), max_size=9),
    hint=st.integers(-3, 70),
)
@settings(max_examples=200, deadline=None)
def test_outliers_agree_with_the_twin(values: list[int], far: list[int], hint: int) -> None:
    ordered = np.sort(np.array([*values, *far], dtype=np.float32))
    held, most = len(ordered), len(ordered) // 4
    start, stop = esd.without_outliers(ordered, held, most, esd.critical_values(held, 0.05))
    twin = sorted(hybrid([float(value) for value in ordered], most, 0.05))
    found = [*ordered[:start].tolist(), *ordered[stop:].tolist()]
    # Of two values equally far off either may go first.
    assert len(found) == len(twin)
    for kernel in (esd.center_and_spread, uncompiled(esd.center_and_spread)):
        center, spread, _ = kernel(ordered, 0, held, hint)
        assert center == statistics.median(ordered.tolist())
        assert spread == pytest.approx(slow.mad(ordered.tolist()))


@given(numbers=st.lists(st.integers(-9, 9), min_size=1, max_size=40), window=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_a_window_stays_in_order(numbers: list[int], window: int) -> None:
    for kernel in (esd.exchange, uncompiled(esd.exchange)):
        ordered = np.full(window, np.nan, dtype=np.float32)
        for turn, number in enumerate(numbers):
            is_full = turn >= window
            gone = float(numbers[turn - window]) if is_full else np.nan
            kernel(ordered, min(turn, window), gone, float(number))
            expected = sorted(numbers[max(0, turn + 1 - window) : turn + 1])
            assert ordered[: min(turn + 1, window)].tolist() == expected


def test_many_outliers_do_not_hide_each_other() -> None:
    noise = np.random.default_rng(4).normal(10.0, 1.0, 90)
    ordered = np.sort(np.concatenate([noise, np.linspace(60.0, 70.0, 10)])).astype(np.float32)
    start, stop = esd.without_outliers(ordered, 100, 20, esd.critical_values(100, 0.05))
    assert stop == 90
    assert start <= 1
