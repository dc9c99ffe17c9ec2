"""Which weights of detectors did people's verdicts move, why, and how is that taken back?

For programs; people see it on the page of thresholds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from promkit.clock import Clock
from webhook.adapters.store import Store
from webhook.adapters.weights import (
    WeightsWritten,
    list_weight_history,
    list_weights,
    undo_weights,
)
from webhook.core.message import rfc3339
from webhook.web.parameters import BadParameter, number, page_size, parameters
from webhook.web.parts import error_response
from webhook.web.undoing import undo_asked_for


@dataclass(frozen=True, slots=True)
class Weights:
    """What the handlers work with.

    Parameters
    ----------
    changed : told of each change
    external_url : returns what our links start with
    """

    store: Store
    clock: Clock
    changed: Callable[[WeightsWritten], None]
    external_url: Callable[[], str]

    async def undo(self, change: int, actor: str, why: str) -> WeightsWritten:
        """Take a change back.

        Raises
        ------
        WeightRefused
            If there is no such change, or it was undone already.
        StoreUnavailable
            If it cannot be stored now.
        """
        now = self.clock.now()
        written = await self.store.write(
            lambda connection: undo_weights(connection, change, actor, why, now)
        )
        self.changed(written)
        return written


WEIGHTS = web.AppKey("weights", Weights)


def add_weights(app: web.Application, parts: Weights) -> None:
    """Add the routes to an application that has not started yet."""
    app[WEIGHTS] = parts
    app.router.add_get("/api/v1/weights", show_weights)
    app.router.add_get("/api/v1/weights/history", show_history)
    app.router.add_post("/api/v1/weights/undo", undo_json)


async def show_weights(request: web.Request) -> web.Response:
    """Return the ratios that were ever changed, by query and detector."""
    rows = await request.app[WEIGHTS].store.read(list_weights)
    return web.json_response({"weights": [weight_json(row) for row in rows]})


def weight_json(row: Row[Any]) -> dict[str, object]:
    """Return the ratio of a detector as programs get it."""
    return {
        "query": row.query,
        "detector": row.detector,
        "ratio": row.ratio,
        "changed_at": rfc3339(row.changed_at),
    }


async def show_history(request: web.Request) -> web.Response:
    """Return changes and proposals, newest first."""
    try:
        given = parameters(request, ("query", "limit", "before"))
        limit, below, query = page_size(given), number(given, "before"), given.get("query")
    except BadParameter as error:
        return error_response(400, str(error))
    rows, before = await request.app[WEIGHTS].store.read(
        lambda connection: list_weight_history(connection, limit, query=query, before=below)
    )
    return web.json_response({"history": [change_json(row) for row in rows], "before": before})


def change_json(row: Row[Any]) -> dict[str, object]:
    """Return a change as programs get it."""
    after = row.after
    return {
        "change": row.id,
        "at": rfc3339(row.at),
        "query": row.subject,
        "action": row.action.removeprefix("weight_"),
        "reason": after["reason"],
        "before": row.before["ratios"],
        "after": after["ratios"],
        "actor": row.actor,
        "why": row.detail,
        "evidence": after["evidence"],
        "ensemble": after["ensemble"],
        "replay": after["replay"],
        "undoes": after["undoes"],
    }


async def undo_json(request: web.Request) -> web.Response:
    """Take back a change that a program or a logged-in person names."""
    parts = request.app[WEIGHTS]

    async def undo(change: int, actor: str, why: str) -> dict[str, object]:
        written = await parts.undo(change, actor, why)
        ratios = dict(written.after)
        return {"change": written.id, "query": written.query, "ratios": ratios}

    return await undo_asked_for(request, parts.external_url(), undo)
