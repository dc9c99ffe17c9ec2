"""What does a person see of a digest: every incident that it accounts for?"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from webhook.adapters.digests import find_digest
from webhook.adapters.queries import find_notifications
from webhook.web.failures import GONE
from webhook.web.parameters import whole_number
from webhook.web.parts import PARTS
from webhook.web.shell import page, render

_SHOWN = 500


async def digest(request: web.Request) -> web.Response:
    """Return the page of one digest; `before` continues below a notification's number."""
    parts = request.app[PARTS]
    number = int(request.match_info["id"])
    before = whole_number(request.query.get("before", ""))

    def read(connection: Connection) -> dict[str, Any] | None:
        row = find_digest(connection, number)
        if row is None:
            return None
        named = find_notifications(connection, _SHOWN, digest=number, before=before)
        return {"digest": row, "content": row.content, "named": named.rows, "before": named.before}

    found = await parts.store.read(read)
    if found is None:
        return page(request, f"No digest {number}", GONE, section="incidents", status=404)
    body = render(request, "digest.html", **found)
    return page(request, f"Digest {number}", body, section="incidents")
