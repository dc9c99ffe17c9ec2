"""Which thresholds did people's verdicts move, why, and how is that taken back, for programs?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Connection, Row

from promkit.clock import Clock
from webhook.adapters.store import Store
from webhook.adapters.thresholds import (
    Written,
    list_history,
    list_thresholds,
    undo,
)
from webhook.adapters.weights import list_weights
from webhook.core.message import rfc3339
from webhook.web.parameters import BadParameter, number, page_size, parameters
from webhook.web.parts import error_response
from webhook.web.undoing import undo_asked_for
from webhook.web.weights import weight_json


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What the handlers work with.

    Parameters
    ----------
    changed : told of each change
    external_url : returns what our links start with
    """

    store: Store
    clock: Clock
    changed: Callable[[Written], None]
    external_url: Callable[[], str]

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
        "missed": after.get("missed"),
    }


async def undo_json(request: web.Request) -> web.Response:
    """Take back a change that a program or a logged-in person names."""
    parts = request.app[THRESHOLDS]

    async def undo_it(change: int, actor: str, why: str) -> dict[str, object]:
        written = await parts.undo(change, actor, why)
        return {"change": written.id, "query": written.query, "ratio": written.after}

    return await undo_asked_for(request, parts.external_url(), undo_it)
