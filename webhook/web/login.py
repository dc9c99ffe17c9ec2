"""How does a person log in? By a form, with a user and password of the web configuration.

Programs go on to send them with each request. Whoever asks for a page without them is led here and
back again.
"""

import logging
import re
import secrets
from dataclasses import dataclass, field

from aiohttp import web

from promkit.guard import ADMISSION, GUARD, OPEN_HANDLERS, Admission
from webhook.adapters.logins import Login, note_login
from webhook.adapters.store import Store
from webhook.core.guesses import Guesses
from webhook.core.present import span
from webhook.core.sessions import Session, sign_session
from webhook.errors import StoreError
from webhook.web.session import checked_form
from webhook.web.shell import login_address, page, render
from webhook.web.visit import (
    CONSOLE,
    SESSION_COOKIE,
    SESSION_SECONDS,
    find_visit,
    forget,
    is_for_programs,
    keep,
    users,
)

log = logging.getLogger(__name__)

# A path of ours, seen from the root: no scheme, no host, no way up.
_OWN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_./-]{0,200}(\?[A-Za-z0-9_.,:=&%+~-]{0,1000})?")
_READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Logins:
    """What the handlers work with."""

    store: Store
    guesses: Guesses = field(default_factory=Guesses)


LOGINS = web.AppKey("logins", Logins)


def add_login(app: web.Application, logins: Logins) -> None:
    """Add the routes to an application that has not started yet."""
    app[LOGINS] = logins
    app[ADMISSION] = Admission(_admit)
    app[OPEN_HANDLERS] = app.get(OPEN_HANDLERS, frozenset()) | {form, log_in, log_out}
    app.router.add_get("/login", form)
    app.router.add_post("/login", log_in)
    app.router.add_post("/logout", log_out)


async def _admit(request: web.Request) -> web.StreamResponse | bool:
    """Tell whether somebody without a password may go on, or where they have to go."""
    is_reading = request.method in _READING
    is_for_people = not is_for_programs(request)
    # Programs, and what another site makes a browser send to them, write with a password only.
    if is_reading or is_for_people:
        visit = await find_visit(request)
        if visit.session is not None:
            return True
    if "Authorization" in request.headers:
        return False
    is_open = request.app[CONSOLE].settings().anonymous == "read"
    if is_reading and is_open and (is_for_people or request.path.startswith("/api/")):
        return True
    if not is_for_people or "text/html" not in request.headers.get("Accept", ""):
        return False
    if is_reading:
        return _sent_to(login_address(request))
    body = render(request, "login_needed.html", login=login_address(request))
    return page(request, "Nothing was changed", body, status=403)


async def form(request: web.Request) -> web.Response:
    """Return the page to log in on."""
    return _form(request)


async def log_in(request: web.Request) -> web.Response:
    """Open a session for whoever knows the password."""
    logins, console = request.app[LOGINS], request.app[CONSOLE]
    fields = await checked_form(request, needs_login=False)
    user, password = fields.get("user", ""), fields.get("password", "")
    guard = request.app.get(GUARD)
    if guard is None or not users(request):
        return _form(request)
    address = request.remote or ""
    monotonic = console.clock.monotonic()
    if wait := logins.guesses.attempt(user, address, monotonic):
        problem = f"Too many attempts. Try again in {span(wait)}."
        refused = _form(request, problem, user, status=429)
        refused.headers["Retry-After"] = str(int(wait) + 1)
        return refused
    hashes = users(request)
    if not await guard.passwords.is_valid(hashes, user, password):
        await _note(request, "login_failed", user if user in hashes else "")
        return _form(request, "No user has this name and password.", user, status=403)
    logins.guesses.was_right(user, address)
    visit = await find_visit(request)
    session = Session(user, secrets.token_hex(16))
    expires_at = console.clock.now() + SESSION_SECONDS
    text = sign_session(visit.keys[0], session, hashes, expires_at)
    await _note(request, "login", user)
    response = _sent_to(f"./{own_path(request.query.get('to', ''))}")
    keep(request, response, SESSION_COOKIE, text, SESSION_SECONDS)
    return response


async def log_out(request: web.Request) -> web.Response:
    """End the session of this browser."""
    visit = await find_visit(request)
    response = _sent_to("./login?bye=1" if users(request) else "./")
    # A browser that another site sends here shows no cookie: it must not lose it either.
    if visit.session is not None:
        await checked_form(request)
        await _note(request, "logout", visit.user)
        forget(request, response, SESSION_COOKIE)
    return response


def own_path(text: str) -> str:
    """Return where to go after the login, seen from the root; the overview where it is not ours."""
    is_own = _OWN.fullmatch(text) and not any(odd in text for odd in ("..", "//"))
    return text if is_own and not text.startswith(("login", "logout")) else ""


def _form(
    request: web.Request, problem: str = "", user: str = "", status: int = 200
) -> web.Response:
    body = render(
        request,
        "login.html",
        problem=problem,
        typed=user,
        to=own_path(request.query.get("to", "")),
        needs_login=bool(users(request)),
        is_over="bye" in request.query,
    )
    return page(request, "Log in", body, status=status)


def _sent_to(address: str) -> web.Response:
    # Relative: a proxy may have put a path before ours.
    headers = {"Location": address, "Cache-Control": "no-store"}
    return web.Response(status=303, headers=headers)


async def _note(request: web.Request, action: Login, user: str) -> None:
    now, address = request.app[CONSOLE].clock.now(), request.remote or "?"
    log.info("people", extra={"action": action, "user": user, "address": address})
    try:
        await request.app[LOGINS].store.write(
            lambda connection: note_login(connection, action, user, address, now)
        )
    except StoreError as error:
        # Whoever looks after a store that fails has to get in.
        log.warning("a login is not in the audit", extra={"problem": str(error)})
