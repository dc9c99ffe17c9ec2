"""Is auto nearly as good as the best of its members, whichever that is?"""

from typing import Final

import numpy as np
import pytest

from exporter.core.series import Floats
from exporter.forecasters.auto import MEMBERS, STRICTNESS, TRIMMED, Auto, blend, middle, weigh
from exporter.forecasters.history import history_of
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.simple import simple_paths
from tests.reference.forecasting import shares, trimmed_mean
from tests.reference.simulated import FAMILIES, simulated

NAN = np.nan
ROWS: Final = 200
COLUMNS: Final = 336
HORIZON: Final = 24

NEARLY: Final = {"random walk": 1.08}
"""Price of not knowing that nothing but the last sample counts; 1.05 for every other family."""


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_nearly_as_good_as_the_best_member_and_better_than_naive(family: str) -> None:
    values = simulated(family, ROWS, COLUMNS + HORIZON)
    history, came = history_of(values[:, :COLUMNS], 24, 168), values[:, COLUMNS:]
    spacing = 24 * np.arange(8, 0, -1)  # as for a band
    auto = Auto().foretell(history, np.append(COLUMNS - spacing, COLUMNS), HORIZON)[:, -1]
    newest = np.array([COLUMNS])
    members = [member.foretell(history, newest, HORIZON) for member in MEMBERS]
    members += simple_paths(history, newest, HORIZON)
    naive = SeasonalNaive().foretell(history, newest, HORIZON)[:, 0]
    errors = [np.abs(member[:, 0] - came).mean() for member in members]
    error = np.abs(auto - came).mean()
    assert error <= NEARLY.get(family, 1.05) * min(errors)
    assert error < np.abs(naive - came).mean()


def some_told() -> tuple[Floats, Floats]:
    """Return samples [S, T] and what K members tell of them [K, S, R, H]."""
    rng = np.random.default_rng(5)
    values = rng.standard_normal((3, 12))
    told = rng.standard_normal((5, 3, 4, 4))
    told[1, :, 0] = NAN
    told[4, 1] = NAN
    told[:, 2, :2] = NAN
    return values, told


def test_the_mix_is_what_its_formulas_say() -> None:
    values, told = some_told()
    origins = np.array([4, 6, 9, 12])
    with np.errstate(invalid="ignore"):
        paths = blend(values, origins, told, 0)
    # The last place: two leads were known of the origin at 4 when the one at 6 was told, and so on.
    for row in (0, 1):
        errors = np.zeros(5)
        for place, known in ((0, 4), (1, 4), (2, 3)):
            came = values[row, origins[place] : origins[place] + known]
            off = np.abs(told[:, row, place, :known] - came).mean(1)
            errors = 0.8 * errors + off / np.nanmedian(off)
        weights = shares(errors.tolist(), STRICTNESS)
        assert weights[1] == 0.0
        for lead in range(4):
            path = [0.0 if np.isnan(x) else x for x in told[:, row, 3, lead].tolist()]
            expected = trimmed_mean(path, weights, TRIMMED)
            assert paths[row, 3, lead] == pytest.approx(expected)
    assert np.isnan(paths[2, :2]).all()
    assert np.isfinite(paths[2, 2:]).all()


def test_what_is_new_counts_more_than_all_that_was_before() -> None:
    """A series that is flat but for its last 12 columns goes on to rise."""
    rng = np.random.default_rng(1)
    values = np.maximum(np.arange(336) - 324.0, 0.0) + rng.normal(0.0, 0.01, (5, 336))
    origins = np.append(336 - 24 * np.arange(8, 0, -1), 336)
    told = Auto().foretell(history_of(values, 24, 168), origins, 24)[:, -1]
    np.testing.assert_allclose(told[:, -1], 35.0, rtol=0.2)


def test_errors_of_rounding_do_not_keep_a_member_out_for_good() -> None:
    """Four of five were exactly right until lately, when only the fifth saw what came."""
    origins = np.array([4, 6, 8, 10, 12])
    values = np.where(np.arange(14) < 10, 0.0, 9.0)[None]
    told = np.zeros((5, 1, 5, 2))
    told[4] = 1e-16
    told[4, :, 3:] = 9.0
    with np.errstate(all="ignore"):
        paths = blend(values, origins, told, 1)
    assert paths[0, -1].tolist() == [9.0, 9.0]


def test_before_there_are_errors_all_that_can_tell_weigh_the_same() -> None:
    error = np.array([[0.0, NAN], [0.0, NAN], [0.0, np.inf], [0.0, NAN]])
    can_tell = np.array([[True, True], [True, True], [True, True], [False, True]])
    weight = weigh(error, can_tell)
    np.testing.assert_allclose(weight[:, 0], [1 / 3, 1 / 3, 1 / 3, 0.0])
    np.testing.assert_allclose(weight[:, 1], 0.25)


def test_who_never_erred_has_all_the_weight() -> None:
    error = np.array([[0.0], [1.0], [0.0], [NAN]])
    assert weigh(error, np.ones((4, 1), dtype=bool))[:, 0].tolist() == [0.5, 0.0, 0.5, 0.0]


def test_half_the_weight_is_cut_off() -> None:
    told = np.array([[[9.0]], [[1.0]], [[NAN]], [[3.0]]])
    assert middle(told, np.array([[0.25], [0.25], [0.0], [0.5]]))[0].tolist() == [3.0]
    # A quarter of 1 is left, and a quarter of 9.
    assert middle(told, np.array([[0.5], [0.5], [0.0], [0.0]]))[0].tolist() == [5.0]


def test_one_sample_is_the_forecast() -> None:
    history = history_of(np.array([[NAN, NAN, 7.0], [NAN, NAN, NAN]]), 24, 168)
    told = Auto().foretell(history, np.array([1, 3]), 5)
    np.testing.assert_allclose(told[0, 1], 7.0)
    assert np.isnan(told[0, 0]).all()
    assert np.isnan(told[1]).all()


@pytest.mark.parametrize("columns", [30, 100, 400])
def test_zeros_with_bursts_never_explode(columns: int) -> None:
    rng = np.random.default_rng(columns)
    shape = 100, columns
    bursts = np.where(rng.random(shape) < 0.6, 0.0, rng.pareto(0.7, shape))
    bursts[::2] = np.where(bursts[::2] == 0.0, 1e-6, bursts[::2])
    told = Auto().foretell(history_of(bursts, 24, 168), np.array([columns]), HORIZON)[:, 0]
    assert (np.abs(told) <= 2 * bursts.max(1)[:, None]).all()
