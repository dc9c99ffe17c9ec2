"""What is known of one incident, as JSON for programs?"""

from typing import Any

from aiohttp import web
from sqlalchemy import Connection, Row

from webhook.adapters.groups import cause_of
from webhook.adapters.story import story_of
from webhook.core.facts import Cause
from webhook.core.message import rfc3339
from webhook.core.timeline import Entry, Story, timeline
from webhook.web.listing import alert_json
from webhook.web.parts import PARTS, Parts, Settings, error_response, incident_url


async def show_incident(request: web.Request) -> web.Response:
    """Return an incident with its cause and its timeline."""
    parts = request.app[PARTS]
    found = await _find(parts, int(request.match_info["id"]))
    if found is None:
        return _unknown(request)
    row, story, cause = found
    settings = parts.settings()
    return web.json_response(
        {
            **alert_json(row, settings),
            "origin": row.origin,
            "trace_id": row.trace_id or None,
            "opened_at": rfc3339(row.opened_at),
            "closed_at": None if row.closed_at is None else rfc3339(row.closed_at),
            "extras": row.extras,
            "cause": None if cause is None else _cause_json(cause, settings),
            "timeline": [_entry_json(entry) for entry in timeline(story)],
        }
    )


async def show_timeline(request: web.Request) -> web.Response:
    """Return what happened to an incident, oldest first."""
    parts = request.app[PARTS]
    found = await _find(parts, int(request.match_info["id"]))
    if found is None:
        return _unknown(request)
    entries = [_entry_json(entry) for entry in timeline(found[1])]
    return web.json_response({"incident": found[0].id, "timeline": entries})


async def _find(parts: Parts, incident_id: int) -> tuple[Row[Any], Story, Cause | None] | None:
    def read(connection: Connection) -> tuple[Row[Any], Story, Cause | None] | None:
        found = story_of(connection, incident_id)
        return None if found is None else (*found, cause_of(connection, incident_id))

    return await parts.store.read(read)


def _unknown(request: web.Request) -> web.Response:
    return error_response(
        404,
        f"there is no incident {request.match_info['id']}; it never existed, or it is older than "
        "the store's retention",
    )


def _cause_json(cause: Cause, settings: Settings) -> dict[str, object]:
    return {
        "group": cause.group,
        "size": cause.size,
        "first": cause.first,
        "first_incident": cause.first_incident,
        "is_first": cause.is_first,
        "why": cause.why,
        "links": {"first_incident": incident_url(settings, cause.first_incident)},
    }


def _entry_json(entry: Entry) -> dict[str, object]:
    return {
        "at": rfc3339(entry.at),
        "what": entry.what,
        "text": entry.text,
        "channel": entry.channel or None,
        "until": None if entry.until is None else rfc3339(entry.until),
        "trace_id": entry.trace or None,
    }
