"""How much happened lately, as JSON for programs?"""

from typing import Any

from aiohttp import web
from sqlalchemy import Row

from webhook.adapters.statistics import BY, SECONDS, Per, statistics
from webhook.core.message import rfc3339
from webhook.web.parameters import BadParameter, one_of, parameters, since
from webhook.web.parts import PARTS, error_response

# Rows rather than hours: a busy store has many queries and channels.
MAX_ROWS = 20_000
_DEFAULT_PERIODS = {"hour": 24, "day": 30}


async def list_statistics(request: web.Request) -> web.Response:
    """Return what was opened, closed, told and judged per hour or day of UTC, oldest first."""
    parts = request.app[PARTS]
    try:
        given = parameters(request, ("per", "since"))
        per: Per = "day" if one_of(given, "per", ("hour", "day")) == "day" else "hour"
        earliest = since(given)
    except BadParameter as error:
        return error_response(400, str(error))
    if earliest is None:
        earliest = parts.clock.now() - _DEFAULT_PERIODS[per] * SECONDS[per]
    rows = await parts.store.read(
        lambda connection: statistics(connection, per, earliest, MAX_ROWS + 1)
    )
    if len(rows) > MAX_ROWS:
        return error_response(400, f"more than {MAX_ROWS} rows; ask for less with since")
    return web.json_response({"per": per, "statistics": [_as_json(row) for row in rows]})


def _as_json(row: Row[Any]) -> dict[str, object]:
    by = {name: value for name in BY if (value := getattr(row, name))}
    return {"start": rfc3339(row.start), "measure": row.measure, **by, "number": row.number}
