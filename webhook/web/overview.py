"""What does a person see first? Five parts: what is watched, what happened, how good it all is.

Each part is shown as far as it is known. One that cannot be found out now says why; it never looks
like nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web
from sqlalchemy import Row

from webhook.adapters.currentmetrics import MODEL_WINDOW, Drifted, Watched, WatchedModel
from webhook.adapters.lately import Group
from webhook.adapters.queries import ChannelState, Counts
from webhook.core.digest import told_apart
from webhook.core.present import moment, span
from webhook.core.quality import LEAST, Quality
from webhook.core.severity import LEVELS
from webhook.web.shell import page, render
from webhook.web.timelinesvg import MOST_LANES, STYLE, Bar, lanes_of, legend, timeline_svg
from webhook.web.visit import CONSOLE

T = TypeVar("T")

DAY = 86_400.0
WINDOW = "30d"
_LISTED = 50
_FIRING_LISTED = 10


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """Something that was found out; else `problem` says why it was not."""

    value: T | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Ourselves:
    """How this daemon is doing; times in unix seconds.

    Parameters
    ----------
    named_at : when the next digest is due, None where nothing is held
    heard_at : when the alert that always fires came last, None for never
    silent_after : seconds that it may stay away, None where nobody expects it
    compared_at : until when all is compared with Alertmanager, None for never
    compares : whether that is configured
    """

    counts: Counts
    named_at: float | None
    quarantined: int
    channels: Mapping[str, ChannelState]
    heard_at: float | None = None
    silent_after: float | None = None
    compared_at: float | None = None
    compares: bool = False


@dataclass(frozen=True, slots=True)
class Lately:
    """Incidents of a day, newest first, and how many there were in all."""

    rows: Sequence[Row[Any]]
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What was found out, and when."""

    at: float
    version: str
    not_ready: str | None
    ourselves: Part[Ourselves]
    lately: Part[Lately]
    groups: Part[Sequence[Group]]
    watched: Part[Watched]
    drifted: Part[Drifted]
    models: Part[Sequence[WatchedModel]]
    conversion: Part[Mapping[str, float]]
    quality: Mapping[tuple[str, str], Quality]


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A channel as it is configured; `pace` is seconds between two messages."""

    name: str
    kind: str
    pace: float
    levels: Sequence[str]
    severities: Sequence[str]


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What the handlers work with.

    Parameters
    ----------
    look : finds everything out, or remembers it for a while
    channels : returns those that are configured
    """

    look: Callable[[], Awaitable[Overview]]
    channels: Callable[[], Sequence[ChannelKind]] = tuple


OVERVIEW = web.AppKey("overview", OverviewPage)


async def overview(request: web.Request) -> web.Response:
    """Return the page that shows how everything is now."""
    seen = await request.app[OVERVIEW].look()
    zone = request.app[CONSOLE].settings().zone
    firing: dict[str, int] = {}
    rows = [] if seen.lately.value is None else seen.lately.value.rows
    is_open = [row for row in rows if row.ends_at is None]
    for level in LEVELS:
        if count := sum(row.level == level for row in is_open):
            firing[level] = count
    lanes, more = lanes_of([_bar(row, seen.at, zone) for row in rows])
    body = render(
        request,
        "overview.html",
        seen=seen,
        firing=firing,
        open=sorted(is_open, key=lambda row: (LEVELS.index(row.level), -row.starts_at)),
        firing_listed=_FIRING_LISTED,
        listed=rows[:_LISTED],
        drawing=timeline_svg(lanes, seen.at - DAY, seen.at, zone, "incidents/") if lanes else "",
        legend=legend(),
        lanes_left_out=more,
        most_lanes=MOST_LANES,
        quality=[each for (_, window), each in sorted(seen.quality.items()) if window == WINDOW],
        window=WINDOW,
        least=LEAST,
        model_window=MODEL_WINDOW,
    )
    return page(request, "Now", body, section="now", refreshes=True, more_style=STYLE)


def _bar(row: Row[Any], now: float, zone: str) -> tuple[str, Bar]:
    name = row.query or row.alertname or "(no alertname)"
    ends_at = now if row.ends_at is None else row.ends_at
    lasted = span(max(0.0, ends_at - row.starts_at))
    state = f"firing for {lasted}" if row.ends_at is None else f"lasted {lasted}"
    where = told_apart(row.labels)
    words = f"{row.level}: {name}{f' {where}' if where else ''}, {moment(row.starts_at, zone)}"
    return name, Bar(row.id, row.starts_at, ends_at, row.level, f"{words}, {state}")
