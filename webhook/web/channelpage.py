"""How is each channel doing, and what can be done where it does not deliver?"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from webhook.adapters.channelnow import ChannelNow, channels_now
from webhook.adapters.digests import due_at
from webhook.adapters.queries import find_notifications
from webhook.core.channelfix import fix_of
from webhook.web.overview import DAY, OVERVIEW
from webhook.web.parts import PARTS
from webhook.web.shell import page, render

_SHOWN = 50


async def channels(request: web.Request) -> web.Response:
    """Return the page with the state of every channel, and the newest notifications."""
    parts = request.app[PARTS]
    now = parts.clock.now()
    kinds = {kind.name: kind for kind in request.app[OVERVIEW].channels()}

    def read(connection: Connection) -> dict[str, Any]:
        found = channels_now(connection, now - DAY)
        return {
            "states": {name: found.get(name, ChannelNow()) for name in {**kinds, **found}},
            "named_at": due_at(connection),
            "notifications": find_notifications(connection, _SHOWN).rows,
        }

    found = await parts.store.read(read)
    body = render(request, "channels.html", **found, kinds=kinds, fix_of=fix_of)
    return page(request, "Channels", body, section="channels", refreshes=True)
