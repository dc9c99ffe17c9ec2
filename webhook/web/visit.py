"""Who asks for this page, and with which keys are its forms signed? Found out once per request."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from promkit.basicauth import credentials
from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from promkit.guard import GUARD
from webhook.core.sessions import Session, form_token, session_of
from webhook.core.tokens import Key
from webhook.errors import StoreUnavailable

SESSION_COOKIE = "anomaly_webhook_session"
BROWSER_COOKIE = "anomaly_webhook_browser"
SESSION_SECONDS = 12 * 3600.0
FORM_FIELD = "form_token"
# What no person reads in a browser, and what is asked too often to look for a session first.
_PROGRAMS = ("/api/", "/-/", "/metrics", "/slack/")

Anonymous = Literal["none", "read"]


@dataclass(frozen=True, slots=True)
class InForce:
    """What a reload may change.

    Parameters
    ----------
    external_url : what links start with
    zone : of the times on pages
    anonymous : what those may do who have not logged in, where there are users at all
    """

    external_url: str
    zone: str = "UTC"
    anonymous: Anonymous = "none"


@dataclass(frozen=True, slots=True)
class Console:
    """What every page needs.

    Parameters
    ----------
    keys : returns those that sign sessions and forms, the newest first
    settings : returns what is in force
    """

    clock: Clock
    keys: Callable[[], Awaitable[tuple[Key, ...]]]
    settings: Callable[[], InForce]


CONSOLE = web.AppKey("console", Console)


@dataclass(slots=True)
class Visit:
    """One request of a browser.

    Parameters
    ----------
    user : who has logged in; "" for nobody
    session : where that was by a cookie
    nonce : what the forms of this browser are bound to
    keys : empty where they cannot be read now
    """

    user: str
    session: Session | None
    nonce: str
    keys: tuple[Key, ...]
    needs_cookie: bool = False


_VISIT = web.RequestKey("visit", Visit)


def add_console(app: web.Application, console: Console) -> None:
    """Let the pages of an application that has not started yet know who asks for them."""
    app[CONSOLE] = console
    app.middlewares.append(_look)


@web.middleware
async def _look(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not is_for_programs(request):
        await find_visit(request)
    return await handler(request)


def is_for_programs(request: web.Request) -> bool:
    """Tell whether an address is one that no person opens as a page."""
    return request.path.startswith(_PROGRAMS)


async def find_visit(request: web.Request) -> Visit:
    """Return who asks, having looked at the cookies if nobody did before."""
    visit = request.get(_VISIT)
    if visit is None:
        visit = request[_VISIT] = await _visit(request)
    return visit


async def _visit(request: web.Request) -> Visit:
    console = request.app[CONSOLE]
    try:
        keys = await console.keys()
    except (SecretUnavailable, StoreUnavailable):
        keys = ()
    shown = request.cookies.get(SESSION_COOKIE, "")
    session = session_of(shown, keys, users(request), console.clock.now()) if shown else None
    if session is not None:
        return Visit(session.user, session, session.nonce, keys)
    user = await _by_password(request)
    nonce = request.cookies.get(BROWSER_COOKIE, "")
    if len(nonce) == 32 and nonce.isalnum() and nonce.isascii():
        return Visit(user, None, nonce, keys)
    return Visit(user, None, secrets.token_hex(16), keys)


async def _by_password(request: web.Request) -> str:
    """Return who gave the right password with the request, as programs do."""
    guard = request.app.get(GUARD)
    user, password = credentials(request.headers.get("Authorization", ""))
    if guard is None or not user:
        return ""
    return user if await guard.passwords.is_valid(guard.users(), user, password) else ""


def users(request: web.Request) -> Mapping[str, str]:
    """Return the hashes of passwords, by user; empty where nobody needs to log in."""
    guard = request.app.get(GUARD)
    return {} if guard is None else guard.users()


def person(request: web.Request) -> str:
    """Return the name of the user who asks; "" for nobody."""
    visit = request.get(_VISIT)
    return "" if visit is None else visit.user


def may_write(request: web.Request) -> bool:
    """Tell whether whoever asks may change something: a user, or anybody where there are none."""
    return bool(person(request)) or not users(request)


def csrf_field(request: web.Request) -> Markup:
    """Return what every form carries; nothing where forms cannot be signed now."""
    visit = request.get(_VISIT)
    if visit is None or not visit.keys:
        return Markup("")
    if visit.session is None:
        visit.needs_cookie = True
    token = form_token(visit.keys[0], visit.user, visit.nonce)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_FIELD, token)


def remember_browser(request: web.Request, response: web.Response) -> None:
    """Give a browser what its forms are bound to, if the page that it gets has any."""
    visit = request.get(_VISIT)
    if visit is not None and visit.needs_cookie:
        keep(request, response, BROWSER_COOKIE, visit.nonce, None)


def has_session(request: web.Request) -> bool:
    """Tell whether somebody has logged in by the form, and so can log out."""
    visit = request.get(_VISIT)
    return visit is not None and visit.session is not None


def keep(
    request: web.Request, response: web.Response, name: str, value: str, seconds: float | None
) -> None:
    """Set a cookie that scripts and other sites do not get; None is until the browser is closed."""
    max_age = None if seconds is None else int(seconds)
    response.set_cookie(name, value, max_age=max_age, **_kind(request))


def forget(request: web.Request, response: web.Response, name: str) -> None:
    """Take a cookie back."""
    response.del_cookie(name, **_kind(request))


class _Kind(TypedDict):
    path: str
    secure: bool
    httponly: bool
    samesite: str


def _kind(request: web.Request) -> _Kind:
    here = urlsplit(request.app[CONSOLE].settings().external_url)
    is_there = here.netloc == request.host
    forwarded = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
    return {
        "path": (here.path or "/") if is_there else "/",
        "secure": request.secure or (here.scheme == "https" and (is_there or forwarded)),
        "httponly": True,
        "samesite": "Lax",
    }
