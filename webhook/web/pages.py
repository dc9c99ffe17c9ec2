"""What does Prometheus scrape?"""

import asyncio

from aiohttp import web

from webhook.web.parts import PARTS


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics page, rendered in a thread since it reads the store."""
    accept = request.headers.get("Accept", "")
    body, content_type = await asyncio.to_thread(request.app[PARTS].metrics.render, accept)
    return web.Response(body=body, headers={"Content-Type": content_type})
