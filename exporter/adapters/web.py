"""What does the exporter serve? The metrics page, and a page that a person can read."""

import asyncio
import html
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from aiohttp import web

from exporter.adapters.exposition import CONTENT_TYPE, Page
from exporter.adapters.selfmetrics import SelfMetrics
from exporter.core.published import Published
from promkit.web import lifecycle_routes, render_page

log = logging.getLogger(__name__)

_SCRAPE_THREADS = 2
SCRAPE_SECONDS = 60.0  # no sensible scrape_timeout is longer
_PIECES = 8  # rendered per trip to a thread


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """One query on the page for people.

    Parameters
    ----------
    name, expr : as configured
    series : with current gauges
    warming : of them, those that no detector has seen enough of
    missing : series that were there and are gone
    last_evaluation : unix seconds of the last one that succeeded; None for never
    last_error : what the last evaluation failed with; None if it did not
    """

    name: str
    expr: str
    series: int
    warming: int
    missing: int
    last_evaluation: float | None
    last_error: str | None


def make_app(
    *,
    published: Callable[[], Sequence[Published]],
    metrics: SelfMetrics,
    status: Callable[[], Sequence[QueryStatus]],
    ready: Callable[[], str | None],
    reload: Callable[[], Awaitable[None]],
    scrape_seconds: float = SCRAPE_SECONDS,
) -> web.Application:
    """Return the application with `/metrics`, `/` and the lifecycle routes.

    The metrics page is rendered on threads that nothing else uses, so that a scrape neither
    blocks the event loop nor waits for an evaluation. It is not compressed: even at its lowest
    level gzip takes several times as long as rendering.

    Parameters
    ----------
    published : the latest gauges of each query; called on the event loop
    metrics : the exporter's own
    status : what the page for people tells; called on the event loop
    ready, reload : as in `promkit.web.lifecycle_routes`
    scrape_seconds : after which a client that is still reading is cut off
    """
    page = Page()
    threads = ThreadPoolExecutor(_SCRAPE_THREADS, thread_name_prefix="scrape")

    async def shut_threads(_: web.Application) -> AsyncIterator[None]:
        yield
        threads.shutdown(wait=False)

    async def scrape(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE})
        pieces = _Pieces(page.render(published()), metrics, threads)
        try:
            async with asyncio.timeout(scrape_seconds):
                await _send(request, response, pieces)
        except TimeoutError:
            log.warning("cut off a client that did not read the metrics page in time")
            if request.transport is not None:
                request.transport.abort()
        return response

    async def index(_: web.Request) -> web.Response:
        return render_page("Anomaly exporter", _table(status()) + _LINKS)

    app = web.Application()
    app.cleanup_ctx.append(shut_threads)
    app.add_routes(
        [web.get("/metrics", scrape), web.get("/", index), *lifecycle_routes(ready, reload)]
    )
    return app


class _Pieces:
    """The pieces of one page, a few per trip to a thread; ends with the exporter's own metrics."""

    def __init__(
        self, page: Iterator[bytes], metrics: SelfMetrics, threads: ThreadPoolExecutor
    ) -> None:
        self._page = page
        self._metrics = metrics
        self._threads = threads
        self._is_done = False
        self._seconds = 0.0

    async def take(self) -> list[bytes]:
        """Return the next pieces, none after the last."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._render)

    def _render(self) -> list[bytes]:
        if self._is_done:
            return []
        began = time.perf_counter()
        pieces = list(islice(self._page, _PIECES))
        self._seconds += time.perf_counter() - began
        if len(pieces) < _PIECES:
            self._is_done = True
            self._metrics.phase_duration_seconds.labels("render").observe(self._seconds)
            pieces.append(self._metrics.render())
        return pieces


async def _send(request: web.Request, response: web.StreamResponse, page: _Pieces) -> None:
    # The first pieces come before the head, so that a failure to render is a clean 500.
    pieces = await page.take()
    await response.prepare(request)
    while pieces and request.method != "HEAD":
        for piece in pieces:
            await response.write(piece)
        pieces = await page.take()
    await response.write_eof()


_LINKS = (
    '<p><a href="metrics">metrics</a> · <a href="-/healthy">healthy</a> · '
    '<a href="-/ready">ready</a></p>'
)
_COLUMNS = (
    "query",
    "state",
    "series",
    "warming up",
    "missing",
    "last evaluation",
    "last error",
    "expression",
)


def _table(rows: Sequence[QueryStatus]) -> str:
    if not rows:
        return "<p>No queries are configured.</p>"
    head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cells(row: QueryStatus) -> str:
    evaluated = "never"
    if row.last_evaluation is not None:
        instant = datetime.fromtimestamp(row.last_evaluation, UTC)
        evaluated = instant.strftime("%Y-%m-%d %H:%M:%S UTC")
    texts = (
        row.name,
        _state(row),
        row.series,
        row.warming,
        row.missing,
        evaluated,
        row.last_error or "",
        row.expr,
    )
    return "".join(f"<td>{html.escape(str(text))}</td>" for text in texts)


def _state(row: QueryStatus) -> str:
    if row.last_error is not None:
        return "failing"
    if row.last_evaluation is None:
        return "starting"
    if row.series == 0:
        return "no series"
    return "warming up" if row.warming == row.series else "ok"
