from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from scipy.signal import lfilter

from exporter.core.series import Floats
from exporter.drift.base import HIGH, NONE, Drift
from exporter.drift.isolation_forest import IsolationForest
from exporter.drift.ks import Ks
from exporter.drift.samples import reference_of, samples_of

SMALL: Final = IsolationForest(trees=20)
COUNT: Final = 1200


def pair_of(seed: int) -> Floats:
    """Return two series [2, 1400] of which each nearly tells the other."""
    values = np.random.default_rng(seed).normal(0, 1, (2, 1400))
    values[1] = values[0] + 0.3 * values[1]
    return values


def compare(values: Floats, *, season: int = 0, test: IsolationForest = SMALL) -> Drift:
    reference = reference_of(values[:, :COUNT], season=season, in_order=True)
    return test.compare(reference, samples_of(values[:, COUNT:], in_order=True))


def test_series_that_part_company_drift_though_neither_does() -> None:
    values = pair_of(1)
    values[1, COUNT:] *= -1
    assert (compare(values).severity >= HIGH).all()
    alone = Ks().compare(reference_of(values[:, :COUNT]), samples_of(values[:, COUNT:]))
    assert (alone.severity == NONE).all()


@pytest.mark.parametrize("slow", [False, True])
def test_no_more_than_the_nominal_share_of_groups_drifts(slow: bool) -> None:
    rng = np.random.default_rng(2)
    groups = 30
    noise = rng.normal(0, 1, (2 * groups, 1400 + 500))
    values = lfilter([1.0], [1.0, -0.95 if slow else 0.0], noise)[:, 500:]
    reference = reference_of(values[:, :COUNT], in_order=True)
    recent = samples_of(values[:, COUNT:], in_order=True)
    drift = SMALL.compare(reference, recent, np.repeat(np.arange(groups), 2))
    assert (drift.p_value[::2] < 0.01).sum() <= 2  # more: once in a hundred times
    assert (drift.severity == NONE).all()


def test_a_season_is_on_both_sides() -> None:
    values = pair_of(3) + 5 * np.sin(2 * np.pi * np.arange(1400) / 100)
    assert (compare(values, season=100).severity == NONE).all()
    values[0, COUNT:] += 20
    assert (compare(values, season=100).severity >= HIGH).all()


def test_the_same_samples_and_seed_give_the_same() -> None:
    values = pair_of(4)
    first, again = compare(values), compare(values)
    np.testing.assert_array_equal(first.statistic, again.statistic)
    others = {compare(values, test=replace(SMALL, seed=seed)).statistic[0] for seed in range(1, 5)}
    assert len(others) > 1


def test_groups_do_not_know_of_each_other() -> None:
    values = np.concatenate([pair_of(5), pair_of(6)])
    values[1, COUNT:] *= -1
    reference = reference_of(values[:, :COUNT], in_order=True)
    recent = samples_of(values[:, COUNT:], in_order=True)
    drift = SMALL.compare(reference, recent, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(drift.statistic[:2], compare(values[:2]).statistic)
    assert (drift.severity > NONE).tolist() == [True, True, False, False]


def lacking(values: Floats) -> None:
    values[1, : COUNT * 2 // 3] = np.nan


def gone(values: Floats) -> None:
    values[1, COUNT:] = np.inf


@pytest.mark.parametrize("spoil", [lacking, gone])
def test_a_member_without_samples_is_left_out(spoil: Callable[[Floats], None]) -> None:
    values = pair_of(7)
    spoil(values)
    drift = compare(values)
    assert drift.statistic[0] == compare(values[:1]).statistic[0]
    assert np.isnan(drift.statistic[1])


def test_too_many_members_or_too_few_samples_cannot_tell() -> None:
    assert np.isnan(compare(pair_of(8), test=IsolationForest(largest=1)).statistic).all()
    few = pair_of(9)
    few[:, : COUNT - 50] = np.nan
    assert np.isnan(compare(few).statistic).all()
    sparse = pair_of(9)
    sparse[0, COUNT::2] = np.nan
    sparse[1, COUNT + 1 :: 2] = np.nan
    assert np.isnan(compare(sparse).statistic).all()  # never both at a time


def test_a_member_that_never_moved_drifts_when_it_does() -> None:
    values = pair_of(10)
    values[1] = 3.0
    assert (compare(values).severity == NONE).all()
    values[1, COUNT:] = 4.0
    assert (compare(values).severity >= HIGH).all()
