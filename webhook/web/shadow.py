"""How would other thresholds do, as JSON for programs?"""

from collections.abc import Callable, Sequence

from aiohttp import web

from webhook.core.shadow import IN_FORCE, WINDOWS, Compared, advice
from webhook.web.parameters import BadParameter, one_of, parameters
from webhook.web.parts import error_response

LATEST: web.AppKey[Callable[[], Sequence[Compared]]] = web.AppKey("shadow")
_COUNTS = (
    "kept", "lost", "false_kept", "false_spared", "neither_kept", "found", "missed", "unknown",
    "unjudged",
)  # fmt: skip


def add_shadow(app: web.Application, latest: Callable[[], Sequence[Compared]]) -> None:
    """Add the route to an application that has not started yet."""
    app[LATEST] = latest
    app.router.add_get("/api/v1/shadow", list_shadow)


async def list_shadow(request: web.Request) -> web.Response:
    """Return every comparison with its counts, and what it says in words."""
    try:
        given = parameters(request, ("query", "variant", "window"))
        window = one_of(given, "window", tuple(WINDOWS))
    except BadParameter as error:
        return error_response(400, str(error))
    latest = request.app[LATEST]()
    in_force = {(each.query, each.window): each for each in latest if each.variant == IN_FORCE}
    return web.json_response(
        {
            "shadow": [
                comparison_json(each, in_force[each.query, each.window])
                for each in latest
                if given.get("query") in (None, each.query)
                and given.get("variant") in (None, each.variant)
                and window in (None, each.window)
            ]
        }
    )


def comparison_json(one: Compared, in_force: Compared) -> dict[str, object]:
    """Return a comparison as programs get it; `in_force` is that of the same query and window."""
    return {
        "query": one.query,
        "variant": one.variant,
        "ratio": one.ratio,
        "window": one.window,
        "counts": {name: getattr(one, name) for name in _COUNTS},
        "alarms": {"count": one.alarms.count, "days": round(one.alarms.days, 3)},
        "precision": one.precision.value,
        "recall": one.recall.value,
        "f1": one.f1,
        "alarms_per_day": one.alarms_per_day,
        "advice": "" if one.variant == IN_FORCE else advice(one, in_force),
    }
