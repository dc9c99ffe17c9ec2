"""The laws of a drift test, for every entry of the table."""

import itertools
import warnings
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.core.series import Floats
from exporter.drift import ALL
from exporter.drift.base import CRITICAL, NONE, Drift, DriftTest, GroupTest, SeriesTest
from exporter.drift.samples import reference_of, samples_of
from exporter.drift.together import Together

SMALL: Final[dict[str, dict[str, Any]]] = {"isolation_forest": {"trees": 5}}
"""Settings under which a test is quick; default: its own."""

every_test = pytest.mark.parametrize(
    "test", [kind(**SMALL.get(kind().name, {})) for kind in ALL], ids=lambda test: test.name
)

AWKWARD: Final = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, 5e-324, 3.5, -2.0, 1e9])


@st.composite
def pairs(draw: st.DrawFn, *, awkward: bool = False) -> tuple[Floats, Floats]:
    """Draw samples of a few series on both sides, eighths between -125 and 125, often repeated."""
    series, here, there = draw(
        st.tuples(st.integers(1, 4), st.integers(0, 120), st.integers(0, 40))
    )
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    widest = draw(st.sampled_from([1, 5, 1000]))
    values = rng.integers(-widest, widest, (series, here + there)) / 8
    if awkward:
        is_odd = rng.random(values.shape) < draw(st.sampled_from([0.05, 0.5, 1.0]))
        values = np.where(is_odd, rng.choice(AWKWARD, values.shape), values)
    return values[:, :here], values[:, here:]


def compare(test: DriftTest, one: Floats, other: Floats) -> Drift:
    """Compare series, each a group of its own, in columns a millisecond apart."""
    if isinstance(test, SeriesTest):
        return test.compare(reference_of(one), samples_of(other))
    assert isinstance(test, GroupTest)
    times, now = np.arange(one.shape[1]), one.shape[1] + np.arange(other.shape[1])
    rows = [slice(row, row + 1) for row in range(len(one))]
    return test.judge([test.measure(Together(one[r], other[r], times, now, 1)) for r in rows])


def lively(series: int, seed: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (series, 600)), rng.normal(0, 1, (series, 200))


def assert_same(one: Drift, other: Drift) -> None:
    np.testing.assert_allclose(one.statistic, other.statistic, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.p_value, other.p_value, rtol=1e-6, atol=1e-12)


def test_every_kind_has_a_name_of_its_own() -> None:
    names = [kind().name for kind in ALL]
    assert all(names)
    assert len(set(names)) == len(names)


@every_test
@given(pair=pairs(awkward=True))
@settings(max_examples=40, deadline=None)
def test_anything_is_answered_within_bounds_and_nothing_written(
    test: DriftTest, pair: tuple[Floats, Floats]
) -> None:
    one, other = (values.copy() for values in pair)
    for values in pair:
        values.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift = compare(test, *pair)
    np.testing.assert_array_equal(pair[0], one)
    np.testing.assert_array_equal(pair[1], other)
    unknown = np.isnan(drift.statistic)
    np.testing.assert_array_equal(unknown, np.isnan(drift.p_value))
    assert (drift.severity[unknown] == NONE).all()
    assert (drift.statistic[~unknown] >= 0).all()
    assert ((drift.p_value[~unknown] >= 0) & (drift.p_value[~unknown] <= 1)).all()
    assert ((drift.severity >= NONE) & (drift.severity <= CRITICAL)).all()


@every_test
@given(pair=pairs(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_series_are_independent(
    test: DriftTest, pair: tuple[Floats, Floats], data: st.DataObject
) -> None:
    order = np.array(data.draw(st.permutations(range(len(pair[0])))))
    whole, turned = compare(test, *pair), compare(test, pair[0][order], pair[1][order])
    np.testing.assert_array_equal(whole.statistic[order], turned.statistic)
    np.testing.assert_array_equal(whole.p_value[order], turned.p_value)
    np.testing.assert_array_equal(whole.severity[order], turned.severity)


@every_test
@given(pair=pairs(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_the_order_of_recent_samples_does_not_matter(
    test: DriftTest, pair: tuple[Floats, Floats], data: st.DataObject
) -> None:
    one, other = pair
    order = np.array(data.draw(st.permutations(range(other.shape[1]))), dtype=np.int64)
    assert_same(compare(test, one, other), compare(test, one, other[:, order]))


@pytest.mark.parametrize("test", [kind() for kind in ALL if issubclass(kind, SeriesTest)])
@given(pair=pairs())
@settings(max_examples=40, deadline=None)
def test_identical_samples_do_not_drift(test: DriftTest, pair: tuple[Floats, Floats]) -> None:
    one = np.concatenate(pair, 1)
    drift = compare(test, one, one)
    told = ~np.isnan(drift.statistic)
    np.testing.assert_array_equal(drift.statistic[told], 0.0)
    np.testing.assert_array_equal(drift.p_value[told], 1.0)


@every_test
def test_identical_noise_does_not_drift(test: DriftTest) -> None:
    one, _ = lively(20)
    assert (compare(test, one, one).severity == NONE).all()


@every_test
@given(
    pair=pairs(), scale=st.sampled_from([0.25, 1.0, 8.0]), shift=st.sampled_from([0.0, -3.0, 64.0])
)
@settings(max_examples=25, deadline=None)
def test_units_do_not_matter(
    test: DriftTest, pair: tuple[Floats, Floats], scale: float, shift: float
) -> None:
    one, other = pair
    as_they_are = compare(test, one, other)
    assert_same(as_they_are, compare(test, scale * one + shift, scale * other + shift))


@every_test
def test_the_farther_the_shift_the_larger_the_drift(test: DriftTest) -> None:
    one, other = lively(10)
    found = [compare(test, one, other + shift) for shift in (0.0, 1.0, 2.0, 4.0, 8.0)]
    for less, more in itertools.pairwise(found):
        assert (more.statistic >= less.statistic - 0.02).all()
        assert (more.p_value <= less.p_value + 0.01).all()
        assert (more.severity >= less.severity).all()
    assert (found[-1].severity == CRITICAL).all()
    assert (found[0].severity == NONE).all()


@every_test
@pytest.mark.parametrize("level", [0.0, 5.0, -1e9, 0.1 + 0.2])
def test_constants_drift_if_they_differ(test: DriftTest, level: float) -> None:
    one = np.full((1, 600), level)
    same = compare(test, one, one[:, :200])
    assert (same.statistic[0], same.p_value[0], same.severity[0]) == (0.0, 1.0, NONE)
    for change in (1.0, -1.0, 0.01 * level + 1e-3):
        drift = compare(test, one, one[:, :200] + change)
        assert drift.severity[0] == CRITICAL
        assert drift.p_value[0] < 1e-9
    rounded = compare(test, one, np.nextafter(one[:, :200], np.inf) if level else one[:, :200])
    assert rounded.severity[0] == NONE


@every_test
@pytest.mark.parametrize("nothing", [np.nan, np.inf, -np.inf])
def test_without_samples_nothing_can_be_told(test: DriftTest, nothing: float) -> None:
    one, other = lively(2)
    for pair in (
        (one * nothing, other),
        (one, other * nothing),
        (one[:, :3], other),
        (one, other[:, :3]),
    ):
        drift = compare(test, *pair)
        assert np.isnan(drift.statistic).all()
        assert np.isnan(drift.p_value).all()
        assert (drift.severity == NONE).all()
