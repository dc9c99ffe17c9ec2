"""Who is let in? Whoever has a password of the web configuration, or is known to the application.

A request names its user by basic auth. An application may know its visitors in ways of its own,
such as by a session that a form of it has opened.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from promkit.basicauth import Passwords, credentials

OPEN_HANDLERS = web.AppKey("open_handlers", frozenset[Handler])
"""Handlers of an application that check by themselves who asks, such as by a signed link."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What the guard of an application knows.

    Parameters
    ----------
    users : returns hashes of passwords, by user; empty lets everybody in
    is_client_allowed : looks at the client's certificate
    """

    users: Callable[[], Mapping[str, str]]
    is_client_allowed: Callable[[web.Request], bool]
    passwords: Passwords = field(default_factory=Passwords)


GUARD = web.AppKey("guard", Guard)


@dataclass(frozen=True, slots=True)
class Admission:
    """How an application knows its visitors.

    Parameters
    ----------
    ask : called for those who gave no right password: True lets them in, False is a 401; an answer
        of its own is sent to them
    """

    ask: Callable[[web.Request], Awaitable[web.StreamResponse | bool]]


ADMISSION = web.AppKey("admission", Admission)


def protect(app: web.Application, guard: Guard) -> None:
    """Let an application that has not started yet serve only those whom the guard knows."""
    app[GUARD] = guard
    app.middlewares.insert(0, _only_the_known(guard))


def _only_the_known(guard: Guard) -> Middleware:
    @web.middleware
    async def only_the_known(request: web.Request, handler: Handler) -> web.StreamResponse:
        hashes = guard.users()
        if not guard.is_client_allowed(request):
            return web.Response(status=403, text="This client certificate is not allowed.\n")
        if not hashes or request.match_info.handler in request.app.get(OPEN_HANDLERS, ()):
            return await handler(request)
        header = request.headers.get("Authorization", "")
        admission = request.app.get(ADMISSION)
        answer: web.StreamResponse | bool = False
        if header or admission is None:
            answer = await guard.passwords.is_valid(hashes, *credentials(header))
        if answer is False and admission is not None:
            answer = await admission.ask(request)
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer:
            return await handler(request)
        asking = {"WWW-Authenticate": "Basic"}
        return web.Response(status=401, text="Unauthorized\n", headers=asking)

    return only_the_known
