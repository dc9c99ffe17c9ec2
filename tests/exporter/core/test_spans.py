"""Is an instant special? By spans, merged and half open."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.spans import SUNDAY, Special, inside, merged, united

PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


@given(PAIRS)
def test_an_instant_is_inside_exactly_if_it_is_in_one_of_the_pairs(
    pairs: list[tuple[int, int]],
) -> None:
    times = np.arange(-1, 32)
    spans = merged(pairs)
    expected = [any(start <= time < end for start, end in pairs) for time in times.tolist()]
    assert inside(times, spans).tolist() == expected
    assert (np.diff(spans.ravel()) > 0).all()


@given(PAIRS, PAIRS)
def test_calendars_together_hold_what_each_holds(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    times = np.arange(-1, 32)
    first, second = Special(merged(one), rest=5), Special(merged(other), merged(one))
    both = united([first, second])
    np.testing.assert_array_equal(both.mask(times), first.mask(times) | second.mask(times))
    np.testing.assert_array_equal(inside(times, both.hours), inside(times, second.hours))
    assert both.rest == 5


def test_no_calendars_are_no_days() -> None:
    nothing = united([])
    assert not nothing.mask(np.arange(3)).any()
    assert nothing.rest == SUNDAY
