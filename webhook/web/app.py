"""Which address does what?"""

from aiohttp import web

from promkit.web import lifecycle_routes
from webhook.web import digestpage, intake, listing, pages, statistics, timeline
from webhook.web.failures import explain
from webhook.web.parts import PARTS, Parts


def make_app(parts: Parts) -> web.Application:
    """Return the application with every route."""
    app = web.Application(client_max_size=intake.MAX_BODY, middlewares=[explain])
    app[PARTS] = parts
    app[intake.STAGE] = intake.Stage()
    app.add_routes(lifecycle_routes(parts.ready, parts.reload))
    app.router.add_post("/api/v1/alerts", intake.take_alerts)
    app.router.add_get("/api/v1/alerts", listing.list_alerts)
    app.router.add_get("/api/v1/notifications", listing.list_notifications)
    app.router.add_get("/api/v1/statistics", statistics.list_statistics)
    app.router.add_get("/api/v1/incidents/{id:[0-9]{1,18}}", timeline.show_incident)
    app.router.add_get("/api/v1/incidents/{id:[0-9]{1,18}}/timeline", timeline.show_timeline)
    app.router.add_get("/metrics", pages.metrics)
    app.router.add_get("/digests/{id:[0-9]{1,18}}", digestpage.digest)
    return app
