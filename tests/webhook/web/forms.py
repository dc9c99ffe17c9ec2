"""Buttons of our pages, pressed as a browser does: with what the page's form holds."""

import html
import re
from typing import Any

from aiohttp import ClientResponse

_FIELD = re.compile(r'<input type="hidden" name="form_token" value="([^"]+)">')


async def press(
    client: Any, page: str, action: str, *, follow: bool = True, **fields: str
) -> ClientResponse:
    """Load a page, and send a form of it to an address."""
    text = await (await client.get(page)).text()
    token = _FIELD.search(text)
    assert token is not None, text
    answer: ClientResponse = await client.post(
        action, data={"form_token": html.unescape(token[1]), **fields}, allow_redirects=follow
    )
    return answer
