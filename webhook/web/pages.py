"""What does a person see, and what does Prometheus scrape?"""

import asyncio
from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from webhook.adapters.digests import due_at
from webhook.adapters.queries import (
    AlertFilter,
    ChannelState,
    channel_states,
    counts,
    find_incidents,
    find_notifications,
    quarantined,
)
from webhook.web.parts import PARTS
from webhook.web.shell import page, render

_SHOWN = 50


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
