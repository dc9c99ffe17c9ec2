"""Which incidents are there? A list that a person can narrow down, page by page."""

from typing import Any, cast
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup
from sqlalchemy import Connection

from webhook.adapters.incidentlist import NO_VERDICT, State, Wanted, list_incidents, queries_known
from webhook.core.present import VERDICTS
from webhook.core.severity import LEVELS
from webhook.web.parameters import BadParameter, number, one_of, parameters
from webhook.web.parts import PARTS
from webhook.web.shell import page, render

_SHOWN = 50
_FILTERS = ("status", "query", "level", "verdict", "group")


async def incidents(request: web.Request) -> web.Response:
    """Return the page with the incidents that are asked for."""
    try:
        given = parameters(request, (*_FILTERS, "before", "refresh"))
        # A form also sends the fields that are left empty.
        given = {name: value for name, value in given.items() if value}
        wanted = Wanted(
            status=cast("State", one_of(given, "status", ("firing", "resolved")) or ""),
            query=given.get("query", ""),
            level=one_of(given, "level", LEVELS) or "",
            verdict=one_of(given, "verdict", (*VERDICTS, NO_VERDICT)) or "",
            group=number(given, "group"),
            before=number(given, "before"),
        )
    except BadParameter as error:
        body = Markup('<p>{}.</p><p><a href="incidents">All incidents</a></p>').format(str(error))
        return page(request, "No such list", body, section="incidents", status=400)

    def read(connection: Connection) -> dict[str, Any]:
        rows, before = list_incidents(connection, wanted, _SHOWN)
        return {"rows": rows, "before": before, "queries": queries_known(connection)}

    found = await request.app[PARTS].store.read(read)
    kept = {name: given[name] for name in _FILTERS if name in given}
    older = urlencode({**kept, "before": found["before"]})
    body = render(
        request,
        "incidents.html",
        **found,
        wanted=wanted,
        levels=LEVELS,
        no_verdict=NO_VERDICT,
        is_filtered=bool(kept),
        older=f"incidents?{older}",
        newest=f"incidents?{urlencode(kept)}",
    )
    return page(request, "Incidents", body, section="incidents", refreshes=wanted.before is None)
