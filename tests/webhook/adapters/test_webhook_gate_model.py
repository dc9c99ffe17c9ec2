"""Whatever happens in whatever order: limits hold, nothing is dropped, a resolved follows."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select

from tests.webhook.deliveries import NOW, delivery
from webhook.adapters.database import Database, migrate
from webhook.adapters.gate import look
from webhook.adapters.outbox import Outcome, claim, settle
from webhook.adapters.recording import Recording, record
from webhook.adapters.schema import attempts, incidents, notifications
from webhook.core.alerts import Alert
from webhook.core.flapping import Flapping
from webhook.core.routing import Routing, Target
from webhook.core.severity import LEVELS, Level
from webhook.core.throttle import Rules, Total

GAP, PER, COUNT = 60.0, 180.0, 6
MOMENT = 1e-6  # what adding and subtracting seconds of today rounds
RULES = Rules(
    per_metric_and_severity=GAP,
    total=Total(COUNT, PER),
    flapping=Flapping(2, 300.0),
    digest=GAP,
)
BYPASS: frozenset[Level] = frozenset({"critical"})
ROUTING = Routing((Target("chat"), Target("pager", levels=frozenset({"critical"}))))
SERIES = [
    (f"{query}{i}", query, severity)
    for query in ("cpu", "disk", "net", "heat", "queue")
    for i, severity in enumerate(("critical", "warning", "warning", "warning", "info"))
]

# What happens, and how often of a hundred times.
STEPS = {"fire": 38, "resolve": 26, "pass": 14, "look": 16, "send": 4, "restart": 2}
PAUSES = (1, 1, 5, 10, 20, 35, 59, 61, 100, 179)


@dataclass
class World:
    """Two replicas of the gate over one database, and what the series really do."""

    database: Database
    rules: Rules
    engines: list[Engine] = field(default_factory=list)
    now: float = NOW

    def step(self, what: str, which: int) -> None:
        match what:
            case "fire" | "resolve":
                self._deliver(what, *SERIES[which])
            case "pass":
                self.now += which
            case "look":
                self.look(which)
            case "send":
                self._send(which)
            case "restart":
                self.engines[which].dispose()
                self.engines[which] = self.database.writing_engine()

    def _deliver(self, what: str, name: str, query: str, severity: str) -> None:
        self.now += 0.01
        labels = {"alertname": "Anomaly", "query": query, "severity": severity, "id": name}
        alert = Alert(name, "firing", labels, {}, self.now, None, "")
        if what == "resolve":
            alert = replace(alert, status="resolved", ends_at=self.now)
        with self.engines[0].begin() as connection:
            record(connection, [Recording(delivery(alert), ROUTING, self.now)])

    def look(self, which: int) -> float | None:
        with self.engines[which].begin() as connection:
            return look(connection, self.rules, "http://a", self.now).next_at

    def _send(self, which: int) -> None:
        for channel in ("chat", "pager"):
            with self.engines[which].begin() as connection:
                items = claim(connection, channel, self.now, 10).claimed
                sent = [Outcome(item.id, "ok", is_sent=True) for item in items]
                settle(connection, sent, self.now)

    def finish(self) -> None:
        """Let time pass until nothing is held any more."""
        next_at = self.look(0)
        while next_at is not None:
            assert next_at - self.now <= 300 + PER, "nothing waits longer than calm and a window"
            self.now = max(self.now, next_at)
            next_at = self.look(1)

    def rows(self) -> Sequence[Any]:
        statement = (
            select(notifications, incidents.c.query, incidents.c.level, incidents.c.ends_at)
            .outerjoin(incidents, incidents.c.id == notifications.c.incident_id)
            .order_by(notifications.c.id)
        )
        with self.engines[0].begin() as connection:
            return connection.execute(statement).all()

    def clear(self) -> None:
        with self.engines[0].begin() as connection:
            for table in (attempts, notifications, incidents):
                connection.execute(delete(table))


@pytest.fixture
def world(any_database: Database) -> Iterator[World]:
    with any_database.in_use():
        migrate(any_database)
        built = World(any_database, RULES)
        built.engines = [any_database.writing_engine() for _ in range(2)]
        yield built
        for engine in built.engines:
            engine.dispose()


@pytest.mark.parametrize("bypass", [frozenset(), BYPASS], ids=["limited", "bypass"])
def test_the_gates_promises(world: World, bypass: frozenset[Level]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(2):
        world.clear()
        world.rules = replace(RULES, bypass=bypass)
        draw = random.Random(seed)
        for what in draw.choices(list(STEPS), list(STEPS.values()), k=300):
            match what:
                case "fire" | "resolve":
                    world.step(what, int(len(SERIES) * draw.random() ** 2))
                case "pass":
                    world.step(what, draw.choice(PAUSES))
                case _:
                    world.step(what, draw.randrange(2))
        world.finish()
        rows = world.rows()
        seen.update(row.held_reason for row in rows if row.held_reason)
        _check(rows, bypass)
    assert set(seen) == {"throttled_metric", "throttled_total", "flapping"}, "histories are dense"


def _check(rows: Sequence[Any], bypass: frozenset[Level]) -> None:
    firing = [row for row in rows if row.kind == "firing"]
    digests = [row for row in rows if row.kind == "digest"]
    _no_window_is_exceeded(firing, digests, bypass)
    _nothing_is_dropped(firing, digests)
    _a_resolved_follows_its_firing(rows)
    for row in firing:
        if row.level in bypass:
            assert row.admitted_at is not None
            assert row.held_reason is None


def _no_window_is_exceeded(
    firing: Sequence[Any], digests: Sequence[Any], bypass: frozenset[Level]
) -> None:
    announced = {
        row.incident_id: row
        for row in firing
        if row.admitted_at is not None and row.level not in bypass
    }
    instants = [row.admitted_at for row in announced.values()]
    instants += {row.admitted_at for row in digests}
    for at in instants:
        assert sum(at - PER + MOMENT < other <= at for other in instants) <= COUNT
    by_metric: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in announced.values():
        by_metric[row.query, row.level].append(row.admitted_at)
    for times in by_metric.values():
        times.sort()
        assert all(b - a >= GAP - MOMENT for a, b in pairwise(times))


def _nothing_is_dropped(firing: Sequence[Any], digests: Sequence[Any]) -> None:
    named: Counter[tuple[int, str]] = Counter()
    for row in firing:
        assert (row.admitted_at is None) == (row.state == "digested"), row.state
        if row.state == "digested":
            named[row.digest_id, row.channel] += 1
    for digest in digests:
        content = digest.content
        assert content["held"] == named.pop((digest.id, digest.channel))
        assert sum(content["by_level"].values()) == content["held"]
        assert sum(line["count"] for line in content["rows"]) == content["held"]
        assert content["url"] == f"http://a/digests/{digest.id}"
        levels = [LEVELS.index(line["level"]) for line in content["rows"]]
        assert levels == sorted(levels), "the worst first"
    assert not named, "each is named in a digest of its own channel"


def _a_resolved_follows_its_firing(rows: Sequence[Any]) -> None:
    by_key = {(row.incident_id, row.channel, row.kind): row for row in rows}
    for row in rows:
        if row.kind != "firing" or row.ends_at is None:
            continue
        resolved = by_key[row.incident_id, row.channel, "resolved"]
        if row.state == "digested":
            assert (resolved.state, resolved.detail) == ("suppressed", "firing_held")
        else:
            assert resolved.state in ("pending", "sent")
            assert resolved.held_reason is None
