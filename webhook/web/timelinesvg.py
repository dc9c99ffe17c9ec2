"""What was anomalous in the last hours, side by side? One lane for each query, as SVG.

A bar is told from others by its colour, its pattern and its height, and in words when the pointer
rests on it. Keyboards and screen readers get the same as a table, so all of this is hidden from
them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from webhook.core.severity import LEVELS, Level
from webhook.web.axes import share, time_ticks

MOST_LANES = 20
STYLE = (
    ".timeline{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}"
    ".timeline.slim{display:none}"
    "@media(max-width:40rem){.timeline.broad{display:none}.timeline.slim{display:block}}"
    ".timeline text{fill:var(--text)}.timeline .soft{fill:var(--soft)}"
    ".timeline line{stroke:var(--line)}.timeline .now{stroke:var(--soft);stroke-dasharray:3 3}"
    ".timeline a:hover rect{stroke-width:2.5}"
    ".timeline .letter{fill:var(--back);font-weight:700;font-size:11px;pointer-events:none}"
    + "".join(
        f".timeline .b-{level}{{stroke:var(--{level})}}.timeline .f-{level}{{fill:var(--{level})}}"
        f".timeline .s-{level}{{stroke:var(--{level});stroke-width:2.5}}"
        for level in LEVELS
    )
    + ".timeline .back{fill:var(--back)}"
)

_TOP, _LABEL, _ROW, _SPACE, _FOOT = 6.0, 17.0, 18.0, 8.0, 20.0
_EDGE = 6.0
_MOST_ROWS = 3
_NARROWEST = 4.0
_WIDTHS = (("broad", 960.0, 12), ("slim", 340.0, 4))
_LETTER = 7.0
# Higher bars are worse, so that also the shortest can be told apart.
_HEIGHTS: Mapping[Level, float] = {"critical": 16.0, "high": 13.0, "medium": 10.0, "low": 7.0}


@dataclass(frozen=True, slots=True)
class Bar:
    """An incident: from when to when (unix seconds), how bad, and what it is in words."""

    incident: int
    starts_at: float
    ends_at: float
    level: Level
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A query and its incidents."""

    name: str
    bars: Sequence[Bar]


def lanes_of(bars: Sequence[tuple[str, Bar]]) -> tuple[Sequence[Lane], int]:
    """Return the lanes that are drawn, the worst first, and the number of those that are not.

    Parameters
    ----------
    bars : each with the name of its lane
    """
    by_name: dict[str, list[Bar]] = {}
    for name, bar in bars:
        by_name.setdefault(name, []).append(bar)

    def rank(name: str) -> tuple[int, int, str]:
        own = by_name[name]
        return min(LEVELS.index(bar.level) for bar in own), -len(own), name

    names = sorted(by_name, key=rank)
    return [Lane(name, by_name[name]) for name in names[:MOST_LANES]], max(
        0, len(names) - MOST_LANES
    )


def timeline_svg(
    lanes: Sequence[Lane], start: float, end: float, zone: str, incidents_url: str
) -> Markup:
    """Return the drawing, for wide screens and for phones; the style of the page shows one.

    Parameters
    ----------
    start, end : unix seconds
    zone : whose clock the times are of
    incidents_url : what the addresses of incidents start with
    """
    return Markup("").join(
        Markup("\n".join(_drawing(name, width, most, lanes, start, end, zone, incidents_url)))
        for name, width, most in _WIDTHS
    )


