"""Does a line go on whatever happened to a few of its samples?"""

import numpy as np
import pytest

from exporter.core.kernels import uncompiled
from exporter.core.series import Floats
from exporter.forecasters import robust_linear
from exporter.forecasters.history import history_of
from exporter.forecasters.robust_linear import RobustLinear

LINE: Floats = np.linspace(100.0, 299.5, 400)
RAMP = LINE[:336]
BEYOND = LINE[336:339]


def ahead(values: Floats, season: int = 0) -> Floats:
    """Return [3], told of the columns after the end."""
    history = history_of(np.array([values]), season)
    return np.asarray(RobustLinear().foretell(history, np.array([len(values)]), 3)[0, 0])


@pytest.mark.parametrize("count", [2, 3, 25, 200, 336])
def test_a_line_goes_on_exactly(count: int) -> None:
    np.testing.assert_allclose(ahead(LINE[:count]), LINE[count : count + 3], rtol=1e-12)


@pytest.mark.parametrize("season", [0, 24])
@pytest.mark.parametrize("outlier", [1e6, -1e6])
@pytest.mark.parametrize("place", [0, 100, 320, 335])
def test_one_outlier_turns_nothing(place: int, outlier: float, season: int) -> None:
    values = RAMP.copy()
    values[place] += outlier
    np.testing.assert_allclose(ahead(values, season), BEYOND, rtol=1e-9)


@pytest.mark.parametrize("season", [0, 24])
@pytest.mark.parametrize("place", [60, 168, 300, 330])
def test_a_cleaned_disk_fills_on_from_where_it_is(place: int, season: int) -> None:
    values = RAMP.copy()
    values[place:] -= 90.0
    np.testing.assert_allclose(ahead(values, season), BEYOND - 90, rtol=1e-9)
    rough = values + np.random.default_rng(5).standard_normal(336)
    np.testing.assert_allclose(ahead(rough, season), BEYOND - 90, atol=1.5)


def test_a_season_is_neither_trend_nor_level() -> None:
    values = RAMP + 50 * np.sin(2 * np.pi * np.arange(336) / 24)
    np.testing.assert_allclose(ahead(values[:-5], 24)[0], RAMP[-5], atol=6.0)


def test_kernels_agree_with_their_uncompiled_selves(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    values = rng.standard_normal((3, 90)).cumsum(1)
    values[0, 50:] += 80.0
    values[1, :80] = np.nan
    history = history_of(values, 6)
    origins = np.array([8, 60, 90])
    expected = RobustLinear(window=60).foretell(history, origins, 4)
    for name in ("draw_robust_lines", "without_jumps", "middle_slope"):
        monkeypatch.setattr(robust_linear, name, uncompiled(getattr(robust_linear, name)))
    slow = RobustLinear(window=60).foretell(history, origins, 4)
    np.testing.assert_allclose(slow, expected, rtol=1e-9)
    assert np.isnan(expected[1, :2]).all()
