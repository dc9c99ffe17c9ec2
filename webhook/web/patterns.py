"""Which harmless patterns are there, and how does a program take one back?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from promkit.clock import Clock
from webhook.adapters.patterns import PatternRefused, forget, list_patterns, state_of
from webhook.adapters.store import Store
from webhook.core.message import rfc3339
from webhook.core.patterns import clock_words
from webhook.web.parts import error_response
from webhook.web.undoing import named


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the handlers work with.

    Parameters
    ----------
    notified : called after something was handed to the gate
    external_url : returns what our links start with
    """

    store: Store
    clock: Clock
    notified: Callable[[], None]
    external_url: Callable[[], str]

    async def forget(self, number: int, actor: str, why: str) -> Row[Any]:
        """End a pattern and let through what it silences; return it as it was.

        Raises
        ------
        PatternRefused
            If there is no such pattern, or it is over.
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        row = await self.store.write(lambda connection: forget(connection, number, actor, why, now))
        self.notified()
        return row


PATTERNS = web.AppKey("patterns", Patterns)


def add_patterns(app: web.Application, parts: Patterns) -> None:
    """Add the routes to an application that has not started yet."""
    app[PATTERNS] = parts
    app.router.add_get("/api/v1/patterns", show_patterns)
    app.router.add_post("/api/v1/patterns/forget", forget_json)


async def show_patterns(request: web.Request) -> web.Response:
    """Return every pattern, the newest first."""
    parts = request.app[PATTERNS]
    rows, now = await parts.store.read(list_patterns), parts.clock.now()
    return web.json_response({"patterns": [pattern_json(row, now) for row in rows]})


def pattern_json(row: Row[Any], now: float) -> dict[str, object]:
    """Return a pattern as programs get it; `now` in unix seconds."""
    return {
        "pattern": row.id,
        "query": row.query,
        "labels": row.labels,
        "time": clock_words(row.minute),
        "timezone": row.timezone,
        "state": state_of(row, now),
        "seconds": len(row.lower) * row.step,
        "incidents": row.incidents,
        "silenced": row.silenced,
        "let_through": row.let_through,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
        "forgotten_at": None if row.forgotten_at is None else rfc3339(row.forgotten_at),
        "last_seen_at": None if row.last_seen_at is None else rfc3339(row.last_seen_at),
    }


async def forget_json(request: web.Request) -> web.Response:
    """Take back the pattern that a program or a logged-in person names."""
    parts = request.app[PATTERNS]
    wanted = await named(request, parts.external_url(), "pattern", "a pattern in the list")
    if isinstance(wanted, web.Response):
        return wanted
    try:
        row = await parts.forget(*wanted)
    except PatternRefused as error:
        return error_response(409, str(error))
    return web.json_response({"pattern": row.id, "query": row.query, "state": "forgotten"})
