"""Was a form sent from one of our own pages, and is its body as small as a form's?"""

import asyncio
from urllib.parse import parse_qs, urlsplit

from aiohttp import web

MAX_FORM = 64 * 2**10
_BODY_SECONDS = 10.0
_MOST_FIELDS = 20


def is_foreign(request: web.Request, external_url: str, *, needs_origin: bool = False) -> bool:
    """Tell whether another site made the browser send this.

    Browsers say so in Sec-Fetch-Site; those that do not know it send Origin. What is no browser
    sends neither.

    Parameters
    ----------
    external_url : where we are, as people see it
    needs_origin : whether an Origin that hides itself is foreign, too; our own pages, which send no
        referrer, hide theirs
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    if origin == "null":
        return needs_origin
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:
        return True
    return netloc not in (request.host, urlsplit(external_url).netloc)


async def small_body(request: web.Request, limit: int = MAX_FORM) -> bytes:
    """Return the body of a request.

    Raises
    ------
    web.HTTPException
        If it is larger than a form can be, or does not arrive.
    """
    if (request.content_length or 0) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=request.content_length or 0)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for piece in request.content.iter_chunked(8192):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=size)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.RequestPayloadError):
        raise web.HTTPBadRequest(text="the body ended early") from None
    return b"".join(pieces)


async def form_fields(request: web.Request) -> dict[str, str]:
    """Return the fields of a form, the first of each name.

    Raises
    ------
    web.HTTPException
        If there are more than a form of ours has, or its body is not one of a form.
    """
    body = (await small_body(request)).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise web.HTTPBadRequest(text=f"more than {_MOST_FIELDS} fields") from None
    return {name: values[0] for name, values in fields.items()}
