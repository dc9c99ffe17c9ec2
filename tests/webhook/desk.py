"""A composer over a real store, and an alert for it."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from sqlalchemy import select

from promkit.clock import ManualClock
from tests.webhook.deliveries import delivery
from tests.webhook.knownprometheus import ALERT
from webhook.adapters.linkkeys import LinkKeys
from webhook.adapters.outbox import Claimed, Kind
from webhook.adapters.recording import Recording
from webhook.adapters.schema import incidents
from webhook.adapters.store import Store
from webhook.composer import Composer
from webhook.config import WebhookConfig, load_config
from webhook.core.alerts import Alert
from webhook.core.message import Message
from webhook.core.routing import Routing, Target
from webhook.enrichment import Enrichment

ANNOTATIONS = {
    "summary": "latency is outside of what is normal for it.",
    "runbook_url": "https://runbooks.example.org/latency",
}


@dataclasses.dataclass
class Desk:
    """A composer over a real store."""

    store: Store
    clock: ManualClock
    composer: Composer
    enrichment: Enrichment
    registry: CollectorRegistry
    keys: LinkKeys

    async def hears(self, *alerts: Alert, at: float | None = None) -> None:
        routing = Routing((Target("chat"),))
        now = self.clock.now() if at is None else at
        await self.store.record(Recording(delivery(*alerts), routing, now))

    async def message(self, kind: Kind = "firing", channel: str = "log") -> Message:
        """Return the message about the newest incident."""
        newest = select(incidents).order_by(incidents.c.id.desc()).limit(1)
        row = await self.store.read(lambda connection: connection.execute(newest).one())
        return await self.composer.compose(Claimed(1, row.id, channel, kind, 1, 0.0, row))

    def failures(self) -> dict[str, float]:
        name = "anomaly_webhook_enrichment_failures_total"
        return {
            sample.labels["reason"]: sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and sample.value
        }


@asynccontextmanager
async def desk(store: Store, now: float, config: str, budget: float = 30.0) -> AsyncIterator[Desk]:
    clock, registry = ManualClock(now), CollectorRegistry()
    read: WebhookConfig = load_config(config, "webhook.yml")
    keys = LinkKeys(store, clock)
    enrichment = Enrichment(store, clock, registry, keys, lambda: read, budget)
    composer = Composer(enrichment, lambda: read)
    yield Desk(store, clock, composer, enrichment, registry, keys)
    enrichment.close()


def alert(at: float, *, ends_at: float | None = None, **labels: str) -> Alert:
    named = {**ALERT, **labels}
    status = "firing" if ends_at is None else "resolved"
    return Alert(
        f"f-{named['pod']}".replace('"', ""),
        "firing" if status == "firing" else "resolved",
        named,
        ANNOTATIONS,
        at,
        ends_at,
        "javascript:alert(1)",
    )


CONFIG = """
external_url: https://alerts.example.org
timezone: Europe/Berlin
reconcile: {{receiver: webhook}}
prometheus: {{url: "{url}", external_url: "https://prometheus.example.org"}}
alertmanager: {{url: "http://127.0.0.1:1", external_url: "https://alertmanager.example.org"}}
links:
  panel: https://grafana.example.org/d/x?var-query={{{{ query }}}}&from={{{{ from_ms }}}}
"""
