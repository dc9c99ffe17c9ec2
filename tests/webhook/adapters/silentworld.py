"""Two gates and two watchers over one database; what a look at Prometheus finds is up to a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from tests.webhook.deliveries import NOW, delivery
from tests.webhook.judging import LABELS, SERIES
from tests.webhook.patterned import SILENCING, put_pattern
from webhook.adapters.database import Database, migrate
from webhook.adapters.gate import Look, look
from webhook.adapters.outbox import Outcome, claim, settle
from webhook.adapters.recording import Recording, record
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.silencing import (
    Settled,
    Silent,
    settle_silent,
    silent_incidents,
)
from webhook.core.alerts import Alert
from webhook.core.patterns import Left
from webhook.core.routing import Routing, Target
from webhook.core.throttle import Rules, Total

RULES = Rules(total=Total(4, 600.0), digest=60.0, patterns=SILENCING)
ROUTING = Routing((Target("chat"), Target("log")))


@dataclass
class World:
    """Two replicas over one database; what a look at Prometheus finds is up to the test."""

    database: Database
    engines: list[Engine] = field(default_factory=list)
    now: float = NOW
    rules: Rules = RULES

    def fire(self, name: str = "a", *, severity: str = "warning", **more: str) -> None:
        self.now += 0.01
        labels = {**LABELS, "severity": severity, "instance": name, **more}
        alert = Alert(f"{name}{severity}", "firing", labels, {}, self.now, None, "")
        self._deliver(alert)

    def resolve(self, name: str = "a", *, severity: str = "warning") -> None:
        self.now += 0.01
        labels = {**LABELS, "severity": severity, "instance": name}
        alert = Alert(f"{name}{severity}", "resolved", labels, {}, self.now, self.now, "")
        self._deliver(alert)

    def _deliver(self, alert: Alert) -> None:
        with self.engines[0].begin() as connection:
            record(connection, [Recording(delivery(alert), ROUTING, self.now)])

    def pattern(self, name: str = "a", **more: Any) -> int:
        with self.engines[0].begin() as connection:
            labels = {**SERIES, "instance": name}
            return put_pattern(connection, self.now, self.now, labels=labels, **more)

    def look(self, which: int = 0) -> Look:
        with self.engines[which].begin() as connection:
            return look(connection, self.rules, "http://a", self.now)

    def silent(self) -> list[Silent]:
        with self.engines[0].begin() as connection:
            return silent_incidents(connection, 100)

    def watch(self, how: Left | None, which: int = 0) -> Settled:
        """Settle all that is silent as if a look had found this."""
        return self.settle([(one, how) for one in self.silent()], which)

    def settle(self, found: Sequence[tuple[Silent, Left | None]], which: int = 0) -> Settled:
        with self.engines[which].begin() as connection:
            return settle_silent(connection, found, self.now, self.now)

    def send(self) -> list[tuple[int | None, str]]:
        sent: list[tuple[int | None, str]] = []
        for channel in ("chat", "log"):
            with self.engines[1].begin() as connection:
                items = claim(connection, channel, self.now, 100).claimed
                settle(connection, [Outcome(item.id, "ok", is_sent=True) for item in items], 0.0)
            if channel == "chat":
                sent += [(item.incident_id, item.kind) for item in items]
        return sent

    def rows(self) -> Sequence[Any]:
        """The notifications of incidents, with these."""
        own = incidents.c
        statement = (
            select(
                notifications, own.ends_at, own.pattern_id, own.pattern_left, own.pattern_left_at,
                own.level,
            )
            .join(incidents, own.id == notifications.c.incident_id)
            .order_by(notifications.c.id)
        )  # fmt: skip
        with self.engines[0].begin() as connection:
            return connection.execute(statement).all()

    def states(self, channel: str = "chat") -> list[tuple[str, str]]:
        return [(row.kind, row.state) for row in self.rows() if row.channel == channel]


@contextmanager
def silent_world(database: Database) -> Iterator[World]:
    """Yield a world over an empty database."""
    with database.in_use():
        migrate(database)
        built = World(database)
        built.engines = [database.writing_engine() for _ in range(2)]
        yield built
        for engine in built.engines:
            engine.dispose()
