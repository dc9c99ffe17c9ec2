"""Is the ruler as long as the distances say, and does it forget?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core import tailscale
from exporter.core.kernels import uncompiled
from exporter.core.race import fresh_race
from exporter.core.tailscale import BINS, INDEX, SIGMAS

every_form = pytest.mark.parametrize("python", [False, True], ids=["compiled", "python"])


class Tail:
    """A histogram with the two numbers that a register keeps for it."""

    def __init__(self, *, python: bool) -> None:
        self.bins = fresh_race(1, ring=7)["tail"][0]
        self.own = np.array([np.nan, 1.0])
        self._learn = uncompiled(tailscale.learn_distance) if python else tailscale.learn_distance
        self._scale = uncompiled(tailscale.tail_scale) if python else tailscale.tail_scale

    def learn(self, *distances: float, growth: float = 1.0) -> None:
        for distance in distances:
            self._learn(self.bins, self.own, 0, 1, distance, growth)

    @property
    def scale(self) -> float:
        return self._scale(self.bins, self.own[0])


@every_form
def test_scales_by_hand(python: bool) -> None:
    """Bins end at powers of 2^(1/4): 1 lies below 1.19, 16 below 19.03."""
    tail = Tail(python=python)
    tail.learn(*[1.0] * 990, *[16.0] * 10)
    half_a_percent = SIGMAS * 0.5 ** (-1 / INDEX)
    assert tail.scale == pytest.approx(2**4.25 / half_a_percent), "the rarer place is farther"
    tail = Tail(python=python)
    tail.learn(*[1.0] * 995, *[16.0] * 5)
    assert tail.scale == pytest.approx(2**0.25 / SIGMAS), "five in a thousand are too few"


@every_form
def test_who_hardly_ever_moves_is_measured_by_its_moves(python: bool) -> None:
    tail = Tail(python=python)
    tail.learn(*[0.0] * 50)
    assert tail.scale == 0.0
    tail.learn(*[0.0] * 950, *[1.0] * 4)
    share = 0.5 * 4 / 1004
    assert tail.scale == pytest.approx(2**0.25 / (SIGMAS * (share / 0.01) ** (-1 / INDEX)))


def test_of_normal_distances_it_is_their_deviation() -> None:
    tail = Tail(python=False)
    tail.learn(*np.abs(np.random.default_rng(1).normal(0.0, 2.0, 20_000)))
    assert 2.0 * 0.9 < tail.scale < 2.0 * 2**0.25 * 1.1


@every_form
def test_the_greatest_distance_pushes_the_others_down(python: bool) -> None:
    tail = Tail(python=python)
    tail.learn(1.0, 2.0)
    assert np.flatnonzero(tail.bins).tolist() == [BINS - 5, BINS - 1]
    tail.learn(2.0**40, 1.0)
    assert np.flatnonzero(tail.bins).tolist() == [1, BINS - 1], "too small to be told apart"
    assert tail.bins[1] == 3.0


@given(st.lists(st.floats(0.0, 1e300), min_size=1, max_size=30))
def test_the_order_of_distances_does_not_matter(distances: list[float]) -> None:
    one, other = Tail(python=True), Tail(python=True)
    one.learn(*distances)
    other.learn(*sorted(distances))
    np.testing.assert_array_equal(one.bins, other.bins)
    assert one.scale == other.scale


@every_form
def test_what_is_long_ago_fades(python: bool) -> None:
    """Distances of 8 no longer count after ten times the samples in which they fade to a half."""
    tail = Tail(python=python)
    tail.learn(*[8.0] * 300, growth=2 ** (1 / 20))
    assert tail.scale > 3.0
    tail.learn(*[1.0] * 200, growth=2 ** (1 / 20))
    assert tail.scale == pytest.approx(2**0.25 / SIGMAS)
    assert tail.own[1] <= 1e4, "weights are brought down again"
    assert np.isfinite(tail.bins).all()


def test_bringing_weights_down_changes_no_share() -> None:
    """Weights that double with each distance: the newest has half of all."""
    tail = Tail(python=True)
    for count in range(1, 40):
        tail.learn(float(2**count), growth=2.0)
        share = tail.bins[BINS - 1] / tail.bins.sum()
        assert share == pytest.approx(2 ** (count - 1) / (2**count - 1), rel=1e-6)


@every_form
def test_a_first_distance_beyond_all_others_does_not_blind_for_ever(python: bool) -> None:
    tail = Tail(python=python)
    tail.learn(1e15, *[1.0] * 150)
    assert tail.scale > 1e14, "it may be one of many"
    tail.learn(*[1.0] * 200)
    assert tail.scale == pytest.approx(2**0.25 / SIGMAS)


@every_form
def test_nor_does_a_first_move_after_a_long_rest(python: bool) -> None:
    tail = Tail(python=python)
    tail.learn(*[0.0] * 5000, 1.8e19, *[1.0] * 60)
    assert tail.scale < 10.0
