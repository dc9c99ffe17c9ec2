"""What did a series do around an incident? Its value, band and score as SVG, without any script.

Colours come from the page (`STYLE`), so that one drawing suits a light and a dark screen.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from webhook.adapters.chart import Subject, outside_of
from webhook.core.facts import Course
from webhook.core.text import one_line
from webhook.web.axes import padded, share, time_ticks, value_ticks
from webhook.web.chartwords import in_words, is_any_known

STYLE = (
    ":root{--value:#1b1f24;--band:#1a66c2;--expected:#1a5fb4;--outside:#b3151f;--span:#9a4a00;"
    "--grid:#8a8f98;--label:#4b5259;--score:#6b3fa0}"
    "@media(prefers-color-scheme:dark){:root{--value:#f2f4f7;--band:#78aeed;--expected:#99c1f1;"
    "--outside:#ff8a80;--span:#ffb066;--grid:#787f89;--label:#b9c0c9;--score:#c9a6f5}}"
    ".chart{display:block;width:100%;max-width:56rem;height:auto;font:12px system-ui,sans-serif}"
    ".chart.slim{display:none}"
    "@media(max-width:40rem){.chart.broad{display:none}"
    ".chart.slim{display:block;max-width:30rem}}"
    ".chart text{fill:var(--label)}.chart path,.chart line{fill:none}"
    ".chart .grid{stroke:var(--grid);stroke-width:.5;opacity:.6}"
    ".chart .band{fill:var(--band);fill-opacity:.2;stroke:var(--band);stroke-width:.5}"
    ".chart .value{stroke:var(--value);stroke-width:1.6;stroke-linejoin:round;"
    "stroke-linecap:round}"
    ".chart .expected{stroke:var(--expected);stroke-width:1.3;stroke-dasharray:5 3}"
    ".chart .alone{stroke:var(--value);stroke-width:4;stroke-linecap:round}"
    ".chart .outside{stroke:var(--outside);stroke-width:5;stroke-linecap:round}"
    ".chart .span{fill:var(--span);fill-opacity:.16}"
    ".chart .began{stroke:var(--span);stroke-width:1.2}"
    ".chart .score{stroke:var(--score);stroke-width:1.4;stroke-linejoin:round;"
    "stroke-linecap:round}"
    ".chart .threshold{stroke:var(--outside);stroke-width:1.2;stroke-dasharray:2 2}"
)

_TOP, _RIGHT, _PLOT, _GAP, _STRIP, _FOOT = 26.0, 10.0, 190.0, 18.0, 44.0, 34.0
_HEIGHT = _TOP + _PLOT + _GAP + _STRIP + _FOOT
# Of a letter at 12 px, on average.
_LETTER, _DIGIT = 6.6, 7.2
_WIDTHS = (("broad", 720.0, 8), ("slim", 340.0, 4))
_LEGEND = (
    ("value", "value"),
    ("band", "normal"),
    ("expected", "expected"),
    ("outside", "outside"),
    ("span", "alert"),
)


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where something is drawn: pixels and the limits that they stand for."""

    left: float
    right: float
    top: float
    bottom: float
    start: float
    end: float
    low: float
    high: float

    def x(self, at: float) -> float:
        return self.left + (self.right - self.left) * share(at, self.start, self.end)

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * share(value, self.low, self.high)


def is_drawable(course: Course) -> bool:
    """Tell whether there is any sample to be seen."""
    return any(not math.isnan(value) for value in course.values)


def charts(course: Course, subject: Subject, name: str = "chart") -> str:
    """Return the chart twice, for a wide and for a narrow screen; `STYLE` shows one of them.

    Parameters
    ----------
    name : what the ids in it start with, one of its own for each chart of a page
    """
    return "".join(
        _drawn(course, subject, f"{name}-{kind}", kind, width, ticks)
        for kind, width, ticks in _WIDTHS
    )


def _drawn(course: Course, subject: Subject, name: str, kind: str, width: float, ticks: int) -> str:
    low, high = _limits(course)
    start, end = course.times[0], course.times[-1]
    if end <= start:
        start, end = start - 30.0, end + 30.0
    marks = value_ticks(low, high, subject.unit, 5)
    longest = max((len(text) for _, text in marks), default=0)
    left = min(max(longest * _DIGIT + 10.0, 44.0), width / 3)
    main = _Plot(left, width - _RIGHT, _TOP, _TOP + _PLOT, start, end, low, high)
    top = main.bottom + _GAP
    strip = _Plot(left, main.right, top, top + _STRIP, start, end, 0.0, 1.0)
    pieces = [
        f'<svg class="chart {kind}" viewBox="0 0 {width:g} {_HEIGHT:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-words">'
        f'<title id="{name}-title">{_plain(subject.title)}</title>'
        f'<desc id="{name}-words">{_plain(in_words(course, subject))}</desc>',
        *_legend(course, left),
        *_grid(main, strip, marks, subject.zone, ticks),
        *_shaded(main, strip, subject),
        *_series(main, course),
        *_scored(strip, course),
        "</svg>",
    ]
    return "".join(pieces)


def _limits(course: Course) -> tuple[float, float]:
    lines = (course.values, course.expected, course.lower, course.upper)
    finite = [value for line in lines for value in line if math.isfinite(value)]
    return padded(min(finite, default=0.0), max(finite, default=0.0))