def _drawing(
    name: str,
    width: float,
    most: int,
    lanes: Sequence[Lane],
    start: float,
    end: float,
    zone: str,
    incidents_url: str,
) -> Iterator[str]:
    rows = [_rows(lane.bars) for lane in lanes]
    heights = [_LABEL + _ROW * (max(rows_of) + 1) + _SPACE for rows_of in rows]
    bottom = _TOP + sum(heights)

    def x(at: float) -> float:
        return _EDGE + share(min(max(at, start), end), start, end) * (width - 2 * _EDGE)

    yield (
        f'<svg class="timeline {name}" viewBox="0 0 {width:g} {bottom + _FOOT:g}" '
        'aria-hidden="true" focusable="false">'
    )
    yield _patterns(name)
    for at, text in time_ticks(start, end, zone, most):
        yield f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="0" y2="{bottom:g}"/>'
        anchor = "start" if x(at) < 20 else "end" if x(at) > width - 20 else "middle"
        yield (
            f'<text class="soft" x="{x(at):.1f}" y="{bottom + 15:g}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )
    yield f'<line class="now" x1="{x(end):.1f}" x2="{x(end):.1f}" y1="0" y2="{bottom:g}"/>'
    top = _TOP
    for lane, rows_of, height in zip(lanes, rows, heights, strict=True):
        longest = int((width - 2 * _EDGE) / _LETTER)
        shown = lane.name if len(lane.name) <= longest else lane.name[: longest - 1] + "…"
        yield f'<text x="{_EDGE:g}" y="{top + 12:g}">{escape(shown)}</text>'
        # The worst are drawn last, over what they share their place with.
        order = sorted(zip(lane.bars, rows_of, strict=True), key=lambda each: _badness(each[0]))
        for bar, row in order:
            low = top + _LABEL + _ROW * (row + 1) - 2
            yield _bar(bar, name, x(bar.starts_at), x(bar.ends_at), low, incidents_url)
        top += height
    yield "</svg>"


def _badness(bar: Bar) -> int:
    return -LEVELS.index(bar.level)


def _rows(bars: Sequence[Bar]) -> list[int]:
    """Return the row of each bar, so that what was at one time stands one above the other."""
    rows = [0] * len(bars)
    ends = [float("-inf")] * _MOST_ROWS
    for i in sorted(range(len(bars)), key=lambda i: bars[i].starts_at):
        free = [row for row in range(_MOST_ROWS) if ends[row] <= bars[i].starts_at]
        rows[i] = free[0] if free else _MOST_ROWS - 1
        ends[rows[i]] = max(ends[rows[i]], bars[i].ends_at)
    return rows


def _bar(bar: Bar, name: str, left: float, right: float, low: float, url: str) -> str:
    height = _HEIGHTS[bar.level]
    right = max(right, left + _NARROWEST)
    shape = (
        f'x="{left:.1f}" y="{low - height:.1f}" width="{right - left:.1f}" height="{height:g}" '
        'rx="1.5"'
    )
    fill = f'class="f-{bar.level}"'
    if bar.level != "critical":
        fill = f'fill="url(#{name}-{bar.level})"'
    letter = ""
    if bar.level == "critical" and right - left > 14:
        letter = f'<text class="letter" x="{left + 4:.1f}" y="{low - 4:.1f}">C</text>'
    return (
        f'<a href="{escape(url)}{bar.incident}" tabindex="-1"><title>{escape(bar.words)}</title>'
        f'<rect class="back" {shape}/><rect {shape} {fill}/>'
        f'<rect class="b-{bar.level}" fill="none" {shape}/>{letter}</a>'
    )


def _patterns(name: str) -> str:
    """Return stripes for high, dots for medium, and nothing for low."""
    return (
        f'<defs><pattern id="{name}-high" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="s-high" x1="1.5" x2="1.5" y1="0" y2="6"/>'
        f'</pattern><pattern id="{name}-medium" width="5" height="5" '
        'patternUnits="userSpaceOnUse"><circle class="f-medium" cx="2" cy="2" r="1.3"/></pattern>'
        f'<pattern id="{name}-low" width="5" height="5" patternUnits="userSpaceOnUse">'
        '<rect class="back" width="5" height="5"/></pattern></defs>'
    )


def legend() -> Markup:
    """Return what the bars mean, one by one."""
    parts = []
    for level in LEVELS:
        bar = _bar(Bar(0, 0, 0, level, level), "key", 1, 29, 17, "#")
        inner = bar.partition("</title>")[2].removesuffix("</a>")
        parts.append(
            f'<span class="key"><svg class="timeline" viewBox="0 0 30 18" width="30" height="18" '
            f'aria-hidden="true" focusable="false">{inner}</svg> {level}</span>'
        )
    hidden = (
        f'<svg class="timeline" width="0" height="0" aria-hidden="true">{_patterns("key")}</svg>'
    )
    return Markup(hidden + " ".join(parts))
