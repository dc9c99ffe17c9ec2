"""Which addresses can links start with?"""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def web_url(url: str) -> str:
    """Return the address without a slash at its end; ValueError if it is none of the web."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_good = False
    if not is_good or parts.query or parts.fragment or parts.username:
        # What stands before the host may be a password.
        shown = "an address" if "@" in url or "?" in url else repr(url)
        raise ValueError(
            f"found {shown}; allowed: http:// or https:// with a host, and a path if a proxy "
            "adds one, without user name, query or fragment"
        )
    return url.rstrip("/")


WebUrl = Annotated[str, AfterValidator(web_url)]
"""An http or https address without a slash at its end."""
