"""Which trace does this belong to? W3C Trace Context (https://www.w3.org/TR/trace-context/).

The trace id stands in `promkit.log.trace_id` while a request or an evaluation is worked on.
"""

import hashlib
import random
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from promkit.log import trace_id

_NONE = "0" * 32
# A later version may go on after what we read; of version 00 this is all.
_PARENT = re.compile(
    r"(?!ff)(?!00-.{52}.)[0-9a-f]{2}-([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def new_trace_id() -> str:
    """Return the id of a new trace: 32 hexadecimal digits."""
    return f"{random.getrandbits(128):032x}"


def derived_trace_id(text: str) -> str:
    """Return an id that is the same whenever it is made of the same text."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def trace_of(header: str | None) -> str | None:
    """Return the trace id of a `traceparent` header; None when there is none, or no valid one."""
    if header is None:
        return None
    found = _PARENT.fullmatch(header)
    return None if found is None or found[1] == _NONE else found[1]


def current_trace() -> str:
    """Return the trace that is worked on, "" for none."""
    return trace_id.get() or ""


def trace_headers() -> dict[str, str]:
    """Return what to send along with an HTTP request of ours, so that its receiver can tell."""
    trace = trace_id.get()
    if trace is None:
        return {}
    return {"traceparent": f"00-{trace}-{random.getrandbits(64) or 1:016x}-01"}


@web.middleware
async def traced(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Work on each request in its sender's trace, or in a new one."""
    # Not reset: whatever is still logged of this request belongs to it, and the next one that
    # comes over the same connection begins here again.
    trace_id.set(trace_of(request.headers.get("traceparent")) or new_trace_id())
    return await handler(request)
