"""What does a forecaster see of the past?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters.history import bridge_gaps, history_of, seasons_of

HOUR = 3_600_000
NAN = np.nan


def test_gaps_become_straight_lines() -> None:
    values = np.array([[1.0, NAN, NAN, 4.0, 5.0], [NAN, 8.0, np.inf, 4.0, NAN]])
    history = history_of(values, 2, 4)
    expected = [[1.0, 2.0, 3.0, 4.0, 5.0], [NAN, 8.0, 6.0, 4.0, 4.0]]
    np.testing.assert_allclose(history.values, expected, rtol=1e-12)
    assert history.first.tolist() == [0, 1]
    assert (history.season, history.cycle) == (2, 4)
    assert np.isinf(values[1, 2])


def test_a_row_without_samples_stays_empty() -> None:
    history = history_of(np.full((1, 3), NAN))
    assert np.isnan(history.values).all()
    assert history.first.tolist() == [3]


def test_gaps_between_huge_samples_do_not_overflow() -> None:
    history = history_of(np.array([[-1.7e308, NAN, 1.7e308]]))
    assert history.values[0, 1] == 0.0


@given(
    values=arrays(
        np.float64,
        st.tuples(st.integers(0, 3), st.integers(0, 12)),
        elements=st.one_of(st.floats(-1e6, 1e6), st.just(NAN)),
    )
)
def test_samples_are_kept_and_nothing_is_invented_outside_them(values: Floats) -> None:
    history = history_of(values)
    twin, first = values.copy(), np.empty(len(values), dtype=np.int64)
    uncompiled(bridge_gaps)(twin, first)
    np.testing.assert_allclose(history.values, twin, rtol=1e-12)
    assert history.first.tolist() == first.tolist()
    is_there = np.isfinite(values)
    np.testing.assert_array_equal(history.values[is_there], values[is_there])
    columns = np.arange(values.shape[1])
    np.testing.assert_array_equal(np.isfinite(history.values), columns >= history.first[:, None])
    for row in range(len(values)):
        seen = values[row, is_there[row]]
        if len(seen):
            made = history.values[row, history.first[row] :]
            assert made.min() >= seen.min() - 1e-6
            assert made.max() <= seen.max() + 1e-6


def test_some_rows_are_a_view() -> None:
    history = history_of(np.arange(12.0).reshape(4, 3), 2, 6)
    part = history.rows(1, 3)
    assert part.values.tolist() == [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
    assert part.first.tolist() == [0, 0]
    assert (part.season, part.cycle) == (2, 6)
    assert np.shares_memory(part.values, history.values)


def test_a_season_is_believed_in_once_it_was_seen_twice() -> None:
    values = np.ones((2, 10))
    values[1, :3] = NAN
    history = history_of(values, 3)
    assert history.seasons_at(5).tolist() == [1, 1]
    assert history.seasons_at(6).tolist() == [3, 1]
    assert history.seasons_at(9).tolist() == [3, 3]
    assert history_of(values).seasons_at(9).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("step", "seasons"),
    [
        (HOUR, (24, 168)),
        (HOUR // 12, (288, 2016)),
        (12 * HOUR, (2, 14)),
        (24 * HOUR, (7, 0)),
        (5 * HOUR, (0, 0)),
        (7 * HOUR, (0, 0)),
        (84 * HOUR, (2, 0)),
        (7 * 24 * HOUR, (0, 0)),
    ],
)
def test_days_and_weeks_are_whole_numbers_of_columns(step: int, seasons: tuple[int, int]) -> None:
    assert seasons_of(step) == seasons
