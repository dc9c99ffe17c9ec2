"""What goes as it went before fits, and nothing else; on wall clocks that jump."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.core.observation import Observation, ObservedCourse
from webhook.core.patterns import (
    ALIKE,
    FEWEST,
    LONGER,
    Candidate,
    Envelope,
    Shape,
    agreeing,
    envelope,
    fits,
    is_its_hour,
    is_whole,
    left,
    minute_of,
    minutes_apart,
    shape_of,
)

BERLIN = "Europe/Berlin"

# Exact in floating point, so that scaling loses nothing.
_numbers = st.integers(-1000, 1000).map(float)
_widths = st.one_of(st.just(math.nan), st.integers(0, 200).map(float))
_steps = st.sampled_from([15.0, 30.0, 60.0])


@st.composite
def _lines(draw: st.DrawFn) -> list[float]:
    """Samples with gaps, none too long, and one at the onset."""
    line = draw(st.lists(st.one_of(_numbers, _numbers, st.just(math.nan)), min_size=3, max_size=30))
    line[0] = draw(_numbers)
    for i in range(2, len(line)):
        if math.isnan(line[i - 1]) and math.isnan(line[i - 2]):
            line[i] = draw(_numbers)
    return line


_shapes = st.builds(Shape, _steps, _lines(), _widths)
_several = st.lists(_shapes, min_size=1, max_size=4)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def hill(
    height: float = 10.0, points: int = 40, *, late: int = 0, step: float = 15.0, width: float = 2.0
) -> Shape:
    """A rise and a fall above 100."""
    rise = [100 + height * math.sin(math.pi * i / (points - 1)) for i in range(points)]
    values = [100.0 + height * 0.05] * late + rise
    return Shape(step, tuple(values), width, max(value - 100 for value in values))


@given(_several)
def test_each_of_its_own_courses_fits(shapes: list[Shape]) -> None:
    around = envelope(shapes)
    assert all(fits(around, shape) for shape in shapes)


@given(_several, st.data())
def test_what_goes_beyond_at_any_step_does_not_fit(
    shapes: list[Shape], data: st.DataObject
) -> None:
    around = envelope(shapes)
    own = data.draw(st.sampled_from(shapes))
    i = data.draw(st.integers(0, len(own.values) - 1))
    beyond = data.draw(st.sampled_from([min(around.lower) - 1, max(around.upper) + 1]))
    values = [*own.values[:i], beyond, *own.values[i + 1 :]]
    assert left(around, replace(own, values=values)) == "left"
    # Also where the envelope is narrower than elsewhere.
    step = Shape(around.step, [math.nan] * 0 + list(around.upper))
    assert fits(around, step) == all(a <= b for a, b in zip(step.values, around.upper, strict=True))
    k = data.draw(st.integers(0, len(around.upper) - 1))
    higher = [value + (1e-6 + abs(value) * 1e-9) * (j == k) for j, value in enumerate(around.upper)]
    assert left(around, Shape(around.step, higher)) == "left"


@given(_several, st.data())
def test_the_beginning_of_what_fits_fits(shapes: list[Shape], data: st.DataObject) -> None:
    around = envelope(shapes)
    course = data.draw(_shapes)
    if fits(around, course):
        values = course.values[: data.draw(st.integers(1, len(course.values)))]
        assert fits(around, replace(course, values=values))


@given(_several, _shapes, st.sampled_from([0.25, 2.0, 1024.0]), st.integers(-500, 500))
def test_units_do_not_matter(
    shapes: list[Shape], course: Shape, scale: float, shift: float
) -> None:
    def other(shape: Shape) -> Shape:
        values = [value * scale + shift for value in shape.values]
        return replace(shape, values=values, width=shape.width * scale)

    around, again = envelope(shapes), envelope(map(other, shapes))
    assert again.step == around.step
    assert again.lower == tuple(value * scale + shift for value in around.lower)
    assert again.upper == tuple(value * scale + shift for value in around.upper)
    assert fits(again, other(course)) == fits(around, course)


def test_an_envelope_by_hand() -> None:
    around = envelope([Shape(15.0, [0.0] * 9, 2.0), Shape(15.0, [0.0] * 3 + [4.0] + [0.0] * 5)])
    # At the fourth step 4 high: half of it more on each side, and half a band of 2; two steps
    # before and after that, too.
    wide, narrow = (-3.0, 7.0), (-1.0, 1.0)
    expected = [narrow, *[wide] * 5, *[narrow] * 3]
    assert list(zip(around.lower, around.upper, strict=True)) == expected


def test_how_long_it_may_last() -> None:
    around = Envelope(15.0, (0.0,) * 10, (1.0,) * 10)
    longest = int(LONGER * 10) + 1
    assert fits(around, Shape(15.0, [0.5] * longest))
    assert left(around, Shape(15.0, [0.5] * (longest + 1))) == "longer"
    assert left(around, Shape(60.0, [0.5] * 5)) == "longer"
    # What goes another way says more.
    assert left(around, Shape(15.0, [0.5] * longest + [2.0])) == "left"


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, *[math.nan] * 3], [*[math.nan] * 3, 0.5]])
def test_what_nobody_knows_does_not_fit(values: Sequence[float]) -> None:
    around = Envelope(15.0, (0.0,) * 10, (1.0,) * 10)
    assert left(around, Shape(15.0, values)) == "unknown"
    assert left(around, None) == "unknown"
    assert left(around, Shape(15.0, [0.5, math.nan, math.nan, 0.5])) is None


def candidates(*shapes: Shape, minutes: Sequence[float] = ()) -> list[Candidate]:
    times = [*minutes] or [120.0] * len(shapes)
    return [
        Candidate(100 - i, minute, shape)
        for i, (minute, shape) in enumerate(zip(times, shapes, strict=True))
    ]


def numbers(found: Sequence[Candidate]) -> list[int]:
    return [each.incident for each in found]


def test_those_alike_make_a_pattern() -> None:
    alike = candidates(hill(10), hill(11, late=1), hill(9.5), hill(10.4, late=2))
    assert numbers(agreeing(alike)) == [100, 99, 98, 97]
    assert agreeing(alike[: FEWEST - 1]) == []


def test_another_shape_is_left_out() -> None:
    step = Shape(15.0, (110.0,) * 40, 2.0, 10.0)
    assert numbers(agreeing(candidates(hill(10), hill(11), step, hill(10.5)))) == [100, 99, 97]
    assert numbers(agreeing(candidates(step, hill(10), hill(11), hill(10.5)))) == [99, 98, 97]
    assert agreeing(candidates(hill(10), hill(11), step)) == []


def test_another_hour_is_left_out() -> None:
    four = [hill(10), hill(11), hill(10), hill(11)]
    around_midnight = (1435.0, 10.0, 60.0, 1420.0)
    assert numbers(agreeing(candidates(*four, minutes=around_midnight))) == [100, 99, 97]
    assert agreeing(candidates(*four, minutes=(0.0, 31.0, 62.0, 93.0))) == []


def test_what_is_much_higher_or_the_other_way_is_left_out() -> None:
    high, low = hill(10 * ALIKE + 1), replace(hill(10), height=-10.0)
    assert agreeing(candidates(hill(10), high, hill(10))) == []
    assert agreeing(candidates(hill(10), low, hill(10))) == []
    assert agreeing(candidates(hill(10), replace(hill(10), height=math.nan), hill(10))) == []


def test_a_clock_on_the_wall_across_midnight_and_summer_time() -> None:
    assert minutes_apart(1435, 5) == 10
    minute = minute_of(at("2026-03-20 01:00"), BERLIN)
    assert minute == 120
    # On 29 March 2026 it is 02:00 in Berlin at 00:00 UTC no more: the clock goes from 2 to 3.
    assert is_its_hour(minute, BERLIN, at("2026-04-10 00:00"))
    assert not is_its_hour(minute, BERLIN, at("2026-04-10 01:00"))
    assert is_its_hour(minute, BERLIN, at("2026-03-20 01:30"))
    assert not is_its_hour(minute, BERLIN, at("2026-03-20 01:31"))


def course(values: Sequence[float], start: float = 0.0, step: float = 15.0) -> ObservedCourse:
    size = len(values)
    return ObservedCourse(
        start, step, values, (1.0,) * size, (0.0,) * size, (2.0,) * size, (0.0,) * size
    )


def test_a_shape_goes_from_the_onset_to_the_end() -> None:
    seen = Observation(1, 300.0, 30.0, course=course([1.0, 1.0, 5.0, -9.0, 4.0, 1.0, 1.0]))
    assert shape_of(seen, 74.0) == Shape(15.0, (5.0, -9.0, 4.0), 2.0, -10.0)
    # More than is known is no more than that.
    whole = shape_of(seen, 400.0)
    assert whole is not None
    assert len(whole.values) == 5
    assert shape_of(seen, 29.0) is None
    assert shape_of(replace(seen, began_at=None), 74.0) is None
    assert shape_of(replace(seen, course=None), 74.0) is None


def test_a_shape_of_a_series_without_a_band() -> None:
    nothing = (math.nan,) * 3
    bare = replace(course([5.0, 5.0, 5.0]), expected=nothing, lower=nothing, upper=nothing)
    shape = shape_of(Observation(1, 300.0, 0.0, course=bare), 40.0)
    assert shape is not None
    assert math.isnan(shape.width)
    assert math.isnan(shape.height)
    assert is_whole(shape.values)
