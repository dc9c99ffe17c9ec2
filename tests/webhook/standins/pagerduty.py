"""PagerDuty's Events API v2: what it refuses, and what becomes of an incident."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

ROUTING_KEY = "s3cr3tkey0123456789abcdef0123456"
_ACTIONS = {"trigger", "acknowledge", "resolve"}
_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass
class PagerDuty:
    """A service: its open alerts, how often each paged, and every event."""

    url: str = ""
    open: set[str] = field(default_factory=set)
    pages: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    heard: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def enqueue(self, request: web.Request) -> web.Response:
        raw = await request.read()
        event = json.loads(raw)
        if found := problems(raw, event):
            body = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response({**body, "errors": found}, status=400)
        self.events.append(event)
        key = event["dedup_key"]
        if event["event_action"] == "resolve":
            self.open.discard(key)
        elif key not in self.open:
            self.open.add(key)
            self.pages.append(key)
        self.heard.put_nowait(event["event_action"])
        body = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(body, status=202)


def problems(raw: bytes, event: dict[str, Any]) -> list[str]:
    """Return what is wrong with an event; empty if it is accepted."""
    found = []
    if len(raw) > 512 * 1024:
        found.append(f"{len(raw)} bytes")
    if event.get("routing_key") != ROUTING_KEY:
        found.append("'routing_key' is missing or invalid")
    if event.get("event_action") not in _ACTIONS:
        found.append("event_action")
    if not 1 <= len(event.get("dedup_key", "")) <= 255:
        found.append("dedup_key")
    if event.get("event_action") == "trigger":
        found += _payload_problems(event.get("payload", {}))
    for link in event.get("links", ()):
        if not link["href"].startswith(("http://", "https://")) or not link["text"]:
            found.append(f"link {link}")
    for image in event.get("images", ()):
        if not image["src"].startswith("https://"):
            found.append(f"image {image}")
    return found


def _payload_problems(payload: dict[str, Any]) -> list[str]:
    found = []
    if not 1 <= len(payload.get("summary", "")) <= 1_024:
        found.append("summary")
    if not payload.get("source"):
        found.append("source")
    if payload.get("severity") not in _SEVERITIES:
        found.append("severity")
    if not isinstance(payload.get("custom_details"), dict):
        found.append("custom_details")
    return found


@asynccontextmanager
async def pagerduty() -> AsyncIterator[PagerDuty]:
    standin = PagerDuty()
    app = web.Application()
    app.router.add_post("/v2/enqueue", standin.enqueue)
    async with TestServer(app) as server:
        standin.url = str(server.make_url("/v2/enqueue"))
        yield standin
