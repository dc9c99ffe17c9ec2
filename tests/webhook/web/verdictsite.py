"""The addresses that take verdicts, over a real store with one incident."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Row

from promkit.clock import ManualClock
from promkit.webconfig import WebConfigFile
from tests.webhook.adapters.storing import record, rows
from tests.webhook.deliveries import NOW, alert
from tests.webhook.web.site import show_with
from webhook.adapters.feedback import judged_since
from webhook.adapters.schema import audit, feedback
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import KEPT_SECONDS, VerdictMetrics
from webhook.core.tokens import Key, Purpose, sign
from webhook.web.feedback import Feedback, InForce
from webhook.web.feedbackroutes import add_feedback
from webhook.web.incidentpage import add_incident_pages
from webhook.web.incidentparts import IncidentPages
from webhook.web.said import Said
from webhook.web.visit import Console, add_console
from webhook.web.visit import InForce as ConsoleInForce

KEYS = (Key(b"new secret of links"), Key(b"old secret of links"))
PNG = b"\x89PNG drawn"
Told = Callable[[Row[Any]], Awaitable[str]]


@dataclass
class VerdictSite:
    """A running application; what a test may look at or turn."""

    client: Any
    store: Store
    clock: ManualClock
    registry: CollectorRegistry
    settings: InForce
    pictures: list[int] = field(default_factory=list)

    def token(self, purpose: Purpose = "feedback", incident: int = 1, valid: float = 60.0) -> str:
        return sign(KEYS[0], purpose, incident, self.clock.now() + valid)

    async def verdicts(self) -> list[tuple[str, str, str, str]]:
        found = await rows(self.store, feedback)
        return [(row.verdict, row.reason, row.author, row.via) for row in found]

    async def audited(self) -> list[tuple[Any, Any]]:
        found = await rows(self.store, audit)
        return [(row.before and row.before["verdict"], row.after["verdict"]) for row in found]

    def page(self) -> str:
        return generate_latest(self.registry).decode()


@asynccontextmanager
async def running(
    store: Store, folder: Path, web_config: str = "", told: Told | None = None
) -> AsyncIterator[VerdictSite]:
    clock, registry = ManualClock(NOW), CollectorRegistry()
    metrics = VerdictMetrics(
        registry,
        lambda: store.read_here(lambda connection: judged_since(connection, NOW - KEPT_SECONDS)),
    )
    await record(store, alert())
    secret = folder / "slack"
    secret.write_text("8f742231b10e8888abcd99yyyzzz85a5\n")
    settings = InForce("https://a.example.org", secret, ("hooks.slack.com",))
    site: VerdictSite

    async def keys() -> tuple[Key, ...]:
        return KEYS

    async def picture(incident: Row[Any]) -> bytes | None:
        site.pictures.append(incident.id)
        return PNG

    app = web.Application()
    parts = Feedback(store, clock, keys, picture, metrics.judged, lambda: site.settings)
    add_feedback(app, parts if told is None else replace(parts, told=told))
    showing = show_with(store, clock, "{}")
    add_incident_pages(app, IncidentPages(store, showing.show, lambda: "UTC", Said()))
    in_frame = ConsoleInForce("https://a.example.org", "UTC")
    add_console(app, Console(clock, keys, lambda: in_frame))
    if web_config:
        path = folder / "web.yml"
        path.write_text(web_config)
        WebConfigFile(path).protect(app)
    async with TestClient(TestServer(app)) as client:
        site = VerdictSite(client, store, clock, registry, replace(settings))
        yield site
