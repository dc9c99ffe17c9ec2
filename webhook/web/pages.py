"""What does a person see, and what does Prometheus scrape?"""

import asyncio
from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection

from promkit.errors import SecretUnavailable
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
from webhook.core.timeline import timeline
from webhook.errors import StoreUnavailable
from webhook.web.feedback import FEEDBACK
from webhook.web.parts import PARTS
from webhook.web.session import may_write
from webhook.web.shell import page, render

_SHOWN = 50
_EVENTS_SHOWN = 200
_NAMED_SHOWN = 500
_GONE = Markup(
    "<p>It never existed, or it is older than the store's retention.</p>"
    '<p><a href="../">All incidents</a></p>'
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
    body = render(request, "overview.html", **found, problem=parts.ready())
    return page(request, "Anomaly alerts", body, section="now", refreshes=True)


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
        return page(request, f"No incident {incident_id}", _GONE, section="incidents", status=404)
    # A picture needs the series, and so the query that the series is of.
    has_picture = parts.settings().has_pictures and "query" in found["incident"].labels
    # Whoever may see the page and write may say what it was.
    verdict_url = await _verdict_url(request, incident_id) if may_write(request) else ""
    body = render(
        request, "incident.html", **found, has_picture=has_picture, verdict_url=verdict_url
    )
    return page(request, f"Incident {incident_id}", body, section="incidents")


async def _verdict_url(request: web.Request, incident_id: int) -> str:
    """Return where to say what an incident was; "" where links cannot be signed now."""
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
        named = find_notifications(connection, _NAMED_SHOWN, digest=digest_id, before=before)
        return {"digest": row, "content": row.content, "named": named.rows, "before": named.before}

    found = await parts.store.read(read)
    if found is None:
        return page(request, f"No digest {digest_id}", _GONE, section="incidents", status=404)
    body = render(request, "digest.html", **found)
    return page(request, f"Digest {digest_id}", body, section="incidents")
