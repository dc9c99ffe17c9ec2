"""How do programs say where an alert should have come, read that, and take it back?"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from promkit.basicauth import credentials
from promkit.clock import Clock
from webhook.adapters.missed import MissedRefused, list_missed, mark, withdraw
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import MISSED as VERDICT
from webhook.core.message import rfc3339
from webhook.core.missed import Missed, missed_of
from webhook.web.origin import is_foreign, small_body
from webhook.web.parameters import BadParameter, instant, number, page_size, parameters
from webhook.web.parts import error_response

_MAX_JSON = 64 * 2**10
_TEXTS = ("query", "reason", "author")


@dataclass(frozen=True, slots=True)
class Marking:
    """What the handlers work with.

    Parameters
    ----------
    judged : told of the query and verdict of each mark that is new
    external_url : returns what our links start with
    follows : returns in words what follows from a mark for thresholds
    """

    store: Store
    clock: Clock
    judged: Callable[[str, str], None]
    external_url: Callable[[], str]
    follows: Callable[[], str]

    async def mark(self, marked: Missed) -> int:
        """Store a mark; return its number.

        Raises
        ------
        MissedRefused
            If that time of that series counts already.
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        made = await self.store.write(lambda connection: mark(connection, marked, now))
        self.judged(marked.query, VERDICT)
        return made

    async def withdraw(self, made: int, actor: str, why: str) -> Row[Any]:
        """Take a mark back; return it as it was.

        Raises
        ------
        MissedRefused
            If there is no such mark, or it was taken back already.
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        return await self.store.write(
            lambda connection: withdraw(connection, made, actor, now, why)
        )


MARKING = web.AppKey("marking", Marking)


def add_missed(app: web.Application, parts: Marking) -> None:
    """Add the routes to an application that has not started yet."""
    app[MARKING] = parts
    app.router.add_get("/api/v1/missed", list_marks)
    app.router.add_post("/api/v1/missed", take_mark)
    app.router.add_post("/api/v1/missed/withdraw", take_back)


async def list_marks(request: web.Request) -> web.Response:
    """Return marks, newest first, with those that were taken back."""
    try:
        given = parameters(request, ("query", "limit", "before"))
        limit, below, query = page_size(given), number(given, "before"), given.get("query")
    except BadParameter as error:
        return error_response(400, str(error))
    rows = await request.app[MARKING].store.read(
        lambda connection: list_missed(connection, limit + 1, query, below)
    )
    shown = rows[:limit]
    before = shown[-1].id if len(rows) > limit else None
    return web.json_response({"missed": [mark_json(row) for row in shown], "before": before})


def mark_json(row: Row[Any]) -> dict[str, object]:
    """Return a mark as programs get it."""
    return {
        "missed": row.id,
        "query": row.query,
        "labels": row.labels,
        "start": rfc3339(row.starts_at),
        "end": rfc3339(row.ends_at),
        "reason": row.reason,
        "author": row.author,
        "via": row.via,
        "created_at": rfc3339(row.created_at),
        "withdrawn_at": None if row.withdrawn_at is None else rfc3339(row.withdrawn_at),
        "peak_score": row.peak_score,
        "threshold": row.threshold,
        "detectors": row.detectors,
    }


async def take_mark(request: web.Request) -> web.Response:
    """Store a mark that a program or a logged-in person sends."""
    parts = request.app[MARKING]
    if refusal := _refusal(request, parts):
        return refusal
    try:
        document = await _document(request, ("query", "labels", "start", "end", *_TEXTS[1:]))
        texts = _texts(document, _TEXTS)
        marked = missed_of(
            texts["query"],
            _labels(document.get("labels", {})),
            _time(document, "start"),
            _time(document, "end"),
            now=parts.clock.now(),
            reason=texts["reason"],
            author=texts["author"] or _user(request),
            via="api",
        )
    except ValueError as error:
        return error_response(400, str(error))
    try:
        made = await parts.mark(marked)
    except MissedRefused as error:
        refused = {"error": str(error), "overlaps": list(error.overlaps)}
        return web.json_response(refused, status=409)
    answer = {"missed": made, "query": marked.query, "verdict": VERDICT}
    return web.json_response({**answer, "threshold": parts.follows()})


async def take_back(request: web.Request) -> web.Response:
    """Take back a mark that a program or a logged-in person names."""
    parts = request.app[MARKING]
    if refusal := _refusal(request, parts):
        return refusal
    try:
        document = await _document(request, ("missed", *_TEXTS[1:]))
        texts = _texts(document, _TEXTS[1:])
        made = document.get("missed")
        if not isinstance(made, int) or isinstance(made, bool) or not 0 < made < 2**62:
            raise ValueError("allowed: missed, the number of a mark in the list")
    except ValueError as error:
        return error_response(400, str(error))
    try:
        row = await parts.withdraw(
            made, texts["author"] or _user(request) or "api", texts["reason"]
        )
    except MissedRefused as error:
        return error_response(409, str(error))
    return web.json_response({"missed": made, "query": row.query, "is_withdrawn": True})


def _refusal(request: web.Request, parts: Marking) -> web.Response | None:
    if is_foreign(request, parts.external_url(), needs_origin=True):
        return error_response(403, "this was sent by another site")
    # No form of a foreign page can have this type.
    if request.content_type != "application/json":
        return error_response(415, "allowed: Content-Type: application/json")
    return None


async def _document(request: web.Request, known: tuple[str, ...]) -> dict[str, Any]:
    try:
        document = json.loads(await small_body(request, _MAX_JSON))
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    for name in document:
        if name not in known:
            raise ValueError(f"unknown field {str(name)[:50]!r}; allowed: {', '.join(known)}")
    return document


def _texts(document: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    texts = {name: document.get(name, "") for name in names}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is {type(value).__name__}; allowed: text")
    return texts


def _labels(given: object) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError("labels: allowed is an object of names and texts")
    return given


def _time(document: dict[str, Any], name: str) -> float:
    value = document.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**40:
        return float(value)
    return instant(name, value if isinstance(value, str) else "")


def _user(request: web.Request) -> str:
    user, _ = credentials(request.headers.get("Authorization", ""))
    return user
