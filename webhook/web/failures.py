"""What does somebody read who cannot get what they asked for, and what can they do then?"""

from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from webhook.errors import StoreUnavailable
from webhook.web.parts import error_response
from webhook.web.shell import page, render
from webhook.web.visit import find_visit, is_for_programs

_WORDS = {
    404: ("There is no such page", "It never was, or it is older than what the store keeps."),
    405: ("This is no page", "Only a form of ours sends something to this address."),
    408: ("Nothing was changed", "The form did not arrive in time. Go back and send it again."),
    413: ("Nothing was changed", "The form is longer than ours are. Go back and say it shorter."),
}
GONE = Markup(
    "<p>It never existed, or it is older than the store's retention.</p>"
    '<p><a href="../incidents">All incidents</a></p>'
)
"""Below `/incidents/` and `/digests/`, where there is nothing of that number."""


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer programs with JSON, and people with a page, where something failed."""
    try:
        return await handler(request)
    except StoreUnavailable as error:
        if is_for_programs(request):
            return error_response(503, f"{error}; try again")
        text = f"The store cannot be used now: {error}. Nothing was changed."
        answer = await _page(request, "Try again in a moment", text, 503)
        answer.headers["Retry-After"] = "5"
        return answer
    except web.HTTPException as error:
        wants_page = "text/html" in request.headers.get("Accept", "")
        if error.status not in _WORDS or is_for_programs(request) or not wants_page:
            raise
        return await _page(request, *_WORDS[error.status], error.status)


async def _page(request: web.Request, title: str, text: str, status: int) -> web.Response:
    await find_visit(request)
    body = Markup("<p>{}</p>").format(text) + render(request, "way_out.html")
    return page(request, title, body, status=status)
