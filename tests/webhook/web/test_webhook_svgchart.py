"""A chart is a whole drawing within its frame whatever a series did, and says so in words."""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook.adapters.chart import Subject
from webhook.core.facts import Course
from webhook.web.axes import time_ticks, value_ticks
from webhook.web.chartwords import in_words
from webhook.web.svgchart import charts, is_drawable

GOLDEN = Path(__file__).parents[2] / "golden" / "webhook_chart.svg"
START = 1_795_248_000.0  # 21 November 2026, 08:00 UTC
SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

samples = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def courses(draw: st.DrawFn) -> Course:
    count = draw(st.integers(1, 12))
    lines = [draw(st.lists(samples, min_size=count, max_size=count)) for _ in range(6)]
    step = draw(st.sampled_from([15.0, 60.0, 480.0, 86_400.0]))
    return Course([START + step * i for i in range(count)], *lines)


def subject(**changed: Any) -> Subject:
    known: dict[str, Any] = {
        "title": "latency of checkout",
        "unit": "seconds",
        "zone": "Europe/Berlin",
        "starts_at": START + 600.0,
        "ends_at": START + 1200.0,
    }
    return Subject(**{**known, **changed})


def drawings(text: str) -> list[ElementTree.Element]:
    namespaced = text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    return list(ElementTree.fromstring(f"<both>{namespaced}</both>"))


@settings(deadline=None, max_examples=150)
@given(
    courses(),
    st.sampled_from(["", "bytes", "ratio", "seconds", "req/s"]),
    st.text(),
    st.sampled_from([None, START, START + 1e9]),
)
def test_any_course_is_drawn_within_its_frame(
    course: Course, unit: str, title: str, ends_at: float | None
) -> None:
    drawn = charts(course, subject(unit=unit, title=title, ends_at=ends_at))

    for svg in drawings(drawn):
        width, height = map(float, svg.attrib["viewBox"].split()[2:])
        for path in svg.iter(f"{SVG}path"):
            assert "nan" not in path.attrib["d"]
            assert "inf" not in path.attrib["d"]
            # Each move and line has two numbers; h0 after a point is none.
            numbers = [float(each) for each in _NUMBER.findall(path.attrib["d"].replace("h0", ""))]
            numbers = numbers if "h14" not in path.attrib["d"] else []
            assert all(-0.1 <= each <= width + 0.1 for each in numbers[::2])
            assert all(-0.1 <= each <= height + 0.1 for each in numbers[1::2])
        names = svg.attrib["aria-labelledby"].split()
        assert names == [svg[0].attrib["id"], svg[1].attrib["id"]]
    assert drawn == charts(course, subject(unit=unit, title=title, ends_at=ends_at))


def made(count: int = 60) -> Course:
    """Return an hour with a gap, an excursion and its score."""
    wave = [0.3 + 0.02 * math.sin(i / 4) for i in range(count)]
    values = [1.8 if 30 <= i < 40 else math.nan if 10 <= i < 15 else wave[i] for i in range(count)]
    return Course(
        [START + 60.0 * i for i in range(count)],
        values,
        [each - 0.1 for each in wave],
        [each + 0.1 for each in wave],
        wave,
        [0.95 if 30 <= i < 40 else 0.1 for i in range(count)],
        [0.6] * count,
    )


def test_the_drawing_is_as_looked_at() -> None:
    """UPDATE_GOLDEN=1 in the environment rewrites the file; look at it before it is committed."""
    drawn = charts(made(), subject(starts_at=START + 1920.0, ends_at=START + 2400.0))
    text = drawn.replace("><", ">\n<") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def lines(drawn: str, kind: str) -> list[str]:
    wide = drawings(drawn)[0]
    found = [path.attrib["d"] for path in wide.iter(f"{SVG}path") if path.get("class") == kind]
    return [each for each in found if "h14" not in each]


def test_gaps_break_the_line_and_samples_outside_are_marked_one_by_one() -> None:
    drawn = charts(made(), subject())
    (value,) = lines(drawn, "value")
    assert value.count("M") == 2
    # The last path, after the one of the legend.
    assert lines(drawn, "outside")[-1].count("M") == 10
    # The alert's ten minutes of an hour, in the plot and in the strip of scores.
    shades = [each for each in drawings(drawn)[0].iter(f"{SVG}rect") if each.get("class") == "span"]
    plot, strip = shades[1:]
    assert plot.get("width") == strip.get("width")
    assert float(plot.attrib["width"]) == pytest.approx(
        10 / 59 * (710 - float(lines(drawn, "grid")[0].split()[0][1:])), abs=0.2
    )


def test_what_is_not_known_is_neither_drawn_nor_said() -> None:
    nothing = [math.nan] * 3
    bare = Course([START, START + 60, START + 120], [1.0, 2.0, 3.0], nothing, nothing)
    drawn = charts(bare, subject(ends_at=None))
    assert not any(lines(drawn, kind) for kind in ("band", "expected", "score", "threshold"))
    assert ">not known<" in drawn
    words = in_words(bare, subject(ends_at=None))
    assert "its normal band is not known" in words
    assert words.endswith("and is still firing.")
    assert "score" not in words
    assert is_drawable(bare)
    assert not is_drawable(Course([START], [math.nan], [0.0], [1.0]))


def test_words_say_what_eyes_see() -> None:
    assert in_words(made(), subject()) == (
        "From 21 Nov 09:00 CET to 09:59 CET the value is between 0.28 s and 1.8 s; 10 samples are "
        "outside of the normal band, the first at 09:30 CET; samples of 5 min are missing. The "
        "score reaches 0.95; the threshold is 0.6. The alert began at 09:10 CET and ended at "
        "09:20 CET."
    )
    one = Course([START], [5.0], [4.0], [6.0])
    assert "the value is 5 s, always within its normal band" in in_words(one, subject())


@pytest.mark.parametrize(
    ("low", "high", "unit", "texts"),
    [
        (0.0, 1.0, "ratio", ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0.0, 4.0 * 2**30, "bytes", ["0 B", "1 GiB", "2 GiB", "3 GiB", "4 GiB"]),
        (0.0, 3600.0, "seconds", ["0 s", "15 min", "30 min", "45 min", "1 h"]),
        (-1.2e6, 1.2e6, "", ["-1M", "-500k", "0", "500k", "1M"]),
        # Four digits would call all of them 1M.
        (1_000_000.0, 1_000_000.4, "", [f"1000000{each}" for each in ("", ".1", ".2", ".3", ".4")]),
        (-8e307, 8e307, "", ["-5e+307", "0", "5e+307"]),
    ],
)
def test_values_get_few_round_ticks(low: float, high: float, unit: str, texts: list[str]) -> None:
    assert [text for _, text in value_ticks(low, high, unit, 5)] == texts


def test_times_are_round_on_the_clock_of_the_zone() -> None:
    def texts(start: float, hours: float, zone: str) -> Sequence[str]:
        return [text for _, text in time_ticks(start, start + hours * 3600, zone, 5)]

    assert texts(START, 1, "Asia/Kathmandu") == ["13:45", "14:00", "14:15", "14:30", "14:45"]
    assert texts(START, 24, "Europe/Berlin") == ["12:00", "18:00", "22 Nov", "06:00"]
    # The night of 25 October 2026 has 25 hours in Berlin: ticks stay on the clock's round hours.
    night = 1_792_875_600.0
    assert texts(night, 12, "Europe/Berlin") == ["25 Oct", "03:00", "06:00", "09:00"]
    assert texts(START, 24 * 400, "UTC") == []
