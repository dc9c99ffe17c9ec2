"""A real HTTP server on the loopback that answers as a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Receiver:
    """What came, and how to answer: a status, headers and body, or a way to misbehave."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    misbehaviour: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((headers, raw))
        self.arrived.set()
        match self.misbehaviour:
            case "hang":
                await self.released.wait()
            case "reset":
                assert request.transport is not None
                request.transport.abort()
            case "drip" | "stall":
                return await self._drip(request)
        return web.Response(status=self.status, headers=self.headers, body=self.body)

    async def _drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=self.status)
        response.content_length = 1_000_000
        await response.prepare(request)
        if self.misbehaviour == "stall":
            await self.released.wait()
        while not self.released.is_set():
            try:
                await response.write(b"x")
                async with asyncio.timeout(0.02):
                    await self.released.wait()
            except (ConnectionError, TimeoutError):
                continue
        return response


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook/s3cr3t-token", receiver.answer)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hook/s3cr3t-token"))
        try:
            yield receiver
        finally:
            receiver.released.set()
