"""What does the exporter serve? Metrics, anomalies as JSON, and a page that a person can read."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from aiohttp import web

from exporter.adapters.anomalies import (
    SHOWN,
    Anomalies,
    Wanted,
    as_json,
    as_table,
    read_wanted,
)
from exporter.adapters.exposition import CONTENT_TYPE
from exporter.adapters.frontpage import STYLE, front_page
from exporter.adapters.pagerows import Overview
from promkit.web import render_page

log = logging.getLogger(__name__)

_SCRAPE_THREADS = 2
_SCRAPE_SECONDS = 60.0  # no sensible scrape_timeout is longer
_PIECES = 8  # rendered per trip to a thread


def create_app(
    render: Callable[[], Iterator[bytes]],
    overview: Callable[[], Overview],
    anomalies: Callable[[Wanted], Anomalies],
    lifecycle: Iterable[web.AbstractRouteDef],
    *,
    title: str = "Anomaly exporter",
    scrape_seconds: float = _SCRAPE_SECONDS,
) -> web.Application:
    """Return the application with `/metrics`, `/api/v1/anomalies`, `/` and the lifecycle routes.

    The page is not compressed: at its lowest level gzip takes several times as long as rendering.

    Parameters
    ----------
    render : begins a metrics page; it and its pieces are called on threads that nothing else
        uses, so that a scrape neither blocks the event loop nor waits for an evaluation
    overview : what the page for people tells; called on the event loop
    anomalies : finds the worst of what is anomalous now; called on those threads
    lifecycle : from `promkit.web.lifecycle_routes`
    title : of the page for people
    scrape_seconds : after which a client that is still reading is cut off
    """
    threads = ThreadPoolExecutor(_SCRAPE_THREADS, thread_name_prefix="scrape")

    async def shut_threads(_: web.Application) -> AsyncIterator[None]:
        yield
        threads.shutdown(wait=False)

    async def metrics(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
        try:
            async with asyncio.timeout(scrape_seconds):
                await _send(request, response, render, threads)
        except ConnectionError:
            log.debug("the client left before the end of the metrics page")
        except TimeoutError:
            log.warning("cut off a client that did not read the metrics page in time")
            if request.transport is not None:
                request.transport.abort()
        return response

    async def find(wanted: Wanted) -> Anomalies:
        return await asyncio.get_running_loop().run_in_executor(threads, anomalies, wanted)

    async def list_anomalies(request: web.Request) -> web.Response:
        try:
            wanted = read_wanted(request.query)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return as_json(await find(wanted))

    async def index(request: web.Request) -> web.Response:
        refreshes = request.query.get("refresh") != "off"
        now = as_table(await find(Wanted(SHOWN)))
        body = front_page(overview(), now, refreshes=refreshes)
        page = render_page(title, body, more_style=STYLE)
        if refreshes:
            page.headers["Refresh"] = "30"
        return page

    app = web.Application()
    app.cleanup_ctx.append(shut_threads)
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/api/v1/anomalies", list_anomalies),
            web.get("/", index),
            *lifecycle,
        ]
    )
    return app


def drift_routes(retake: Callable[[str], None]) -> list[web.RouteDef]:
    """Return the route by which baselines are taken anew.

    retake : has that done for a query; a LookupError says which queries there are
    """

    async def retaking(request: web.Request) -> web.Response:
        query = request.query.get("query", "")
        try:
            retake(query)
        except LookupError as error:
            return web.Response(status=404, text=f"{error.args[0]}\n")
        return web.Response(status=202, text=f"A new baseline of {query} is being taken.\n")

    return [web.post("/-/drift/retake", retaking), web.put("/-/drift/retake", retaking)]


def model_routes(
    refit: Callable[[str], None], roll_back: Callable[[str, int | None], int]
) -> list[web.RouteDef]:
    """Return the routes by which models are fitted anew, and taken back.

    refit, roll_back : have that done for a query; a LookupError says which queries there are, a
        ValueError which versions
    """

    async def refitting(request: web.Request) -> web.Response:
        query = request.query.get("query", "")
        try:
            refit(query)
        except LookupError as error:
            return web.Response(status=404, text=f"{error.args[0]}\n")
        return web.Response(status=202, text=f"A challenger of {query} is to be fitted.\n")

    async def rolling_back(request: web.Request) -> web.Response:
        query, to = request.query.get("query", ""), request.query.get("to", "")
        if to and not to.isdecimal():
            text = f"found to={to!r}; allowed: the number of a version, or nothing\n"
            return web.Response(status=400, text=text)
        try:
            number = roll_back(query, int(to) if to else None)
        except LookupError as error:
            return web.Response(status=404, text=f"{error.args[0]}\n")
        except ValueError as error:
            return web.Response(status=409, text=f"{error}\n")
        return web.Response(status=202, text=f"Going back to version {number} of {query}.\n")

    return [
        *(method("/-/models/refit", refitting) for method in (web.post, web.put)),
        *(method("/-/models/rollback", rolling_back) for method in (web.post, web.put)),
    ]


async def _send(
    request: web.Request,
    response: web.StreamResponse,
    render: Callable[[], Iterator[bytes]],
    threads: ThreadPoolExecutor,
) -> None:
    loop = asyncio.get_running_loop()
    page = await loop.run_in_executor(threads, render)

    def next_pieces() -> list[bytes]:
        return list(islice(page, _PIECES))

    # The first pieces come before the head, so that a failure to render is a clean 500.
    pieces = await loop.run_in_executor(threads, next_pieces)
    await response.prepare(request)
    while pieces and request.method != "HEAD":
        for piece in pieces:
            await response.write(piece)
        pieces = await loop.run_in_executor(threads, next_pieces)
    await response.write_eof()
