"""What does a person see of an incident, and how do they say on its page what it was?"""

from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection, Row

from webhook.adapters.feedback import with_verdict
from webhook.adapters.groups import cause_of
from webhook.adapters.neighbours import beside
from webhook.adapters.observations import observation_of
from webhook.adapters.queries import incident_with_events
from webhook.adapters.story import story_of
from webhook.core.digest import told_apart
from webhook.core.observation import Observation
from webhook.core.text import shortened
from webhook.core.timeline import timeline
from webhook.core.verdicts import judgement_of
from webhook.web.failures import GONE
from webhook.web.feedback import FEEDBACK
from webhook.web.incidentparts import (
    INCIDENT_PAGES,
    STYLE,
    IncidentPages,
    best_reading,
    charted,
)
from webhook.web.session import checked_form, person
from webhook.web.shell import page, render

_EVENTS_SHOWN = 200
_LONGEST_TITLE = 100


def add_incident_pages(app: web.Application, parts: IncidentPages) -> None:
    """Add the routes to an application that has not started yet."""
    app[INCIDENT_PAGES] = parts
    app.router.add_get("/incidents/{id:[0-9]{1,18}}", incident)
    app.router.add_post("/incidents/{id:[0-9]{1,18}}", take_verdict)


async def incident(request: web.Request) -> web.Response:
    """Return the page of one incident; a GET changes nothing."""
    parts = request.app[INCIDENT_PAGES]
    number = int(request.match_info["id"])
    found = await parts.store.read(lambda connection: _read(connection, number))
    if found is None:
        return _gone(request, number)
    row = found["incident"]
    shown = await parts.show(row)
    observation: Observation | None = found.pop("observation")
    reading = best_reading(shown.message, observation)
    what = told_apart(row.labels)
    # Nobody may lose what they typed: where fields are shown, the page does not load itself.
    is_open = row.ends_at is None
    has_fields = not is_open or "edit" in request.query or "said" in request.query
    body = render(
        request,
        "incident.html",
        **found,
        message=shown.message,
        reading=reading,
        what=what,
        chart=charted(parts, row, shown, observation, reading),
        said=parts.said.get(request.query.get("said", "")),
        has_fields=has_fields,
        user=person(request),
    )
    return page(
        request,
        _title(row, what),
        body,
        section="incidents",
        refreshes=is_open and not has_fields,
        more_style=STYLE,
    )


def _read(connection: Connection, number: int) -> dict[str, Any] | None:
    found = incident_with_events(connection, number, _EVENTS_SHOWN)
    story = story_of(connection, number)
    judged = with_verdict(connection, number)
    if found is None or story is None or judged is None:
        return None
    return {
        "incident": found[0],
        "events": found[1],
        "given": judged[1],
        "timeline": timeline(story[1]),
        "cause": cause_of(connection, number),
        "beside": beside(connection, found[0]),
        "observation": observation_of(connection, number),
    }


def _title(row: Row[Any], what: str) -> str:
    name = " ".join(part for part in (row.query or row.alertname, what) if part)
    return shortened(f"Incident {row.id}: {name}" if name else f"Incident {row.id}", _LONGEST_TITLE)


async def take_verdict(request: web.Request) -> web.Response:
    """Store the verdict of a button, and lead back to the page, which says what that did."""
    feedback = request.app[FEEDBACK]
    number = int(request.match_info["id"])
    fields = await checked_form(request)
    author = person(request) or fields.get("author", "")
    try:
        judgement = judgement_of(
            fields.get("verdict", ""), fields.get("reason", ""), author, "page"
        )
    except ValueError as error:
        text = Markup("<p>Choose one of the buttons: {}.</p>").format(str(error))
        return page(request, "Nothing was changed", text, section="incidents", status=400)
    row = await feedback.give(number, judgement)
    if row is None:
        return _gone(request, number)
    key = request.app[INCIDENT_PAGES].said.put(await feedback.told(row))
    raise web.HTTPSeeOther(f"{number}?said={key}#verdict")


def _gone(request: web.Request, number: int) -> web.Response:
    return page(request, f"No incident {number}", GONE, section="incidents", status=404)
