"""How do programs give verdicts, and read them?"""

import json
from typing import Any

from aiohttp import web
from sqlalchemy import Row

from promkit.basicauth import credentials
from webhook.adapters.feedback import find_feedback, newest_incident
from webhook.core.message import rfc3339
from webhook.core.text import storable
from webhook.core.verdicts import VERDICTS, Judgement, judgement_of
from webhook.web.feedback import FEEDBACK
from webhook.web.origin import is_foreign, small_body
from webhook.web.parameters import BadParameter, number, one_of, page_size, parameters
from webhook.web.parts import error_response

_MAX_JSON = 64 * 2**10


async def take_json(request: web.Request) -> web.Response:
    """Store a verdict that a program or a logged-in person sends."""
    feedback = request.app[FEEDBACK]
    if is_foreign(request, feedback.settings().external_url, needs_origin=True):
        return error_response(403, "this was sent by another site")
    # No form of a foreign page can have this type.
    if request.content_type != "application/json":
        return error_response(415, "allowed: Content-Type: application/json")
    try:
        document = json.loads(await small_body(request, _MAX_JSON))
        incident_id, fingerprint, judgement = _judgement(request, document)
    except (ValueError, RecursionError) as error:
        return error_response(400, f"{error}" or "the body is no JSON object")
    if incident_id is None:
        incident_id = await feedback.store.read(
            lambda connection: newest_incident(connection, fingerprint)
        )
    incident = None if incident_id is None else await feedback.give(incident_id, judgement)
    if incident is None:
        return error_response(404, "there is no such incident, or it is older than the retention")
    answer = {"incident": incident.id, "query": incident.query, "verdict": judgement.verdict}
    if said := await feedback.told(incident):
        answer["threshold"] = said
    return web.json_response(answer)


def _judgement(request: web.Request, document: object) -> tuple[int | None, str, Judgement]:
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    known = ("incident", "fingerprint", "verdict", "reason", "author")
    for name in document:
        if name not in known:
            raise ValueError(f"unknown field {str(name)[:50]!r}; allowed: {', '.join(known)}")
    texts = {name: document.get(name, "") for name in known[1:]}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} is {type(value).__name__}; allowed: text")
    incident = document.get("incident")
    is_number = isinstance(incident, int) and not isinstance(incident, bool)
    if is_number == bool(texts["fingerprint"]) or (incident is not None and not is_number):
        raise ValueError("allowed: either incident, a number, or fingerprint, text")
    if isinstance(incident, int) and not 0 < incident < 2**62:
        raise ValueError("incident is out of range")
    user, _ = credentials(request.headers.get("Authorization", ""))
    author = texts["author"] or user
    judgement = judgement_of(texts["verdict"], texts["reason"], author, "api")
    fingerprint = storable(texts["fingerprint"])
    return incident if isinstance(incident, int) else None, fingerprint, judgement


async def list_feedback(request: web.Request) -> web.Response:
    """Return verdicts, newest first."""
    try:
        given = parameters(request, ("query", "verdict", "limit", "before"))
        verdict = one_of(given, "verdict", VERDICTS)
        limit, below, query = page_size(given), number(given, "before"), given.get("query")
    except BadParameter as error:
        return error_response(400, str(error))
    rows, before = await request.app[FEEDBACK].store.read(
        lambda connection: find_feedback(
            connection, limit, query=query, verdict=verdict, before=below
        )
    )
    return web.json_response({"feedback": [_row_json(row) for row in rows], "before": before})


def _row_json(row: Row[Any]) -> dict[str, object]:
    return {
        "incident": row.incident_id,
        "fingerprint": row.fingerprint,
        "alertname": row.alertname,
        "query": row.query,
        "severity": row.severity,
        "labels": row.labels,
        "starts_at": rfc3339(row.starts_at),
        "ends_at": None if row.ends_at is None else rfc3339(row.ends_at),
        "verdict": row.verdict,
        "reason": row.reason,
        "author": row.author,
        "via": row.via,
        "changed_at": rfc3339(row.changed_at),
    }
