"""A Teams workflow that posts cards: it answers 202 and nothing more."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.webhook.standins import adaptivecard


@dataclass
class Teams:
    """What was posted, and a body to answer with instead of none."""

    url: str = ""
    answer: str = ""
    cards: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, request: web.Request) -> web.Response:
        raw = await request.read()
        message = json.loads(raw)
        if found := adaptivecard.problems(raw, message):
            error = {"code": "RequestEntityTooLarge", "message": str(found)}
            return web.json_response({"error": error}, status=413)
        if not self.answer:
            self.cards.append(message["attachments"][0]["content"])
        return web.Response(status=202, text=self.answer)


@asynccontextmanager
async def teams() -> AsyncIterator[Teams]:
    standin = Teams()
    app = web.Application()
    app.router.add_post("/workflows/s3cr3t/triggers/manual/paths/invoke", standin.run)
    async with TestServer(app) as server:
        path = "/workflows/s3cr3t/triggers/manual/paths/invoke?sig=s3cr3t"
        standin.url = str(server.make_url(path))
        yield standin
