"""Does the least-squares line go on?"""

import numpy as np

from exporter.core.kernels import uncompiled
from exporter.forecasters.history import history_of
from exporter.forecasters.linear import Linear, draw_lines


def test_a_line_goes_on_as_it_was_from_wherever_it_is_asked() -> None:
    line = 5.0 - 0.25 * np.arange(50)
    told = Linear(window=10).foretell(history_of(np.array([line])), np.array([2, 20, 50]), 3)
    expected = 5.0 - 0.25 * (np.array([[2], [20], [50]]) + np.arange(3))
    np.testing.assert_allclose(told[0], expected, rtol=1e-12)


def test_agrees_with_least_squares_of_numpy_and_uncompiled() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((4, 60)).cumsum(1) + 1e6
    values[1, :37] = np.nan
    history = history_of(values)
    origins = np.array([40, 60])
    told = Linear(window=24).foretell(history, origins, 5)
    for row in range(4):
        for place, origin in enumerate(origins):
            start = max(history.first[row], origin - 24)
            line = np.polyfit(np.arange(start, origin), values[row, start:origin], 1)
            np.testing.assert_allclose(
                told[row, place], np.polyval(line, origin + np.arange(5)), rtol=1e-9
            )
    slow = np.empty_like(told)
    uncompiled(draw_lines)(history.values, history.first, np.array([3, 60]), 24, slow)
    assert np.isnan(slow[1, 0]).all()
    np.testing.assert_allclose(slow[:, 1], told[:, 1], rtol=1e-12)


def test_what_is_older_than_the_window_does_not_count() -> None:
    values = np.concatenate([np.full(100, 1e6), 3.0 * np.arange(20)])
    told = Linear(window=20).foretell(history_of(values[None]), np.array([120]), 2)
    np.testing.assert_allclose(told[0, 0], [60.0, 63.0], atol=1e-9)


def test_one_sample_is_no_line() -> None:
    told = Linear().foretell(history_of(np.array([[np.nan, 4.0, 6.0]])), np.array([2, 3]), 2)
    assert np.isnan(told[0, 0]).all()
    assert told[0, 1].tolist() == [8.0, 10.0]
