"""What did the series look like? One small picture, drawn beside everything else."""

import asyncio
import io
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Any
from zoneinfo import ZoneInfo

from webhook.core.facts import Course
from webhook.core.present import amount, moment

log = logging.getLogger(__name__)

MAX_BYTES = 60_000
# A mail on a telephone shows 600 pixels; twice that many would double the bytes for nothing.
_INCHES, _DPI = (7.2, 3.0), 100
_COLOURS = 48
_DAY = 86_400.0


_NOTHING = Course((0.0, 60.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Subject:
    """What a picture is of.

    Parameters
    ----------
    title : query and what tells the series apart
    unit : of the values
    zone : whose clock the time axis shows
    starts_at, ends_at : of the incident, unix seconds; None while it is open
    """

    title: str
    unit: str
    zone: str
    starts_at: float
    ends_at: float | None


def can_draw() -> bool:
    """Tell whether the extra `plots` is installed."""
    return find_spec("matplotlib") is not None


class Charts:
    """Draws pictures, one at a time, in a thread of its own: matplotlib is not for several.

    Parameters
    ----------
    is_able : whether matplotlib is there
    """

    def __init__(self, is_able: bool) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="chart")
        self._is_able = is_able
        if not self._is_able:
            log.warning("messages have no pictures: install anomaly-exporter[plots]")

    def warm_up(self) -> None:
        """Load matplotlib now, for which the first message could not wait."""
        if self._is_able:
            self._threads.submit(draw, _NOTHING, Subject("", "", "UTC", 0.0, None))

    def close(self) -> None:
        """Draw no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def draw(self, course: Course, subject: Subject) -> bytes | None:
        """Return a PNG; None where there is nothing to see, or nothing to draw with."""
        if not self._is_able or sum(map(math.isfinite, course.values)) < 2:
            return None
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(self._threads, draw, course, subject)
        return picture if len(picture) <= MAX_BYTES else None


def draw(course: Course, subject: Subject) -> bytes:
    """Return a PNG of the series, its band, and where it left it.

    Raises
    ------
    ImportError
        Without matplotlib, which comes with the extra `plots`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator
    from PIL import Image

    zone = ZoneInfo(subject.zone)
    times = [at / _DAY for at in course.times]  # matplotlib counts days since 1970
    figure = Figure(figsize=_INCHES, dpi=_DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.fill_between(
        times, list(course.lower), list(course.upper), color="#2a7de1", alpha=0.18, lw=0,
        label="normal",
    )  # fmt: skip
    axes.plot(times, list(course.values), color="#222222", lw=1.3, label="value")
    outside = outside_of(course)
    if outside:
        axes.plot(
            [times[i] for i in outside], [course.values[i] for i in outside],
            "o", ms=3.5, color="#d62728", label="outside",
        )  # fmt: skip
    end = course.times[-1] if subject.ends_at is None else subject.ends_at
    shade = (max(subject.starts_at, course.times[0]), min(end, course.times[-1]))
    if shade[0] < shade[1]:
        axes.axvspan(shade[0] / _DAY, shade[1] / _DAY, color="#ff7f0e", alpha=0.12, lw=0)
    # A mark of its own where it began: shading alone is lost on who cannot tell the colours.
    if course.times[0] <= subject.starts_at <= course.times[-1]:
        axes.axvline(subject.starts_at / _DAY, color="#d62728", lw=0.9, ls="--", label="alert")
    # The annotation types what the library left untyped.
    locate: Callable[..., Any] = AutoDateLocator
    write: Callable[..., Any] = ConciseDateFormatter
    locator = locate(tz=zone)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(write(locator, tz=zone))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: amount(value, subject.unit)))
    if subject.unit == "bytes":
        axes.yaxis.set_major_locator(MultipleLocator(round_bytes(*axes.get_ylim())))
    axes.set_xlim(times[0], times[-1])
    axes.grid(alpha=0.25, lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_xlabel(datetime.fromtimestamp(course.times[-1], zone).strftime("%Z"), fontsize=8)
    axes.set_title(_plain(subject.title), fontsize=9, loc="left")
    axes.legend(loc="upper left", fontsize=7, framealpha=0.8, ncols=4)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})
    # A restless series has many edges; in a few shades of few colours they cost a third.
    small = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(_COLOURS).save(small, "png", optimize=True)
    return small.getvalue()


def round_bytes(low: float, high: float) -> float:
    """Return a distance of ticks that is round in KiB, MiB and so on, three to seven of them."""
    return 2.0 ** math.ceil(math.log2((high - low) / 6))


def outside_of(course: Course) -> Sequence[int]:
    """Return where the value is outside of its band."""
    points = zip(course.values, course.lower, course.upper, strict=True)
    return [i for i, (value, low, high) in enumerate(points) if value < low or value > high]


def alt_text(course: Course, subject: Subject) -> str:
    """Return in words what the picture shows."""
    finite = [value for value in course.values if math.isfinite(value)]
    if not finite:
        return ""
    low, high = amount(min(finite), subject.unit), amount(max(finite), subject.unit)
    start = moment(course.times[0], subject.zone)
    end = moment(course.times[-1], subject.zone, near=course.times[0])
    text = f"{subject.title} from {start} to {end}: between {low} and {high}"
    outside = outside_of(course)
    if not outside:
        return f"{text}, within its normal band"
    first = moment(course.times[outside[0]], subject.zone, near=course.times[0])
    return f"{text}, outside of its normal band first at {first}"


def _plain(text: str) -> str:
    """Return text in which matplotlib finds no formula and no character without a picture."""
    cut = text if len(text) <= 90 else f"{text[:89]}…"
    return "".join(c if c.isprintable() else " " for c in cut).replace("$", r"\$")
