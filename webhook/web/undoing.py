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
    if is_foreign(request, external_url, needs_origin=True):
        return error_response(403, "this was sent by another site")
    # No form of a foreign page can have this type.
    if request.content_type != "application/json":
        return error_response(415, "allowed: Content-Type: application/json")
    try:
        change, author, reason = _wanted(json.loads(await small_body(request, _MAX_JSON)))
    except (ValueError, RecursionError) as error:
        return error_response(400, f"{error}" or "the body is no JSON object")
    try:
        done = await undo(change, author or who(request) or "api", reason)
    except ChangeRefused as error:
        return error_response(409, str(error))
    return web.json_response({"undoes": change, **done})


def who(request: web.Request) -> str:
    """Return who has logged in."""
    user, _ = credentials(request.headers.get("Authorization", ""))
    return one_line(person(request) or user)


def _wanted(document: object) -> tuple[int, str, str]:
    known = ("change", "author", "reason")
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    for name in document:
        if name not in known:
            raise ValueError(f"unknown field {str(name)[:50]!r}; allowed: {', '.join(known)}")
    change = document.get("change")
    if not isinstance(change, int) or isinstance(change, bool) or not 0 < change < 2**62:
        raise ValueError("allowed: change, the number of a change in the history")
    texts = [document.get(name, "") for name in known[1:]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("author and reason: allowed is text")
    return change, one_line(texts[0]), one_line(texts[1])