def _legend(course: Course, left: float) -> Iterator[str]:
    at = 4.0
    has = {
        "band": is_any_known(course.lower) and is_any_known(course.upper),
        "expected": is_any_known(course.expected),
        "outside": bool(outside_of(course)),
    }
    for kind, text in _LEGEND:
        if not has.get(kind, True):
            continue
        if kind in ("band", "span"):
            yield f'<rect class="{kind}" x="{at:.1f}" y="6" width="14" height="9"/>'
        elif kind == "outside":
            yield f'<path class="{kind}" d="M{at + 7:.1f} 10.5h0"/>'
        else:
            yield f'<path class="{kind}" d="M{at:.1f} 10.5h14"/>'
        yield f'<text x="{at + 18:.1f}" y="14.5">{text}</text>'
        at += 18 + len(text) * _LETTER + 10


def _grid(
    main: _Plot, strip: _Plot, marks: Sequence[tuple[float, str]], zone: str, ticks: int
) -> Iterator[str]:
    for value, text in marks:
        yield _line("grid", main.left, main.y(value), main.right, main.y(value))
        yield _text(main.left - 6, main.y(value) + 4, text, "end")
    for value in (0.0, 1.0):
        yield _line("grid", strip.left, strip.y(value), strip.right, strip.y(value))
        yield _text(strip.left - 6, strip.y(value) + 4, f"{value:g}", "end")
    yield _text(strip.left - 6, (strip.top + strip.bottom) / 2 + 4, "score", "end")
    for at, text in time_ticks(main.start, main.end, zone, ticks):
        x = main.x(at)
        yield _line("grid", x, main.top, x, main.bottom)
        yield _line("grid", x, strip.top, x, strip.bottom)
        half = len(text) * _LETTER / 2
        yield _text(
            min(max(x, half), main.right + _RIGHT - half), strip.bottom + 16, text, "middle"
        )
    then = datetime.fromtimestamp(main.start, ZoneInfo(zone))
    yield _text(4, strip.bottom + 31, f"from {then.day} {then:%b %H:%M %Z}", "start")


def _shaded(main: _Plot, strip: _Plot, subject: Subject) -> Iterator[str]:
    end = main.end if subject.ends_at is None else subject.ends_at
    if end < main.start or subject.starts_at > main.end:
        return
    for plot in (main, strip):
        x, until = plot.x(subject.starts_at), plot.x(end)
        yield (
            f'<rect class="span" x="{x:.1f}" y="{plot.top:.1f}" width="{max(until - x, 1.0):.1f}" '
            f'height="{plot.bottom - plot.top:.1f}"/>'
        )
        if subject.starts_at >= main.start:
            yield _line("began", x, plot.top, x, plot.bottom)


def _series(plot: _Plot, course: Course) -> Iterator[str]:
    for area in _areas(plot, course):
        yield f'<path class="band" d="{area}"/>'
    if is_any_known(course.expected):
        yield f'<path class="expected" d="{_path(plot, course.times, course.expected)}"/>'
    yield f'<path class="value" d="{_path(plot, course.times, course.values)}"/>'
    if alone := [run[0] for run in _split(course.values) if len(run) == 1]:
        yield f'<path class="alone" d="{_points(plot, course, alone)}"/>'
    if outside := outside_of(course):
        yield f'<path class="outside" d="{_points(plot, course, outside)}"/>'


def _scored(plot: _Plot, course: Course) -> Iterator[str]:
    if not is_any_known(course.scores):
        middle = (plot.top + plot.bottom) / 2 + 4
        yield _text((plot.left + plot.right) / 2, middle, "not known", "middle")
        return
    if is_any_known(course.thresholds):
        yield f'<path class="threshold" d="{_path(plot, course.times, course.thresholds)}"/>'
        last = next(each for each in reversed(course.thresholds) if not math.isnan(each))
        text, y = f"threshold {last:.3g}", plot.bottom + 27
        yield _line(
            "threshold",
            plot.right - len(text) * _LETTER - 22,
            y,
            plot.right - len(text) * _LETTER - 6,
            y,
        )
        yield _text(plot.right, y + 4, text, "end")
    yield f'<path class="score" d="{_path(plot, course.times, course.scores)}"/>'


def _points(plot: _Plot, course: Course, places: Sequence[int]) -> str:
    """Return points, which are lines without length and with round ends."""
    return "".join(
        f"M{plot.x(course.times[i]):.1f} {plot.y(course.values[i]):.1f}h0" for i in places
    )


def _path(plot: _Plot, times: Sequence[float], values: Sequence[float]) -> str:
    """Return a line that breaks where there is no sample; one alone becomes a point."""
    return "".join(
        "M" + " ".join(f"{plot.x(times[i]):.1f} {plot.y(values[i]):.1f}" for i in run) + "h0"
        for run in _split(values)
    )


def _areas(plot: _Plot, course: Course) -> Iterator[str]:
    lower, upper = course.lower, course.upper
    known = [
        math.nan if math.isnan(low) or math.isnan(high) else float(i)
        for i, (low, high) in enumerate(zip(lower, upper, strict=True))
    ]
    for run in _split(known):
        up = [f"{plot.x(course.times[i]):.1f} {plot.y(upper[i]):.1f}" for i in run]
        down = [f"{plot.x(course.times[i]):.1f} {plot.y(lower[i]):.1f}" for i in reversed(run)]
        yield f"M{' '.join((*up, *down))}z"


def _split(values: Sequence[float]) -> Iterator[list[int]]:
    """Yield the places of samples that have no gap between them."""
    run: list[int] = []
    for i, value in enumerate(values):
        if not math.isnan(value):
            run.append(i)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _plain(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in one_line(text)))
