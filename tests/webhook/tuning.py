"""A tuner over a real store, whose settings and time a test may turn."""

from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import select

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from webhook.adapters.schema import audit, incidents, thresholds
from webhook.adapters.store import Store
from webhook.config import WebhookConfig
from webhook.tuner import Tuner


@dataclass
class Tuning:
    """A tuner whose settings a test may turn."""

    store: Store
    clock: ManualClock
    config: WebhookConfig

    def __post_init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tuner = Tuner(self.store, self.clock, self.registry, lambda: self.config)

    async def told(self, incident: int) -> str:
        statement = select(incidents).where(incidents.c.id == incident)
        row = await self.store.read(lambda connection: connection.execute(statement).one())
        return await self.tuner.told(row)

    async def ratios(self) -> list[tuple[str, Any, float]]:
        return [(row.query, row.labels, row.ratio) for row in await rows(self.store, thresholds)]

    async def history(self) -> list[Any]:
        found = await rows(self.store, audit)
        return [row for row in found if row.action.startswith("threshold_")]

    def page(self) -> str:
        return generate_latest(self.registry).decode()
