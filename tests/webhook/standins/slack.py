"""Slack as far as we use it: incoming webhooks, and the Web API's messages and files."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.webhook.standins import blockkit

TOKEN = "xoxb-s3cr3t"
CHANNEL = "C0123456789"


@dataclass
class Slack:
    """A workspace with one channel, what was posted into it, and what to refuse next."""

    base: str = ""
    posted: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes | None] = field(default_factory=dict)
    shared: list[dict[str, str]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    heard: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    """Method -> words that its next calls are answered with."""
    _ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def webhook_url(self) -> str:
        return f"{self.base}services/T0/B0/s3cr3t"

    @property
    def api_url(self) -> str:
        return f"{self.base}api/"

    async def incoming(self, request: web.Request) -> web.Response:
        if refused := self._refusal("incoming"):
            return web.Response(status=int(refused[:3]), text=refused[4:])
        message = json.loads(await request.read())
        if found := blockkit.problems(message):
            return web.Response(status=400, text=f"invalid_blocks {found}")
        self.posted.append(message)
        return web.Response(text="ok")

    async def api(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        if refused := self._refusal(method):
            return self._no(refused)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._no("invalid_auth")
        raw = await request.read()
        form = {name: str(value) for name, value in (await request.post()).items()}
        match method:
            case "chat.postMessage":
                answer = self._post(json.loads(raw))
            case "chat.update":
                answer = self._update(json.loads(raw))
            case "files.getUploadURLExternal":
                answer = self._place(form)
            case "files.completeUploadExternal":
                answer = self._complete(form)
            case _:
                answer = self._no("unknown_method")
        return answer

    def _place(self, form: dict[str, str]) -> web.Response:
        if not form["filename"] or int(form["length"]) <= 0:
            return self._no("invalid_arguments")
        file_id = f"F{next(self._ids)}"
        self.files[file_id] = None
        return self._yes(upload_url=f"{self.base}upload/{file_id}", file_id=file_id)

    async def upload(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers, "the token is for the API alone"
        self.files[request.match_info["file"]] = await request.read()
        return web.Response(text="OK")

    def _post(self, message: dict[str, Any]) -> web.Response:
        if message["channel"] not in (CHANNEL, "#ops"):
            return self._no("channel_not_found")
        if message.get("thread_ts", "") not in ("", *self.messages):
            return self._no("thread_not_found")
        if found := blockkit.problems(message):
            return self._no("invalid_blocks", response_metadata={"messages": found})
        ts = f"1700000000.{next(self._ids):06}"
        self.messages[ts] = message
        self.heard.put_nowait("posted")
        return self._yes(channel=CHANNEL, ts=ts, message=message)

    def _update(self, message: dict[str, Any]) -> web.Response:
        if message["channel"] != CHANNEL:
            return self._no("channel_not_found")
        if message["ts"] not in self.messages:
            return self._no("message_not_found")
        if found := blockkit.problems(message):
            return self._no("invalid_blocks", response_metadata={"messages": found})
        self.messages[message["ts"]] = message
        self.heard.put_nowait("updated")
        return self._yes(channel=CHANNEL, ts=message["ts"], text=message["text"])

    def _complete(self, form: dict[str, str]) -> web.Response:
        (file,) = json.loads(form["files"])
        if not self.files.get(file["id"]):
            return self._no("file_not_found")
        if form["channel_id"] != CHANNEL or form["thread_ts"] not in self.messages:
            return self._no("invalid_channel")
        self.shared.append({**file, "thread_ts": form["thread_ts"]})
        return self._yes(files=[file])

    def _refusal(self, method: str) -> str:
        waiting = self.refusals.get(method)
        return waiting.pop(0) if waiting else ""

    def _yes(self, **fields: object) -> web.Response:
        return web.json_response({"ok": True, **fields})

    def _no(self, word: str, **fields: object) -> web.Response:
        return web.json_response({"ok": False, "error": word, **fields})


@asynccontextmanager
async def slack() -> AsyncIterator[Slack]:
    standin = Slack()
    app = web.Application()
    app.router.add_post("/services/T0/B0/s3cr3t", standin.incoming)
    app.router.add_post("/api/{method}", standin.api)
    app.router.add_post("/upload/{file}", standin.upload)
    async with TestServer(app) as server:
        standin.base = str(server.make_url("/"))
        yield standin
