"""What does a person see of a digest: every incident that it accounts for?"""

from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection

from webhook.adapters.digests import find_digest
from webhook.adapters.queries import find_notifications
from webhook.web.parts import PARTS
from webhook.web.shell import page, render

_SHOWN = 500
_GONE = Markup(
    "<p>It never existed, or it is older than the store's retention.</p>"
    '<p><a href="../incidents">All incidents</a></p>'
)


async def digest(request: web.Request) -> web.Response:
    """Return the page of one digest; `before` continues below a notification's number."""
    parts = request.app[PARTS]
    number = int(request.match_info["id"])
    below = request.query.get("before", "")
    before = int(below) if below.isascii() and below.isdigit() and len(below) <= 18 else None

    def read(connection: Connection) -> dict[str, Any] | None:
        row = find_digest(connection, number)
        if row is None:
            return None
        named = find_notifications(connection, _SHOWN, digest=number, before=before)
        return {"digest": row, "content": row.content, "named": named.rows, "before": named.before}

    found = await parts.store.read(read)
    if found is None:
        return page(request, f"No digest {number}", _GONE, section="incidents", status=404)
    body = render(request, "digest.html", **found)
    return page(request, f"Digest {number}", body, section="incidents")
