"""All addresses of the daemon over a real store, without its loops, so that nothing else writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from webhook.adapters.exposition import Metrics
from webhook.adapters.feedback import judged_since
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.missed import marked_since
from webhook.adapters.queries import counts
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import VerdictMetrics
from webhook.composer import Composer
from webhook.config import load_config
from webhook.core.tokens import Key, Purpose, sign
from webhook.enrichment import Enrichment
from webhook.learning import Learning
from webhook.overseeing import Overseer
from webhook.serving import Served, application
from webhook.showing import Showing
from webhook.truth import Truth
from webhook.tuner import Tuner


@dataclass
class WholeSite:
    """A running application; what a test may look at or turn."""

    app: web.Application
    client: Any
    store: Store
    clock: ManualClock
    key: Key
    tuner: Tuner

    def token(self, purpose: Purpose, incident: int = 1, valid: float = 3600.0) -> str:
        return sign(self.key, purpose, incident, self.clock.now() + valid)

    def routes(self, method: str) -> list[str]:
        """Return the paths that answer to a method, with what stands for their variables."""
        return sorted(
            {
                route.resource.canonical
                for route in self.app.router.routes()
                if route.method == method and route.resource is not None
            }
        )

    def address(self, path: str) -> str:
        """Return an address of a route that leads to something that is there."""
        purpose: Purpose = "chart" if "/charts/" in path else "feedback"
        return path.replace("{id}", "1").replace("{token}", self.token(purpose))


@asynccontextmanager
async def whole_site(store: Store, yaml: str = "{}") -> AsyncIterator[WholeSite]:
    clock = ManualClock(NOW)
    config = load_config(yaml, "webhook.yml")
    metrics = Metrics("1.2.3", lambda: store.read_here(counts), lambda: (True, NOW), clock.now)
    registry = metrics.registry
    keys = LinkKeys(store, clock)
    enrichment = Enrichment(store, clock, registry, keys, lambda: config)
    tuner = Tuner(store, clock, registry, lambda: config)
    learning = Learning(store, clock, metrics, lambda: config, lambda: None)
    showing = Showing(store, clock, Composer(enrichment, lambda: config), lambda: config)

    async def reload() -> None: ...

    app = application(
        Served(
            store=store,
            clock=clock,
            metrics=metrics,
            config=lambda: config,
            keys=keys,
            enrichment=enrichment,
            showing=showing,
            verdicts=VerdictMetrics(
                registry,
                lambda: store.read_here(lambda connection: judged_since(connection, 0.0)),
                lambda: store.read_here(lambda connection: marked_since(connection, 0.0)),
            ),
            tuner=tuner,
            learning=learning,
            overseer=Overseer(
                store, clock, lambda: config, lambda: None, learning.quality.latest, "1.2.3"
            ),
            truth=Truth(store, clock, metrics, lambda: None, lambda: config),
            notified=lambda: None,
            ready=lambda: None,
            reload=reload,
        )
    )
    (key, *_) = await keys.keys(None)
    async with TestClient(TestServer(app)) as client:
        yield WholeSite(app, client, store, clock, key, tuner)
    enrichment.close()
    tuner.close()
    learning.close()
    showing.close()
