"""Which thresholds did people's verdicts move, why, and how is that taken back?

`GET /api/v1/adjustments` and `/api/v1/thresholds/history` for programs, `/thresholds` for people.
The form's button carries a signed token that stands only in our page, so no other site can press
it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection, Row

from promkit.basicauth import credentials
from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from webhook.adapters.store import Store
from webhook.adapters.thresholds import (
    ThresholdRefused,
    Written,
    list_history,
    list_thresholds,
    undo,
    undone_among,
)
from webhook.core.message import rfc3339
from webhook.core.text import storable
from webhook.core.tokens import Key, TokenRefused, incident_of, sign
from webhook.web.origin import is_foreign, small_body
from webhook.web.parameters import BadParameter, number, page_size, parameters
from webhook.web.parts import error_response
from webhook.web.session import checked_form, may_write, person
from webhook.web.shell import page as shell_page
from webhook.web.shell import render

_FORM_SECONDS = 3600.0
_SHOWN = 100
_MAX_JSON = 64 * 2**10
_LONGEST = 1_000
_UNDOABLE = ("threshold_raised", "threshold_lowered")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the handlers work with.

    Parameters
    ----------
    keys : returns those that sign forms, the newest first
    changed : told of each change
    settings : returns what our links start with, and whose clock times show
    """

    store: Store
    clock: Clock
    keys: Callable[[], Awaitable[tuple[Key, ...]]]
    changed: Callable[[Written], None]
    settings: Callable[[], tuple[str, str]]

    async def undo(self, change: int, actor: str, why: str) -> Written:
        """Take a change back.

        Raises
        ------
        ThresholdRefused
            If there is no such change, or it was undone already.
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        written = await self.store.write(
            lambda connection: undo(connection, change, actor, why, now)
        )
        self.changed(written)
        return written


THRESHOLDS = web.AppKey("thresholds", Thresholds)


def add_thresholds(app: web.Application, parts: Thresholds) -> None:
    """Add the routes to an application that has not started yet."""
    app[THRESHOLDS] = parts
    app.router.add_get("/api/v1/adjustments", list_adjustments)
    app.router.add_get("/api/v1/thresholds/history", show_history)
    app.router.add_post("/api/v1/thresholds/undo", undo_json)
    app.router.add_get("/thresholds", page)
    app.router.add_post("/thresholds", undo_form)


async def list_adjustments(request: web.Request) -> web.Response:
    """Return the ratios that were ever changed, by query and series."""
    rows = await request.app[THRESHOLDS].store.read(list_thresholds)
    listed = [
        {
            "query": row.query,
            "labels": row.labels,
            "ratio": row.ratio,
            "changed_at": rfc3339(row.changed_at),
        }
        for row in rows
    ]
    return web.json_response({"adjustments": listed})


async def show_history(request: web.Request) -> web.Response:
    """Return changes and proposals, newest first."""
    try:
        given = parameters(request, ("query", "limit", "before"))
        limit, below, query = page_size(given), number(given, "before"), given.get("query")
    except BadParameter as error:
        return error_response(400, str(error))
    rows, before = await request.app[THRESHOLDS].store.read(
        lambda connection: list_history(connection, limit, query=query, before=below)
    )
    return web.json_response({"history": [change_json(row) for row in rows], "before": before})


def change_json(row: Row[Any]) -> dict[str, object]:
    """Return a change as programs get it."""
    after = row.after
    return {
        "change": row.id,
        "at": rfc3339(row.at),
        "query": row.subject,
        "labels": after["labels"],
        "action": row.action.removeprefix("threshold_"),
        "reason": after["reason"],
        "before": row.before["ratio"],
        "after": after["ratio"],
        "actor": row.actor,
        "why": row.detail,
        "incidents": after["incidents"],
        "replay": after["replay"],
        "undoes": after["undoes"],
    }


async def undo_json(request: web.Request) -> web.Response:
    """Take back a change that a program or a logged-in person names."""
    parts = request.app[THRESHOLDS]
    if is_foreign(request, parts.settings()[0], needs_origin=True):
        return error_response(403, "this was sent by another site")
    if request.content_type != "application/json":
        return error_response(415, "allowed: Content-Type: application/json")
    try:
        change, author, reason = _wanted(json.loads(await small_body(request, _MAX_JSON)))
    except (ValueError, RecursionError) as error:
        return error_response(400, f"{error}" or "the body is no JSON object")
    try:
        written = await parts.undo(change, author or _person(request) or "api", reason)
    except ThresholdRefused as error:
        return error_response(409, str(error))
    return web.json_response(
        {"change": written.id, "undoes": change, "query": written.query, "ratio": written.after}
    )


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
    return change, _line(texts[0]), _line(texts[1])


def _line(text: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in storable(text))
    return " ".join(line.split())[:_LONGEST]


def _person(request: web.Request) -> str:
    """Return who has logged in."""
    return _line(person(request) or credentials(request.headers.get("Authorization", ""))[0])


async def page(request: web.Request) -> web.Response:
    """Return the page for people; a GET changes nothing."""
    return await _page(request, "")


async def undo_form(request: web.Request) -> web.Response:
    """Take back the change of the button that was pressed, and show what that did."""
    parts = request.app[THRESHOLDS]
    fields = await checked_form(request)
    try:
        keys, now = await parts.keys(), parts.clock.now()
        change = incident_of(fields.get("undo", ""), keys, "undo", now)
    except SecretUnavailable:
        return _refused(
            request, 503, "Forms cannot be checked now; the log of the webhook says why."
        )
    except TokenRefused:
        return _refused(request, 403, "This button is too old to be used; load the page anew.")
    why = _line(fields.get("reason", ""))
    try:
        written = await parts.undo(change, _person(request) or "page", why)
    except ThresholdRefused as error:
        return _refused(request, 409, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return await _page(request, f"Done: {written.words}.")


async def _page(request: web.Request, said: str) -> web.Response:
    parts = request.app[THRESHOLDS]
    query = request.query.get("query")

    def read(connection: Connection) -> dict[str, Any]:
        return {
            "thresholds": list_thresholds(connection),
            "history": list_history(connection, _SHOWN, query=query)[0],
            "undone": undone_among(connection),
        }

    found = await parts.store.read(read)
    expires_at = parts.clock.now() + _FORM_SECONDS
    tokens = {}
    try:
        key = (await parts.keys())[0]
        tokens = {
            row.id: sign(key, "undo", row.id, expires_at)
            for row in found["history"]
            if row.action in _UNDOABLE and row.id not in found["undone"]
        }
    except SecretUnavailable:
        said = said or "Nothing can be undone here now: the secret of links cannot be read."
    body = render(
        request,
        "thresholds.html",
        **found,
        tokens=tokens if may_write(request) else {},
        said=said,
        query=query,
        name_of=_name_of,
    )
    return shell_page(request, "Thresholds", body, section="thresholds")


def _name_of(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items())) or "all"


def _refused(request: web.Request, status: int, text: str) -> web.Response:
    body = Markup("<p>{}</p>").format(text)
    return shell_page(request, "Nothing was changed", body, section="thresholds", status=status)
