"""Is it known what a series has shown before, however its range grows?"""

import numpy as np
import pytest

from exporter.core import novel
from exporter.core.kernels import uncompiled
from exporter.core.novel import CELLS, CONSTANT, SIDE, UNSETTLED, fresh_novelty, novelty
from exporter.core.rows import State
from exporter.core.series import Floats

NEVER = 10**9
"""Samples: longer than anything here."""

every_form = pytest.mark.parametrize("python", [False, True], ids=["compiled", "python"])


def measure(
    state: State,
    values: list[float] | Floats,
    *,
    least: int = 1,
    lifetime: int = NEVER,
    relaxation: float = 0.0,
    python: bool = False,
) -> Floats:
    """Return the distances [2, T] of value and context of one series, in ranges."""
    cells = np.array(values, dtype=np.float64)[None]
    out = np.full((2, *cells.shape), np.nan)
    kernel = uncompiled(novelty) if python else novelty
    kernel(cells, least, lifetime, relaxation, state["line"], state["area"], state["seen"], out)
    return out[:, 0]


def trust(count: int) -> float:
    return count / (count + UNSETTLED)


@every_form
def test_distance_of_a_value_by_hand(python: bool) -> None:
    """Of 0 and 100 seen, 50 is half a range away, less the half cell or so of a grid."""
    told = measure(fresh_novelty(1), [0.0, 100.0] * 50 + [50.0, 50.0], python=python)[0]
    assert told[100] == pytest.approx(0.5 * trust(100), rel=0.03)
    assert told[[99, 101]].tolist() == [0.0, 0.0]
    assert np.isnan(told[0])


@every_form
def test_a_known_value_in_an_unknown_course(python: bool) -> None:
    """A series that always comes back to 0 at once, and then stays at 100."""
    told = measure(
        fresh_novelty(1), [0.0] * 9 * 20 + [100.0] + [0.0] * 9 + [100.0] * 8, python=python
    )
    value, context = told[:, -8:]
    assert (value == 0.0).all()
    assert context[0] == 0.0, "so far it is what happened before"
    # The mean of two is at 100, where 50 was the most; half of that distance, and one of the eight.
    assert context[1] == pytest.approx(0.5 * (0.5 + 0.125) * trust(190), abs=0.02)


@every_form
def test_growing_keeps_what_was_seen(python: bool) -> None:
    """A range that grows a thousandfold has coarser cells, and all marks are in them."""
    state = fresh_novelty(1)
    first = np.linspace(10.0, 20.0, 50)
    measure(state, first, python=python)
    told = measure(state, [10_000.0, *first], python=python)
    assert told[0, 0] > 0.15
    assert (told[0, 1:] == 0.0).all()
    assert state["line"].sum() == 2, "one cell for what is small now, one for what is large"
    assert np.unpackbits(state["area"]).sum() <= 6


@every_form
def test_marks_of_both_generations_move_along(python: bool) -> None:
    line = fresh_novelty(1)["line"][0]
    line[0, 10] = line[1, 12] = 1
    grow = uncompiled(novel._grow_line) if python else novel._grow_line
    grow(line, 1.0, 100.0, 2.0, 0.0)  # cells 110 and 112 of width 1 are 55 and 56 of width 2
    assert np.argwhere(line).tolist() == [[0, 55], [1, 56]]
    area = fresh_novelty(1)["area"][0]
    for age, i, j in ((0, 3, 9), (1, 4, 127)):
        area[age, i, j >> 3] |= 1 << (j & 7)
    grow_map = uncompiled(novel._grow_map) if python else novel._grow_map
    grow_map(area, 1.0, 0.0, 2.0, -10.0)
    is_marked = uncompiled(novel._is_marked) if python else novel._is_marked
    found = [(i, j) for i in range(SIDE) for j in range(SIDE) if is_marked(area, i, j)]
    assert found == [(11, 14), (12, 73)]
    assert not is_marked(area, -1, 0)
    grow_map(area, 1.0, 0.0, 1.0, 100.0)  # what is left of the new map falls off
    assert not area.any()


@every_form
def test_nearest_marks_by_hand(python: bool) -> None:
    to_line = uncompiled(novel._to_line) if python else novel._to_line
    to_area = uncompiled(novel._to_area) if python else novel._to_area
    line = fresh_novelty(1)["line"][0]
    area = fresh_novelty(1)["area"][0]
    assert to_line(line, 3) == CELLS
    assert to_area(area, 0, 0) == 2 * SIDE
    line[1, 10] = line[0, 20] = 1
    assert [to_line(line, place) for place in (10, 13, 16, 255)] == [0, 3, 4, 235]
    area[1, 5, 0] = 1 << 5
    assert [to_area(area, *place) for place in ((5, 5), (3, 6), (8, 1), (127, 127))] == [
        0,
        3,
        7,
        244,
    ]


