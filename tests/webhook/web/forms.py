"""Buttons of our pages, pressed as a browser does: with what the page's form holds."""

import html
import re
from typing import Any

from aiohttp import ClientResponse

_FIELD = re.compile(r'<input type="hidden" name="form_token" value="([^"]+)">')


async def press(client: Any, page: str, action: str, /, **fields: str) -> ClientResponse:
    """Load a page, send a form of it to an address, and go where that leads."""
    return await _press(client, page, action, fields, follow=True)


async def press_only(client: Any, page: str, action: str, /, **fields: str) -> ClientResponse:
    """Load a page, send a form of it to an address, and stay there."""
    return await _press(client, page, action, fields, follow=False)


async def _press(
    client: Any, page: str, action: str, fields: dict[str, str], *, follow: bool
) -> ClientResponse:
    text = await (await client.get(page)).text()
    token = _FIELD.search(text)
    assert token is not None, text
    answer: ClientResponse = await client.post(
        action, data={"form_token": html.unescape(token[1]), **fields}, allow_redirects=follow
    )
    return answer
