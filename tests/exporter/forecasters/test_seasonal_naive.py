"""Does seasonal naive repeat the last season, and the last sample until there are two?"""

import numpy as np
import pytest

from exporter.forecasters.history import history_of
from exporter.forecasters.seasonal_naive import SeasonalNaive

NAN = np.nan


def test_repeats_the_last_season() -> None:
    history = history_of(np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]]), 3)
    told = SeasonalNaive().foretell(history, np.array([6, 7]), 5)
    assert told[0].tolist() == [[4.0, 5.0, 6.0, 4.0, 5.0], [5.0, 6.0, 7.0, 5.0, 6.0]]


def test_repeats_the_last_sample_until_two_seasons_were_seen() -> None:
    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [NAN, 2.0, 3.0, 4.0, 5.0, 6.0]])
    told = SeasonalNaive().foretell(history_of(values, 3), np.array([5, 6]), 2)
    assert told.tolist() == [[[5.0, 5.0], [4.0, 5.0]], [[5.0, 5.0], [6.0, 6.0]]]


def test_cannot_tell_before_the_first_sample() -> None:
    history = history_of(np.array([[NAN, NAN, 8.0, 9.0]]), 2)
    told = SeasonalNaive().foretell(history, np.array([1, 2, 3]), 2)
    assert np.isnan(told[0, :2]).all()
    assert told[0, 2].tolist() == [8.0, 8.0]


@pytest.mark.parametrize("season", [0, 1])
def test_no_season_is_the_last_sample(season: int) -> None:
    history = history_of(np.array([[1.0, 2.0, 3.0]]), season)
    told = SeasonalNaive().foretell(history, np.array([3]), 3)
    assert told[0, 0].tolist() == [3.0, 3.0, 3.0]
