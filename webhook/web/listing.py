"""What was stored, as JSON for programs?"""

from collections.abc import Mapping
from typing import Any, get_args

from aiohttp import web
from sqlalchemy import Row
from yarl import URL

from promkit.labels import parse_matchers
from webhook.adapters.digests import digest_url
from webhook.adapters.outbox import State
from webhook.adapters.queries import AlertFilter, Page, find_incidents, find_notifications
from webhook.core.alerts import Status
from webhook.core.message import rfc3339
from webhook.web.parameters import BadParameter, number, one_of, page_size, parameters, since
from webhook.web.parts import PARTS, Settings, error_response, incident_url

_STATES = get_args(State)


async def list_alerts(request: web.Request) -> web.Response:
    """Return incidents, newest first."""
    parts = request.app[PARTS]
    try:
        known = ("status", "severity", "query", "filter", "since", "limit", "before")
        given = parameters(request, known)
        wanted = _alert_filter(given, request.query.getall("filter", []))
        limit = page_size(given)
    except BadParameter as error:
        return error_response(400, str(error))
    page = await parts.store.read(lambda connection: find_incidents(connection, wanted, limit))
    settings = parts.settings()
    alerts = [alert_json(row, settings) for row in page.rows]
    return web.json_response({"alerts": alerts, "next": _next(request, settings, page)})


async def list_notifications(request: web.Request) -> web.Response:
    """Return notifications, newest first."""
    parts = request.app[PARTS]
    try:
        given = parameters(request, ("channel", "state", "incident", "digest", "limit", "before"))
        state = one_of(given, "state", _STATES)
        incident, digest = number(given, "incident"), number(given, "digest")
        before, limit = number(given, "before"), page_size(given)
    except BadParameter as error:
        return error_response(400, str(error))
    channel = given.get("channel")
    page = await parts.store.read(
        lambda connection: find_notifications(
            connection,
            limit,
            channel=channel,
            state=state,
            incident=incident,
            digest=digest,
            before=before,
        )
    )
    settings = parts.settings()
    items = [_notification_json(row, settings) for row in page.rows]
    return web.json_response({"notifications": items, "next": _next(request, settings, page)})


def alert_json(row: Row[Any], settings: Settings) -> dict[str, object]:
    """Return an incident as the API shows it."""
    return {
        "fingerprint": row.fingerprint,
        "status": "firing" if row.ends_at is None else "resolved",
        "labels": row.labels,
        "annotations": row.annotations,
        "starts_at": rfc3339(row.starts_at),
        "ends_at": _instant(row.ends_at),
        "last_seen_at": rfc3339(row.last_seen_at),
        "incident": row.id,
        "alertname": row.alertname,
        "severity": row.severity,
        "level": row.level,
        "query": row.query,
        "generator_url": row.generator_url,
        "links": {"incident": incident_url(settings, row.id)},
    }


def _notification_json(row: Row[Any], settings: Settings) -> dict[str, object]:
    return {
        "id": row.id,
        "incident": row.incident_id,
        "channel": row.channel,
        "status": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "created_at": rfc3339(row.created_at),
        "admitted_at": _instant(row.admitted_at),
        "held_reason": row.held_reason,
        "held_until": _instant(row.held_until),
        "digest": row.digest_id,
        "due_at": rfc3339(row.due_at) if row.state == "pending" else None,
        "finished_at": _instant(row.finished_at),
        "detail": row.detail,
        "alertname": row.alertname,
        "severity": row.severity,
        "level": row.level,
        "query": row.query,
        "links": _links(row, settings),
    }


def _links(row: Row[Any], settings: Settings) -> dict[str, str | None]:
    digest_id = row.id if row.kind == "digest" else row.digest_id
    return {
        "incident": None if row.incident_id is None else incident_url(settings, row.incident_id),
        "digest": None if digest_id is None else digest_url(settings.external_url, digest_id),
    }


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def _next(request: web.Request, settings: Settings, page: Page) -> str | None:
    if page.before is None:
        return None
    url = URL(f"{settings.external_url}{request.path}").with_query(request.query)
    return str(url.update_query(before=page.before))


def _alert_filter(given: Mapping[str, str], filters: list[str]) -> AlertFilter:
    status: Status | None = None
    match one_of(given, "status", ("firing", "resolved")):
        case "firing":
            status = "firing"
        case "resolved":
            status = "resolved"
    try:
        matchers = tuple(matcher for text in filters for matcher in parse_matchers(text))
    except ValueError as error:
        raise BadParameter(f"filter: {error}") from None
    return AlertFilter(
        status=status,
        severity=given.get("severity"),
        query=given.get("query"),
        since=since(given),
        before=number(given, "before"),
        accepts=None
        if not matchers
        else lambda labels: all(matcher.matches(labels) for matcher in matchers),
    )
