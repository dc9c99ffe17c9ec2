"""The application over a real store, as a test sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from sqlalchemy import Row

from promkit.clock import ManualClock
from promkit.errors import ConfigProblems, SecretUnavailable
from promkit.webconfig import WebConfigFile
from tests.webhook.deliveries import NOW
from webhook.adapters import queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.store import Store
from webhook.composer import Composer
from webhook.config import load_config
from webhook.core.routing import Routing, Target
from webhook.core.tokens import Key
from webhook.enrichment import Enrichment
from webhook.errors import StoreUnavailable
from webhook.overseeing import Overseer
from webhook.showing import Showing
from webhook.web import intake
from webhook.web.app import make_app
from webhook.web.consoleroutes import add_overview
from webhook.web.feedback import Feedback, InForce
from webhook.web.feedbackroutes import add_feedback
from webhook.web.login import Logins, add_login
from webhook.web.missed import Marking, add_missed
from webhook.web.overview import OverviewPage
from webhook.web.parts import Parts, Settings
from webhook.web.patterns import Patterns, add_patterns
from webhook.web.thresholds import Thresholds, add_thresholds
from webhook.web.visit import Anonymous, Console, add_console
from webhook.web.visit import InForce as ConsoleInForce
from webhook.web.weights import Weights, add_weights

ALERTS = "/api/v1/alerts"


@dataclass
class Site:
    """A running application; what a test may look at or turn."""

    client: Any
    store: Store
    clock: ManualClock
    not_ready: str | None = None
    secret_problem: SecretUnavailable | StoreUnavailable | None = None
    wakes: list[None] = field(default_factory=list)
    said: str = ""

    async def post(
        self, raw: bytes | BytesIO | AsyncIterator[bytes], **options: Any
    ) -> ClientResponse:
        answer: ClientResponse = await self.client.post(ALERTS, data=raw, **options)
        return answer

    async def json(self, path: str) -> Any:
        answer = await self.client.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def metrics(self) -> dict[str, float]:
        answer = await self.client.get("/metrics")
        lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


def show_with(store: Store, clock: ManualClock, text: str) -> Showing:
    """Return what finds out about incidents for their pages, configured with some YAML."""
    config = load_config(text, "webhook.yml")
    enrichment = Enrichment(
        store, clock, CollectorRegistry(), LinkKeys(store, clock), lambda: config
    )
    return Showing(store, clock, Composer(enrichment, lambda: config), lambda: config)


@asynccontextmanager
async def running(
    store: Store,
    stage: intake.Stage | None = None,
    yaml: str = "{}",
    web_config: Path | None = None,
    anonymous: Anonymous = "none",
) -> AsyncIterator[Site]:
    clock = ManualClock(NOW)
    metrics = Metrics(
        "1.2.3", lambda: store.read_here(queries.counts), lambda: (True, NOW), clock.now
    )
    metrics.expect_channels(["chat", "pager"])
    routing = Routing((Target("chat"), Target("pager", frozenset({"critical"}))))
    site: Site

    async def reload() -> None:
        raise ConfigProblems(["webhook.yml:3: channels: found nothing"])

    async def keys() -> tuple[Key, ...]:
        if site.secret_problem is not None:
            raise site.secret_problem
        return (Key(b"signs the links of pages"),)

    async def picture(_: Row[Any]) -> bytes | None:
        return None

    def in_force() -> InForce:
        return InForce("https://a.example.org/x", None, ())

    app = make_app(
        Parts(
            store=store,
            clock=clock,
            metrics=metrics,
            settings=lambda: Settings(routing, "https://a.example.org/x", ("chat", "pager")),
            notified=lambda: site.wakes.append(None),
            ready=lambda: site.not_ready,
            reload=reload,
        )
    )

    async def told(_: Row[Any]) -> str:
        return site.said

    add_feedback(
        app,
        Feedback(store, clock, keys, picture, lambda query, verdict: None, in_force, told),
    )
    in_frame = ConsoleInForce("https://a.example.org/x", "UTC", anonymous)
    add_console(app, Console(clock, keys, lambda: in_frame))
    add_login(app, Logins(store))
    two = load_config("channels: [{kind: log, name: chat}, {kind: log, name: pager}]", "w.yml")
    overseer = Overseer(store, clock, lambda: two, lambda: site.not_ready, dict, "1.2.3")
    add_overview(app, OverviewPage(overseer.look, overseer.channels))
    if stage is not None:
        app[intake.STAGE] = stage
    ours = "https://a.example.org/x"
    add_thresholds(app, Thresholds(store, clock, lambda written: None, lambda: ours))
    add_weights(app, Weights(store, clock, lambda written: None, lambda: ours))
    add_patterns(app, Patterns(store, clock, lambda: site.wakes.append(None), lambda: ours))
    add_missed(
        app, Marking(store, clock, lambda query, verdict: None, lambda: ours, lambda: "as it is")
    )
    show_with(store, clock, yaml).add_pages(app)
    if web_config is not None:
        WebConfigFile(web_config).protect(app)
    async with TestClient(TestServer(app)) as client:
        site = Site(client, store, clock)
        yield site
    overseer.close()
