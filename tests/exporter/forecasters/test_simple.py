"""Do the simplest forecasts say what they are said to say?"""

import numpy as np
import pytest

from exporter.core.series import Floats
from exporter.forecasters.history import history_of
from exporter.forecasters.simple import MOST_MOVED, median, simple_paths

NAN = np.nan
NAMES = ("last", "level", "line", "season", "cycle", "moved")


def told(values: list[float], origin: int, horizon: int = 4, season: int = 0) -> dict[str, Floats]:
    """Return what each says [H] of one series with cycles of two seasons."""
    history = history_of(np.array([values]), season, 2 * season)
    paths = simple_paths(history, np.array([origin]), horizon)
    return {name: path[0, 0] for name, path in zip(NAMES, paths, strict=True)}


def test_without_a_season_there_are_level_and_line() -> None:
    said = told([9.0, 1.0, 2.0, 5.0, 8.0, 100.0], 5)
    assert said["last"].tolist() == [8.0] * 4
    assert said["level"].tolist() == [5.0] * 4
    # Means of 1, 2 and of 5, 8, two columns apart: 2.5 a column.
    assert said["line"].tolist() == [10.25, 12.75, 15.25, 17.75]
    assert all(np.isnan(said[name]).all() for name in ("season", "cycle", "moved"))


def test_with_a_season_there_are_its_median_and_the_last_cycle() -> None:
    values = [1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 100.0, 40.0]
    said = told(values, 8, 5, 2)
    assert said["season"].tolist() == [2.5, 25.0, 2.5, 25.0, 2.5]
    assert said["cycle"].tolist() == [3.0, 30.0, 100.0, 40.0, 3.0]
    # The last season's mean is 70, that of the one a cycle before 11.
    moved = min(np.sqrt(70 / 11), MOST_MOVED)
    np.testing.assert_allclose(said["moved"], moved * said["cycle"])
    assert said["level"].tolist() == [70.0] * 5


@pytest.mark.parametrize(
    ("before", "level", "factor"),
    [(4.0, 9.0, 1.5), (1e-9, 9.0, 2.0), (9.0, 1e-9, 0.5), (-4.0, 9.0, 1.0), (4.0, 0.0, 1.0)],
)
def test_a_cycle_is_moved_half_way_and_never_far(
    before: float, level: float, factor: float
) -> None:
    said = told([before, before, 1.0, 1.0, level, level], 6, 4, 2)
    np.testing.assert_allclose(said["moved"], factor * said["cycle"])


def test_a_season_is_the_median_of_seven() -> None:
    values = np.repeat(np.arange(10.0) ** 2, 3)
    said = told(values.tolist(), 30, 3, 3)
    assert said["season"].tolist() == [36.0] * 3


def test_rows_that_begin_late_are_told_by_what_they_have() -> None:
    values = np.array([[NAN] * 9 + [4.0], [NAN] * 6 + [1.0, 2.0, 3.0, 4.0], [NAN] * 10])
    paths = simple_paths(history_of(values, 2, 4), np.array([9, 10]), 2)
    said = dict(zip(NAMES, paths, strict=True))
    for path in paths:
        assert np.isnan(path[2]).all()
        assert np.isnan(path[0, 0]).all()
    assert said["last"][0, 1].tolist() == [4.0, 4.0]
    assert said["level"][0, 1].tolist() == [4.0, 4.0]
    assert np.isnan(said["line"][0]).all()
    np.testing.assert_allclose(said["line"][1, 1], [5.0, 6.0])
    assert said["line"][1, 0].tolist() == [4.0, 5.0]  # one sample in each half
    assert said["season"][1, 1].tolist() == [2.0, 3.0]
    assert np.isnan(said["season"][1, 0]).all()
    assert np.isnan(said["cycle"][:2]).all()


def test_the_median_leaves_out_what_is_not_there() -> None:
    values = np.array([[3.0, NAN, 1.0, 2.0], [4.0, 1.0, NAN, NAN], [NAN] * 4, [7.0] + [NAN] * 3])
    np.testing.assert_array_equal(median(values), [2.0, 2.5, NAN, 7.0])
    assert median(np.array([[1.5e308, 1.5e308]])).tolist() == [1.5e308]
