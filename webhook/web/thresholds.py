"""Which thresholds did people's verdicts move, why, and how is that taken back?

`GET /api/v1/adjustments` and `/api/v1/thresholds/history` for programs, `/thresholds` for people.
The form's button carries a signed token that stands only in our page, so no other site can press
it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection, Row

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
from webhook.adapters.weights import list_weights
from webhook.core.message import rfc3339
from webhook.core.text import one_line
from webhook.core.tokens import Key, TokenRefused, incident_of, sign
from webhook.web.parameters import BadParameter, number, page_size, parameters
from webhook.web.parts import error_response
from webhook.web.session import checked_form, may_write
from webhook.web.shell import page as shell_page
from webhook.web.shell import render
from webhook.web.undoing import undo_asked_for, who
from webhook.web.weights import weight_json

_FORM_SECONDS = 3600.0
_SHOWN = 100
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
    """Return the ratios that were ever changed, of thresholds and of detectors' weights."""

    def read(connection: Connection) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
        return list_thresholds(connection), list_weights(connection)

    rows, weights = await request.app[THRESHOLDS].store.read(read)
    listed = [
        {
            "query": row.query,
            "labels": row.labels,
            "ratio": row.ratio,
            "changed_at": rfc3339(row.changed_at),
        }
        for row in rows
    ]
    return web.json_response(
        {"adjustments": listed, "weights": [weight_json(row) for row in weights]}
    )


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

    async def undo_it(change: int, actor: str, why: str) -> dict[str, object]:
        written = await parts.undo(change, actor, why)
        return {"change": written.id, "query": written.query, "ratio": written.after}

    return await undo_asked_for(request, parts.settings()[0], undo_it)


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
    why = one_line(fields.get("reason", ""))
    try:
        written = await parts.undo(change, who(request) or "page", why)
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