@every_form
def test_a_grid_holds_a_range_and_as_much_again(python: bool) -> None:
    grid = uncompiled(novel._grid) if python else novel._grid
    for low, high in ((0.0, 1.0), (-5.0, 1e9), (7.0, 7.0), (0.0, 0.0), (1e15, 1e15 + 1)):
        width, base = grid(low, high, CELLS)
        assert np.log2(width) == np.floor(np.log2(width))
        assert base * width <= low <= high < (base + CELLS) * width
        assert 0.2 * CELLS * width <= max(high - low, 1e-12 * high, 1e-300) < CELLS * width
    cell = uncompiled(novel._cell) if python else novel._cell
    assert [cell(value, 2.0, 5.0, 10) for value in (10.0, 29.9, -1e300, 1e300)] == [0, 9, -1, 10]


@every_form
def test_what_is_two_generations_old_is_new_again(python: bool) -> None:
    state = fresh_novelty(1)
    calm = [float(k % 2) for k in range(100)]
    measure(state, [10.0, *calm[1:]], lifetime=100, python=python)
    assert measure(state, [10.0, *calm[1:]], lifetime=100, python=python)[0, 0] == 0.0
    measure(state, calm, lifetime=100, python=python)
    assert state["line"][0, 1].any(), "the older generation is the calm one by now"
    told = measure(state, [*calm, 10.0], lifetime=100, python=python)
    assert told[0, -1] > 0.5


@every_form
def test_a_change_is_as_new_as_the_constant_was_long(python: bool) -> None:
    for length in (50, 1000):
        told = measure(fresh_novelty(1), [7.0] * length + [8.0], python=python)
        assert (told[:, 1:length] == 0.0).all()
        expected = length / (length + CONSTANT)
        assert told[:, length].tolist() == pytest.approx([expected, expected])


def test_the_ends_of_the_range_come_back_slowly() -> None:
    state = fresh_novelty(1)
    measure(state, [0.0, 100.0, *[0.0, 10.0] * 50], relaxation=0.02)
    low, high = state["seen"][0, [novel.LOWEST, novel.HIGHEST]]
    assert low == pytest.approx(0.0, abs=0.3)
    assert 10.0 < high < 30.0


def test_gaps_and_infinities_are_skipped() -> None:
    state, same = fresh_novelty(1), fresh_novelty(1)
    told = measure(state, [1.0, np.nan, 2.0, np.inf, -np.inf, 1e200, 3.0])
    assert np.isnan(told[0, [1, 3, 4, 5]]).all()
    measure(same, [1.0, 2.0, 3.0])
    for name, array in state.items():
        np.testing.assert_array_equal(array, same[name])


def test_compiled_and_uncompiled_agree() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=300)
    values[[50, 60]] = np.nan, np.inf
    values[200:] *= 30.0
    one, other = fresh_novelty(1), fresh_novelty(1)
    fast, slow = (
        measure(state, values, least=5, lifetime=120, relaxation=0.01, python=python)
        for state, python in ((one, False), (other, True))
    )
    np.testing.assert_allclose(slow, fast)
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array)
    own, place = one["seen"][0], slice(novel.RECENT, None)
    for now in (1e4, -3.0, 55.0):
        fast_own, slow_own = own.copy(), own.copy()
        assert novel._recent(fast_own, now) == uncompiled(novel._recent)(slow_own, now)
        assert fast_own[place].tolist() == slow_own[place].tolist()
        marks, other_marks = one["line"][0].copy(), one["line"][0].copy()
        assert novel._place_value(fast_own, marks, now) == uncompiled(novel._place_value)(
            slow_own, other_marks, now
        )
        np.testing.assert_array_equal(marks, other_marks)
        area, other_area = one["area"][0].copy(), one["area"][0].copy()
        context = (now, 0.5 * now)
        assert novel._place_context(fast_own, area, now, context) == uncompiled(
            novel._place_context
        )(slow_own, other_area, now, context)
        np.testing.assert_array_equal(area, other_area)
        np.testing.assert_allclose(fast_own, slow_own)
        for distances in (novel._distances, uncompiled(novel._distances)):
            assert distances(own, 1.0, 2.0, now) == pytest.approx(
                novel._distances(own, 1.0, 2.0, now)
            )
    first = np.zeros_like(own)
    uncompiled(novel._first)(first, 5.0)
    assert first[[novel.LOWEST, novel.HIGHEST]].tolist() == [5.0, 5.0]
    unmoved = uncompiled(novel._distances)(first, 0.0, 0.0, 5.0)
    assert unmoved == (0.0, 0.0)
