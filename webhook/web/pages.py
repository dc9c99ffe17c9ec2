"""What does a person see, and what does Prometheus scrape?"""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection

from promkit.durations import format_duration
from promkit.errors import SecretUnavailable
from promkit.web import render_page
from webhook.adapters.digests import due_at, find_digest
from webhook.adapters.groups import cause_of
from webhook.adapters.queries import (
    AlertFilter,
    ChannelState,
    channel_states,
    counts,
    find_incidents,
    find_notifications,
    incident_with_events,
    quarantined,
)
from webhook.adapters.story import story_of
from webhook.core.digest import told_apart
from webhook.core.message import rfc3339
from webhook.core.timeline import timeline
from webhook.errors import StoreUnavailable
from webhook.web.feedback import FEEDBACK
from webhook.web.parts import PARTS

_SHOWN = 50
_EVENTS_SHOWN = 200
_NAMED_SHOWN = 500
_GONE = Markup(
    "<p>It never existed, or it is older than the store's retention.</p>"
    '<p><a href="../">All incidents</a></p>'
)

_templates = Environment(
    loader=PackageLoader("webhook", "web/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics page, rendered in a thread since it reads the store."""
    accept = request.headers.get("Accept", "")
    body, content_type = await asyncio.to_thread(request.app[PARTS].metrics.render, accept)
    return web.Response(body=body, headers={"Content-Type": content_type})


async def overview(request: web.Request) -> web.Response:
    """Return the page with open incidents, channels and the last notifications."""
    parts = request.app[PARTS]
    names = parts.settings().channels

    def read(connection: Connection) -> dict[str, Any]:
        states = channel_states(connection)
        return {
            "open": find_incidents(connection, AlertFilter(status="firing"), _SHOWN).rows,
            "counts": counts(connection),
            "named_at": due_at(connection),
            "quarantined": quarantined(connection),
            "channels": {
                name: states.get(name, ChannelState({}, None, ""))
                for name in dict.fromkeys((*names, *states))
            },
            "notifications": find_notifications(connection, _SHOWN).rows,
        }

    found = await parts.store.read(read)
    problem = parts.ready()
    return _page("Anomaly alerts", "overview.html", parts.clock.now(), found, problem=problem)


async def incident(request: web.Request) -> web.Response:
    """Return the page of one incident: what we were told, and whom we told."""
    parts = request.app[PARTS]
    incident_id = int(request.match_info["id"])

    def read(connection: Connection) -> dict[str, Any] | None:
        found = incident_with_events(connection, incident_id, _EVENTS_SHOWN)
        if found is None:
            return None
        sent = find_notifications(connection, _EVENTS_SHOWN, incident=incident_id).rows
        story = story_of(connection, incident_id)
        return {
            "incident": found[0],
            "events": found[1],
            "notifications": sent,
            "cause": cause_of(connection, incident_id),
            "timeline": [] if story is None else timeline(story[1]),
        }

    found = await parts.store.read(read)
    if found is None:
        return render_page(f"No incident {incident_id}", _GONE, status=404)
    # A picture needs the series, and so the query that the series is of.
    has_picture = parts.settings().has_pictures and "query" in found["incident"].labels
    return _page(
        f"Incident {incident_id}",
        "incident.html",
        parts.clock.now(),
        found,
        has_picture=has_picture,
        verdict_url=await _verdict_url(request, incident_id),
    )


async def _verdict_url(request: web.Request, incident_id: int) -> str:
    """Return where to say what an incident was; whoever may see its page may say so."""
    try:
        return await request.app[FEEDBACK].link(incident_id)
    except (SecretUnavailable, StoreUnavailable):
        return ""


async def digest(request: web.Request) -> web.Response:
    """Return the page of one digest: every incident that it accounts for."""
    parts = request.app[PARTS]
    digest_id = int(request.match_info["id"])
    below = request.query.get("before", "")
    before = int(below) if below.isascii() and below.isdigit() and len(below) <= 18 else None

    def read(connection: Connection) -> dict[str, Any] | None:
        row = find_digest(connection, digest_id)
        if row is None:
            return None
        page = find_notifications(connection, _NAMED_SHOWN, digest=digest_id, before=before)
        return {"digest": row, "content": row.content, "named": page.rows, "before": page.before}

    found = await parts.store.read(read)
    if found is None:
        return render_page(f"No digest {digest_id}", _GONE, status=404)
    return _page(f"Digest {digest_id}", "digest.html", parts.clock.now(), found)


def _page(
    title: str, template: str, now: float, found: Mapping[str, Any], **more: object
) -> web.Response:
    body = _templates.get_template(template).render(
        **found,
        **more,
        ago=lambda at: _ago(at, now),
        when=rfc3339,
        is_web_url=is_web_url,
        name_of=told_apart,
    )
    return render_page(title, body)


def _ago(at: float | None, now: float) -> str:
    if at is None:
        return "never"
    return f"{format_duration(float(int(max(0.0, now - at))))} ago"


def is_web_url(text: str) -> bool:
    """Tell whether a link from an alert may be shown as one: `javascript:` must not run here."""
    return text.startswith(("http://", "https://"))
