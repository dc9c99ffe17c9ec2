"""Pictures: small, and of what they say that they are of."""

import math
import struct

import pytest

from webhook.adapters.chart import (
    MAX_BYTES,
    Charts,
    Subject,
    alt_text,
    can_draw,
    draw,
    outside_of,
    round_bytes,
)
from webhook.core.facts import Course
from webhook.core.samples import full_sample

SUBJECT = Subject("latency $x^2$ \x07{pod}", "seconds", "Europe/Berlin", 1_795_258_400.0, None)
WELL = Course((0.0, 60.0, 120.0), (1.0, 1.1, 1.2), (0.5,) * 3, (2.0,) * 3)


def size_of(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_a_picture_is_small_and_the_same_each_time() -> None:
    course = full_sample().course
    assert course is not None
    noisy = Course(
        tuple(float(i) for i in range(180)),
        tuple(math.sin(i * i) for i in range(180)),
        (-0.9,) * 180,
        (0.9,) * 180,
    )

    first, again, full = draw(course, SUBJECT), draw(course, SUBJECT), draw(noisy, SUBJECT)

    assert first == again
    assert size_of(first) == (720, 300)
    assert max(len(first), len(full)) < MAX_BYTES


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [(0.0, 67 * 2.0**20, 16 * 2.0**20), (-3.3, 70.0, 16.0), (1e9, 1e9 + 3, 0.5), (0.0, 6.0, 1.0)],
)
def test_ticks_of_bytes_are_round_in_powers_of_two(low: float, high: float, step: float) -> None:
    assert round_bytes(low, high) == step


@pytest.mark.parametrize("unit", ["", "bytes"])
@pytest.mark.parametrize(
    "course",
    [
        Course((0.0, 60.0), (1.0, 1.0), (math.nan,) * 2, (math.nan,) * 2),
        Course((0.0, 60.0, 120.0), (1.0, math.nan, 1e300), (0.0,) * 3, (1.0,) * 3),
    ],
)
def test_odd_courses_can_be_drawn(course: Course, unit: str) -> None:
    ended = Subject("x" * 500, unit, "UTC", 30.0, 90.0)
    assert draw(course, ended).startswith(b"\x89PNG")


def test_the_words_say_what_the_picture_shows() -> None:
    course = full_sample().course
    assert course is not None
    assert outside_of(course) == [22, 23]
    assert alt_text(course, SUBJECT).endswith(
        "between 0.3 s and 1.84 s, outside of its normal band first at 11:45 CET"
    )
    assert alt_text(WELL, SUBJECT).endswith("between 1 s and 1.2 s, within its normal band")
    nothing = Course((0.0,), (math.nan,), (0.0,), (0.0,))
    assert alt_text(nothing, SUBJECT) == ""


async def test_without_samples_there_is_no_picture() -> None:
    charts = Charts(is_able=True)
    nothing = Course((0.0, 60.0), (math.nan, 1.0), (0.0,) * 2, (0.0,) * 2)
    assert await charts.draw(nothing, SUBJECT) is None
    assert await charts.draw(WELL, SUBJECT) is not None
    charts.close()


async def test_without_the_extra_there_is_no_picture_and_one_line_that_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    charts = Charts(is_able=False)
    assert await charts.draw(WELL, SUBJECT) is None
    assert await charts.draw(WELL, SUBJECT) is None
    assert caplog.text.count("anomaly-exporter[plots]") == 1
    assert can_draw()
    charts.close()
