"""How good are alerts, and how sure is that? For people; see `webhook.web.quality` for programs."""

from collections.abc import Sequence
from itertools import groupby

from aiohttp import web

from webhook.core.degradation import DEGREES
from webhook.core.quality import LEAST, WINDOWS
from webhook.core.shadow import IN_FORCE, Compared, advice
from webhook.web.overview import OVERVIEW
from webhook.web.quality import GRADES
from webhook.web.shadow import LATEST
from webhook.web.shell import page, render


async def quality(request: web.Request) -> web.Response:
    """Return the page with every query, over every window, and its detectors."""
    seen = await request.app[OVERVIEW].look()
    grades = request.app.get(GRADES)
    order = list(WINDOWS)
    known = sorted(seen.quality.values(), key=lambda each: (each.query, order.index(each.window)))
    shadow = request.app.get(LATEST)
    body = render(
        request,
        "quality.html",
        queries=[(query, list(each)) for query, each in groupby(known, lambda each: each.query)],
        degradations={} if grades is None else grades.degradations(),
        degrees=DEGREES,
        least=LEAST,
        shadow=_advised([] if shadow is None else shadow()),
    )
    return page(request, "Quality", body, section="quality", refreshes=True)


def _advised(compared: Sequence[Compared]) -> Sequence[tuple[Compared, str]]:
    """Return each comparison with what it says beside the thresholds in force."""
    in_force = {(each.query, each.window): each for each in compared if each.variant == IN_FORCE}
    return [
        (each, "" if each.variant == IN_FORCE else advice(each, in_force[each.query, each.window]))
        for each in compared
    ]
