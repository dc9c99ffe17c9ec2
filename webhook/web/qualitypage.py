"""How good are alerts, and how sure is that? For people; see `webhook.web.quality` for programs."""

from itertools import groupby

from aiohttp import web

from webhook.core.degradation import DEGREES
from webhook.core.quality import LEAST, WINDOWS
from webhook.web.overview import OVERVIEW
from webhook.web.quality import GRADES
from webhook.web.shell import page, render


async def quality(request: web.Request) -> web.Response:
    """Return the page with every query, over every window, and its detectors."""
    seen = await request.app[OVERVIEW].look()
    grades = request.app.get(GRADES)
    order = list(WINDOWS)
    known = sorted(seen.quality.values(), key=lambda each: (each.query, order.index(each.window)))
    body = render(
        request,
        "quality.html",
        queries=[(query, list(each)) for query, each in groupby(known, lambda each: each.query)],
        degradations={} if grades is None else grades.degradations(),
        degrees=DEGREES,
        least=LEAST,
    )
    return page(request, "Quality", body, section="quality", refreshes=True)
