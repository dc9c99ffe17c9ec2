"""An observer whose time a test turns, and a gate that stands before its Prometheus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry, generate_latest

from promkit.clock import ManualClock
from tests.webhook.knownprometheus import SERIES, KnownPrometheus
from webhook.adapters.observations import observation_of
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.observation import Observation
from webhook.observer import Observer
from webhook.settings.sources import SourceConfig

OWN = {name: value for name, value in SERIES.items() if name != "query"}


@dataclass
class Watch:
    """An observer whose time and Prometheus a test may turn."""

    store: Store
    clock: ManualClock
    url: str | None
    seconds: float = 10.0

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.asking = Asking(self.config)
        self.observer = Observer(
            self.store, self.clock, self.registry, self.asking, self.config, self.seconds
        )

    def config(self) -> WebhookConfig:
        return WebhookConfig(prometheus=None if self.url is None else SourceConfig(url=self.url))

    async def look(self, at: float) -> None:
        await self.clock.advance(at - self.clock.now())
        await self.observer.run()

    async def of(self, incident: int) -> Observation | None:
        return await self.store.read(lambda connection: observation_of(connection, incident))

    def page(self) -> str:
        return generate_latest(self.registry).decode()


@dataclass
class Gate:
    """Stands before Prometheus, counts what is asked, and refuses what it is told to."""

    url: str
    status: int = 200
    refuses: str = "\0"
    hangs: str = "\0"
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        form = dict(await request.post())
        self.asked.append(str(form["query"]))
        if self.hangs in self.asked[-1]:
            await asyncio.Event().wait()
        if self.status != 200 or self.refuses in self.asked[-1]:
            return web.json_response({"error": "no"}, status=max(self.status, 400))
        async with (
            ClientSession() as session,
            session.post(f"{self.url}{request.path}", data=form) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status)


@asynccontextmanager
async def gated(
    store: Store, known: KnownPrometheus, seconds: float = 10.0, **how: Any
) -> AsyncIterator[tuple[Watch, Gate]]:
    gate = Gate(known.url, **how)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", gate.answer)
    async with TestServer(app) as server:
        watch = Watch(store, ManualClock(known.at - 3600), str(server.make_url("/")), seconds)
        yield watch, gate
        watch.asking.close()
