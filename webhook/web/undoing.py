"""How does a program, or a logged-in person, name a change that is to be taken back?"""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from promkit.basicauth import credentials
from webhook.adapters.thresholds import ChangeRefused
from webhook.core.text import one_line
from webhook.web.origin import is_foreign, small_body
from webhook.web.parts import error_response
from webhook.web.session import person

_MAX_JSON = 64 * 2**10

Undo = Callable[[int, str, str], Awaitable[dict[str, object]]]
"""Takes back the change of a number, given who and why; returns what that did."""


async def undo_asked_for(request: web.Request, external_url: str, undo: Undo) -> web.Response:
    """Take back the change that the JSON of a request names; answer with what that did.

    Parameters
    ----------
    external_url : where we are, as people see it
    """
    wanted = await named(request, external_url, "change", "a change in the history")
    if isinstance(wanted, web.Response):
        return wanted
    try:
        done = await undo(*wanted)
    except ChangeRefused as error:
        return error_response(409, str(error))
    return web.json_response({"undoes": wanted[0], **done})


async def named(
    request: web.Request, external_url: str, field: str, what: str
) -> tuple[int, str, str] | web.Response:
    """Return the number that the JSON of a request names, who asks, and why; or what is wrong.

    Parameters
    ----------
    external_url : where we are, as people see it
    field, what : of the JSON that holds the number, and what it is the number of
    """
    if is_foreign(request, external_url, needs_origin=True):
        return error_response(403, "this was sent by another site")
    # No form of a foreign page can have this type.
    if request.content_type != "application/json":
        return error_response(415, "allowed: Content-Type: application/json")
    try:
        document = json.loads(await small_body(request, _MAX_JSON))
        number, author, reason = _wanted(document, field, what)
    except (ValueError, RecursionError) as error:
        return error_response(400, f"{error}" or "the body is no JSON object")
    return number, author or who(request) or "api", reason


def who(request: web.Request) -> str:
    """Return who has logged in."""
    user, _ = credentials(request.headers.get("Authorization", ""))
    return one_line(person(request) or user)


def _wanted(document: object, field: str, what: str) -> tuple[int, str, str]:
    known = (field, "author", "reason")
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    for name in document:
        if name not in known:
            raise ValueError(f"unknown field {str(name)[:50]!r}; allowed: {', '.join(known)}")
    number = document.get(field)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**62:
        raise ValueError(f"allowed: {field}, the number of {what}")
    texts = [document.get(name, "") for name in known[1:]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("author and reason: allowed is text")
    return number, one_line(texts[0]), one_line(texts[1])
