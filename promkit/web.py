"""What every daemon serves: health, readiness, reload, a landing page, on the given addresses."""

import base64
import errno
import hashlib
import html
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from promkit.errors import ConfigProblems
from promkit.traces import traced
from promkit.webconfig import WebConfigFile

# Alertmanager opens a connection per group; a burst must not be refused by the kernel.
BACKLOG = 4096
# Also the time that aiohttp gives a client to send its headers. Away from 15, 30 and 60, at which
# scrapers come back: a connection must not be closed in the moment it is used again.
KEEPALIVE_SECONDS = 20.0
DRAIN_SECONDS = 5.0

# Half-transparent greys suit both a light and a dark screen. A wide table scrolls by itself, so
# that a phone does not shrink or push the whole page.
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;"
    "overflow-wrap:break-word}"
    "table{border-collapse:collapse;display:block;overflow-x:auto}"
    "td,th{padding:.25rem .75rem;text-align:left;vertical-align:top;"
    "border-bottom:1px solid #8886}code{background:#8883;padding:0 .25rem}"
    "img{max-width:100%;height:auto}"
    ".at{white-space:nowrap}.text{min-width:14rem;overflow-wrap:anywhere}"
)


def lifecycle_routes(
    ready: Callable[[], str | None], reload: Callable[[], Awaitable[None]]
) -> list[web.RouteDef]:
    """Return the routes under ``/-/``.

    Parameters
    ----------
    ready : None when ready, else why not; the answer is 503 with that text
    reload : takes the configuration into use; its ConfigProblems become a 500 with their text
    """

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="Healthy.\n")

    async def readiness(_: web.Request) -> web.Response:
        reason = ready()
        if reason is None:
            return web.Response(text="Ready.\n")
        return web.Response(status=503, text=f"Not ready: {reason}\n")

    async def reloading(_: web.Request) -> web.Response:
        try:
            await reload()
        except ConfigProblems as error:
            return web.Response(status=500, text=f"The old configuration stays.\n{error}\n")
        return web.Response(text="Reloaded.\n")

    return [
        web.get("/-/healthy", healthy),
        web.get("/-/ready", readiness),
        web.post("/-/reload", reloading),
        web.put("/-/reload", reloading),
    ]


def parse_listen_address(text: str) -> tuple[str, int]:
    """Split ``host:port``, ``:port`` or ``[ipv6]:port`` into host ("" is every address) and port.

    Raises
    ------
    ValueError
        If the text is none of these.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or "[" in host:
        colon = ""
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        form = "allowed: host:port, :port or [ipv6]:port, with a port from 0 to 65535"
        raise ValueError(f"found the listen address {text!r}; {form}")
    return host, int(port)


@asynccontextmanager
async def serve(
    app: web.Application, listen: Sequence[str], web_config: Path | None = None
) -> AsyncIterator[tuple[str, ...]]:
    """Serve the application until the context is left; yields the bound ``host:port`` addresses.

    Parameters
    ----------
    app : not yet started; gets the basic auth and headers of the web configuration
    listen : addresses as `parse_listen_address` reads them; port 0 takes a free one
    web_config : exporter-toolkit's file, re-read whenever its content changes

    Raises
    ------
    ConfigProblems
        If the web configuration is bad.
    OSError
        If an address cannot be bound.
    """
    context = None
    if web_config is not None:
        guard = WebConfigFile(web_config)
        guard.protect(app)
        context = guard.ssl_context()
    # Outside of all others, so that what they log can be told apart as well.
    app.middlewares.insert(0, traced)
    # Only now are the middlewares complete; the runner freezes the application.
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=DRAIN_SECONDS,
    )
    async with AsyncExitStack() as stack:
        sockets = []
        for address in listen:
            sockets.append(stack.enter_context(_bound(*parse_listen_address(address))))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        for bound in sockets:
            await web.SockSite(runner, bound, ssl_context=context, backlog=BACKLOG).start()
        yield tuple(_address(bound) for bound in sockets)


def render_page(
    title: str, body_html: str, status: int = 200, more_style: str = ""
) -> web.Response:
    """Return a small page without scripts or foreign assets.

    Parameters
    ----------
    title : plain text; escaped here
    body_html : trusted HTML; escape what goes into it
    more_style : trusted CSS, for what only this page has
    """
    style = STYLE + more_style
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    view = '<meta name="viewport" content="width=device-width,initial-scale=1">'
    text = (
        f'<!doctype html><html lang="en"><head>{head}{view}</head>'
        f"<body><main><h1>{html.escape(title)}</h1>{body_html}</main></body></html>\n"
    )
    return web.Response(text=text, status=status, content_type="text/html", headers=_headers(style))


def _headers(style: str) -> dict[str, str]:
    """Return headers by which a page cannot run or load anything, nor be framed or followed."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _bound(host: str, port: int) -> socket.socket:
    if host:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            # Containers often know IPv6 sockets but have no IPv6 address to bind.
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    return socket.create_server(("", port), backlog=BACKLOG)


def _address(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
