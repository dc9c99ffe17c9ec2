"""Which addresses show how everything is?"""

from aiohttp import web

from webhook.web.channelpage import channels
from webhook.web.incidentlist import incidents
from webhook.web.overview import OVERVIEW, OverviewPage, overview
from webhook.web.qualitypage import quality


def add_overview(app: web.Application, parts: OverviewPage) -> None:
    """Add the routes to an application that has not started yet."""
    app[OVERVIEW] = parts
    app.router.add_get("/", overview)
    app.router.add_get("/incidents", incidents)
    app.router.add_get("/channels", channels)
    app.router.add_get("/quality", quality)
