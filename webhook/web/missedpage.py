"""Where should an alert have come and did not? A person marks it, and takes a mark back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import Connection, Row

from webhook.adapters.incidentlist import queries_known
from webhook.adapters.missed import MissedRefused, list_missed
from webhook.adapters.observations import observation_of
from webhook.adapters.queries import incident_with_events
from webhook.adapters.verdictpast import series_of
from webhook.core.missed import Missed, missed_of
from webhook.core.observation import Observation
from webhook.core.text import one_line
from webhook.web.missed import MARKING
from webhook.web.parameters import whole_number
from webhook.web.said import Said
from webhook.web.session import checked_form, person
from webhook.web.shell import page as shell_page
from webhook.web.shell import render
from webhook.web.undoing import who

_SHOWN = 50
_INPUT = "%Y-%m-%dT%H:%M"


@dataclass(frozen=True, slots=True)
class MissedPages:
    """What the handlers work with.

    Parameters
    ----------
    zone : returns whose clock people read and write
    said : keeps what buttons did
    """

    zone: Callable[[], str]
    said: Said


MISSED_PAGES = web.AppKey("missed_pages", MissedPages)


def add_missed_pages(app: web.Application, parts: MissedPages) -> None:
    """Add the routes to an application that has not started yet."""
    app[MISSED_PAGES] = parts
    app.router.add_get("/missed", page)
    app.router.add_post("/missed", take)


async def page(request: web.Request) -> web.Response:
    """Return the form and the marks; a GET changes nothing."""
    number = whole_number(request.query.get("incident", ""))
    fields: Mapping[str, str] = {}
    if number is not None:
        found = await request.app[MARKING].store.read(
            lambda connection: (
                incident_with_events(connection, number, 1),
                observation_of(connection, number),
            )
        )
        if found[0] is not None:
            fields = _as_fields(request, found[0][0], found[1])
    return await _page(request, fields)


def _as_fields(
    request: web.Request, incident: Row[Any], observation: Observation | None
) -> Mapping[str, str]:
    """Return the form filled in with the series of an incident, and the time before it."""
    series: Mapping[str, str] = series_of(incident.labels, ())
    if observation is not None and observation.series is not None:
        # Without what was added to the alert on its way.
        series = observation.series
    zone = ZoneInfo(request.app[MISSED_PAGES].zone())
    end = incident.starts_at
    return {
        "query": incident.query,
        "labels": _lines(series),
        "start": datetime.fromtimestamp(end - 3600.0, zone).strftime(_INPUT),
        "end": datetime.fromtimestamp(end, zone).strftime(_INPUT),
    }


async def _page(
    request: web.Request, fields: Mapping[str, str], problem: str = "", status: int = 200
) -> web.Response:
    parts = request.app[MISSED_PAGES]
    before = whole_number(request.query.get("before", ""))

    def read(connection: Connection) -> tuple[list[Row[Any]], Sequence[str]]:
        marks = list_missed(connection, _SHOWN + 1, before=before)
        return list(marks), queries_known(connection)

    rows, queries = await request.app[MARKING].store.read(read)
    body = render(
        request,
        "missed.html",
        marks=rows[:_SHOWN],
        before=rows[_SHOWN - 1].id if len(rows) > _SHOWN else None,
        fields=fields,
        queries=queries,
        problem=problem,
        said=parts.said.get(request.query.get("said", "")),
        zone=parts.zone(),
        user=person(request),
    )
    title = "Alerts that were missed"
    return shell_page(request, title, body, section="thresholds", status=status, more_style=_STYLE)


async def take(request: web.Request) -> web.Response:
    """Store a mark, or take one back, and lead back to the page."""
    fields = await checked_form(request)
    actor = person(request) or fields.get("author", "")
    number = whole_number(fields.get("withdraw", ""))
    try:
        if number is not None:
            why = one_line(fields.get("reason", ""))
            row = await request.app[MARKING].withdraw(number, who(request) or "page", why)
            words = f"mark {number} on {row.query} is taken back"
        else:
            marked = _marked(request, fields, actor)
            made = await request.app[MARKING].mark(marked)
            words = (
                f"mark {made}: an alert of {marked.query} was missed; recall counts it, and "
                f"baselines leave that time out; {request.app[MARKING].follows()}"
            )
    except MissedRefused as error:
        return await _page(request, fields, str(error), 409)
    except ValueError as error:
        return await _page(request, fields, str(error), 400)
    raise web.HTTPSeeOther(f"missed?said={request.app[MISSED_PAGES].said.put(words)}")


def _marked(request: web.Request, fields: Mapping[str, str], author: str) -> Missed:
    zone = request.app[MISSED_PAGES].zone()
    return missed_of(
        fields.get("query", "").strip(),
        labels_of(fields.get("labels", "")),
        _instant(fields.get("start", ""), zone, "from"),
        _instant(fields.get("end", ""), zone, "to"),
        now=request.app[MARKING].clock.now(),
        reason=fields.get("reason", ""),
        author=author,
        via="page",
    )


def labels_of(text: str) -> dict[str, str]:
    """Return the labels of a text with one `name=value` in each line.

    Raises
    ------
    ValueError
        If a line is none.
    """
    labels: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = line.partition("=")
        if not equals:
            raise ValueError(f"labels have the line {line[:50]!r}; allowed: name=value")
        labels[name.strip()] = value.strip().strip('"')
    return labels


def _lines(labels: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _instant(text: str, zone: str, name: str) -> float:
    try:
        then = datetime.fromisoformat(text)
        return (then if then.tzinfo else then.replace(tzinfo=ZoneInfo(zone))).timestamp()
    except (ValueError, OverflowError):
        raise ValueError(
            f"{name} is {one_line(text, 50)!r}; allowed: a time such as 2026-11-21T10:00"
        ) from None


_STYLE = (
    ".fields{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:0 1rem}"
    ".fields label{display:block;margin-top:.5rem}.fields input,.fields textarea{width:100%}"
    ".marks{list-style:none;padding:0}.marks>li{border-top:1px solid var(--line);padding:.6rem 0}"
    ".marks p{margin:.15rem 0}"
)
