"""What do all pages for people share? Their frame, their words, and what they must not do.

No page has a script, loads anything from elsewhere, or is framed; each says so in its headers.
"""

import base64
import hashlib
import posixpath
from collections.abc import Mapping
from importlib.resources import files
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from webhook.core.digest import told_apart
from webhook.core.message import rfc3339
from webhook.core.present import VERDICTS, amount, moment, span
from webhook.web.visit import (
    CONSOLE,
    csrf_field,
    has_session,
    may_write,
    person,
    remember_browser,
    users,
)

STYLE = files("webhook").joinpath("web/templates/console.css").read_text("utf-8")
REFRESH_SECONDS = 30
SECTIONS = {
    "now": ("Now", ""),
    "incidents": ("Incidents", "incidents"),
    "thresholds": ("Thresholds", "thresholds"),
    "quality": ("Quality", "quality"),
    "channels": ("Channels", "channels"),
}
"""What the navigation leads to: its name, and its address seen from the root."""


def is_web_url(text: str) -> bool:
    """Tell whether a link from an alert may be shown as one: `javascript:` must not run here."""
    return text.startswith(("http://", "https://"))


templates = Environment(
    loader=PackageLoader("webhook", "web/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.filters["amount"] = amount
templates.globals.update(
    name_of=told_apart,
    is_web_url=is_web_url,
    instant=rfc3339,
    span=span,
    csrf=csrf_field,
    may_write=may_write,
    verdict_words=VERDICTS,
)


def root(request: web.Request) -> str:
    """Return where our pages start, seen from this one: a proxy may have put a path before us."""
    return "../" * (request.path.count("/") - 1) or "./"


def render(request: web.Request, template: str, **values: object) -> Markup:
    """Return the HTML of a template.

    Beside `values`, a template has the globals of `templates`, and `request`, `root` (where our
    pages start, seen from this one), `when(at)` and `ago(at)`, which take unix seconds or None.
    """
    words = _words(request)
    return Markup(templates.get_template(template).render(**{**words, **values}))


def _words(request: web.Request) -> dict[str, object]:
    console = request.app[CONSOLE]
    zone, now = console.settings().zone, console.clock.now()

    def when(at: float | None) -> str:
        return "never" if at is None else moment(at, zone)

    def ago(at: float | None) -> str:
        return "never" if at is None else f"{span(max(0.0, now - at))} ago"

    return {"request": request, "root": root(request), "when": when, "ago": ago, "now": now}


def page(
    request: web.Request,
    title: str,
    body: Markup | str,
    *,
    section: str = "",
    status: int = 200,
    refreshes: bool = False,
    navigates: bool = True,
    more_style: str = "",
) -> web.Response:
    """Return a page in the frame.

    Parameters
    ----------
    title : plain text; the one heading of the first level
    body : trusted HTML, such as `render` returns; escape what goes into it
    section : which entry of `SECTIONS` it belongs to; "" for none
    refreshes : whether it is loaded anew every half minute, until its reader says no
    navigates : whether it leads elsewhere; not where its reader may see nothing else
    more_style : trusted CSS, for what only this page has
    """
    is_stopped = request.query.get("refresh") == "off"
    style = STYLE + more_style
    text = render(
        request,
        "shell.html",
        title=title,
        body=Markup(body),
        section=section,
        sections=SECTIONS if navigates else {},
        style=Markup(style),
        user=person(request),
        has_users=bool(users(request)),
        has_session=has_session(request),
        login=login_address(request),
        refresh=_refresh(request, is_stopped) if refreshes else None,
        is_stopped=is_stopped,
    )
    response = web.Response(text=text, status=status, content_type="text/html")
    response.headers.update(_headers(style))
    if refreshes and not is_stopped:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    remember_browser(request, response)
    return response


def login_address(request: web.Request) -> str:
    """Return where to log in and come back from, seen from this page."""
    back = request.rel_url.raw_path_qs.lstrip("/")
    is_safe_to_repeat = request.method in ("GET", "HEAD") and back and request.path != "/login"
    return f"{root(request)}login" + (f"?{urlencode({'to': back})}" if is_safe_to_repeat else "")


def _refresh(request: web.Request, is_stopped: bool) -> str:
    """Return the address of this page that loads itself, or that does not."""
    query = {name: value for name, value in request.query.items() if name != "refresh"}
    here = posixpath.basename(request.path) or "./"
    if not is_stopped:
        query["refresh"] = "off"
    return here + (f"?{urlencode(query)}" if query else "")


def _headers(style: str) -> Mapping[str, str]:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src 'self' data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        # Other sites learn nothing; our own forms show where they come from.
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
