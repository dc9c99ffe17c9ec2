"""What goes as a harmless pattern is silent for as long as somebody sees that it does."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, select, update

from tests.webhook.deliveries import NOW, delivery
from tests.webhook.judging import LABELS, SERIES
from tests.webhook.patterned import DAY, SILENCING, put_pattern
from webhook.adapters.database import Database, migrate
from webhook.adapters.feedback import judge
from webhook.adapters.gate import Look, look
from webhook.adapters.outbox import Outcome, claim, settle
from webhook.adapters.patterns import PatternRefused, forget, list_patterns
from webhook.adapters.recording import Recording, record
from webhook.adapters.schema import incidents, notifications
from webhook.adapters.silencing import (
    Settled,
    Silent,
    patterns_of,
    settle_silent,
    silent_incidents,
)
from webhook.core.alerts import Alert
from webhook.core.patterns import Left
from webhook.core.quiet import DAYS, QuietHours
from webhook.core.routing import Routing, Target
from webhook.core.throttle import LEASE_SECONDS, Rules, Total
from webhook.core.verdicts import Judgement

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


@pytest.fixture
def world(any_database: Database) -> Iterator[World]:
    with any_database.in_use():
        migrate(any_database)
        built = World(any_database)
        built.engines = [any_database.writing_engine() for _ in range(2)]
        yield built
        for engine in built.engines:
            engine.dispose()


def test_what_fits_to_its_end_is_never_told(world: World) -> None:
    number = world.pattern()
    world.fire()
    found = world.look()
    assert (found.is_admitting, dict(found.not_sent), found.next_at) == (False, {}, None)
    assert found.lapses_at == world.now + LEASE_SECONDS
    # As long as somebody looks, also for hours and over all digests.
    for _ in range(40):
        world.now += 45
        assert world.watch(None) == Settled()
        assert not world.look(1).is_admitting
    world.resolve()
    assert not world.look().is_admitting
    assert world.states() == [("firing", "held"), ("resolved", "new")]
    assert world.watch(None) == Settled(silenced=1)
    world.look()

    rows = world.rows()
    assert {(row.state, row.detail) for row in rows} == {
        ("suppressed", f"harmless_pattern {number}")
    }
    assert len(rows) == 4
    assert world.send() == []
    with world.engines[0].begin() as connection:
        (pattern,) = list_patterns(connection)
    assert (pattern.silenced, pattern.let_through) == (1, 0)
    assert pattern.last_seen_at == world.now


@pytest.mark.parametrize("how", ["left", "longer"])
@pytest.mark.parametrize("is_over", [False, True])
def test_what_goes_another_way_is_told_at_once(world: World, how: Left, is_over: bool) -> None:
    world.pattern()
    world.fire()
    world.look()
    world.now += 30
    if is_over:
        world.resolve()
    assert world.watch(how) == Settled(let_through=1)
    assert world.look(1).is_admitting
    # Of what is over by now, one message says both.
    assert world.send() == [(1, "resolved" if is_over else "firing")]
    row = world.rows()[0]
    assert (row.pattern_id, row.pattern_left, row.pattern_left_at) == (1, how, world.now)
    # Not again: the pattern is still there.
    assert world.silent() == []
    world.resolve()
    world.look()
    assert world.send() == ([] if is_over else [(1, "resolved")])


def test_what_nobody_can_look_at_is_told_after_a_minute(world: World) -> None:
    world.pattern()
    world.fire()
    world.look()
    world.now += 20
    world.watch(None)
    for _ in range(3):
        world.now += 15
        assert world.watch("unknown") == Settled()
        assert not world.look().is_admitting
    world.resolve()
    world.watch("unknown")
    assert not world.look().is_admitting, "what is over and unknown is not silent for good"
    world.now += 15
    # Nobody looks at all any more; the gate of another replica lets it through.
    assert world.look(1).is_admitting
    assert world.send() == [(1, "resolved")]
    assert world.rows()[0].pattern_left == "unknown"


def test_a_clock_that_was_ahead_keeps_nothing_silent(world: World) -> None:
    world.pattern()
    world.now += DAY
    world.fire()
    world.look()
    world.now -= DAY
    assert world.look().is_admitting


def end_expired(world: World) -> None:
    world.now += 100


def end_forgotten(world: World) -> None:
    with world.engines[0].begin() as connection:
        forget(connection, 1, "ana", "", world.now)


def end_confirmed(world: World) -> None:
    with world.engines[0].begin() as connection:
        judge(connection, 1, Judgement("confirmed", "", "ana", "api"), world.now)


def end_switched_off(world: World) -> None:
    world.rules = replace(RULES, patterns=None)


@pytest.mark.parametrize("end", [end_expired, end_forgotten, end_confirmed, end_switched_off])
def test_a_pattern_that_is_over_silences_nothing(world: World, end: Any) -> None:
    world.pattern(expires_at=world.now + 50)
    world.fire()
    world.look()
    world.watch(None)
    end(world)
    world.watch(None)
    assert world.look().is_admitting
    assert world.rows()[0].pattern_left == "ended"
    world.fire("a", severity="info")
    assert world.look().is_admitting, "nor anything new"


def test_what_left_it_and_was_real_says_nothing_against_it(world: World) -> None:
    world.pattern()
    world.fire()
    world.look()
    world.watch("left")
    end_confirmed(world)
    world.resolve()
    world.fire()
    world.look()
    assert [one.incident for one in world.silent()] == [2]


def test_only_its_series_level_alert_and_hour(world: World) -> None:
    world.pattern()
    world.fire("b")
    world.fire("a", severity="critical")
    world.fire("a", severity="info", alertname="AnomalyForecastBreach")
    world.fire("a", severity="info", query="memory")
    world.look()
    assert world.silent() == []
    assert len(world.send()) == 3, "the total limit lets three out, and none is silent"
    world.now += 1900
    world.fire("a")
    world.look()
    assert world.silent() == []
    world.now += DAY - 1900
    world.fire("a", severity="low")
    world.look()
    assert [one.alerted_at for one in world.silent()] == [world.now]


def test_external_labels_make_no_other_series(world: World) -> None:
    world.pattern()
    world.fire("a", cluster="eu")
    with world.engines[0].begin() as connection:
        named = replace(SILENCING, external_labels=frozenset({"cluster"}))
        assert patterns_of(connection, SILENCING, [1], world.now) == {}
        assert patterns_of(connection, named, [1], world.now) == {1: 1}
        assert patterns_of(connection, None, [1], world.now) == {}


def test_what_is_let_through_meets_the_limits_and_quiet_hours(world: World) -> None:
    all_day = QuietHours(frozenset(DAYS), time(0), time(0), ZoneInfo("UTC"), frozenset({"medium"}))
    world.rules = replace(RULES, quiet=(all_day,))
    world.pattern()
    world.fire()
    world.look()
    # Quiet hours do not take it over while it is silent.
    assert [row.held_reason for row in world.rows()] == ["harmless_pattern"] * 2
    with world.engines[0].begin() as connection:
        look(connection, world.rules, "http://a", world.now, is_new=True)
    assert len(world.silent()) == 1
    world.watch("left")
    world.look()
    assert [row.held_reason for row in world.rows()] == ["quiet_hours"] * 2


STEPS = {"fire": 30, "resolve": 24, "pass": 14, "look": 18, "watch": 16, "restart": 3, "forget": 2}


def test_nothing_is_lost_whatever_happens(world: World) -> None:
    """Looks of two gates and two watchers with old answers, restarts, patterns that come and go."""
    seen: Counter[str] = Counter()
    for seed in range(2):
        draw = random.Random(seed)
        told_fits: set[int] = set()
        world.rules = replace(RULES, total=Total(6, 300.0))
        for name in "abcd":
            world.pattern(name)
        stale: list[tuple[Silent, Left | None]] = []
        for what in draw.choices(list(STEPS), list(STEPS.values()), k=160):
            name, severity = draw.choice("abcdef"), draw.choice(["warning", "info", "critical"])
            match what:
                case "fire":
                    world.fire(name, severity=severity)
                case "resolve":
                    world.resolve(name, severity=severity)
                case "pass":
                    world.now += draw.choice((1, 5, 15, 30, 61, 130))
                case "look":
                    world.look(draw.randrange(2))
                case "watch":
                    # Another replica may write what it asked some time ago.
                    found = stale if draw.random() < 0.2 else _answers(world, draw)
                    stale = _answers(world, draw)
                    told_fits |= {one.incident for one, how in found if how is None and one.ends_at}
                    world.settle(found, draw.randrange(2))
                case "restart":
                    # A killed process has written all of a transaction or nothing.
                    which = draw.randrange(2)
                    world.engines[which].dispose()
                    world.engines[which] = world.database.writing_engine()
                case "forget":
                    _forget_one(world, draw)
        _let_time_pass(world)
        for row in world.rows():
            seen[row.state] += 1
            seen[row.pattern_left or ""] += 1
            _check(row, told_fits)
        _clear(world)
    assert {"left", "longer", "unknown", "ended", "suppressed", "digested", "sent"} <= set(seen)


def _answers(world: World, draw: random.Random) -> list[tuple[Silent, Left | None]]:
    answers: list[Left | None] = [None, None, None, "left", "longer", "unknown"]
    return [(one, draw.choice(answers)) for one in world.silent()]


def _forget_one(world: World, draw: random.Random) -> None:
    with world.engines[0].begin() as connection:
        numbers = [row.id for row in list_patterns(connection)]
    try:
        with world.engines[0].begin() as connection:
            forget(connection, draw.choice(numbers), "ana", "", world.now)
    except PatternRefused:
        return


def _let_time_pass(world: World) -> None:
    """Nobody watches any more; only the gate looks, and channels send."""
    for _ in range(60):
        world.now += 61
        world.look()
        world.send()
        if {row.state for row in world.rows()} <= {"sent", "digested", "suppressed"}:
            break


def _check(row: Any, told_fits: set[int]) -> None:
    assert row.state in ("sent", "digested", "suppressed"), "nothing waits for ever"
    if row.kind == "firing" and row.state == "suppressed" and row.detail != "superseded":
        assert row.detail == f"harmless_pattern {row.pattern_id}"
        assert row.incident_id in told_fits, "silent for good only after a look at all of it"
        assert row.ends_at is not None
        assert row.pattern_left is None
        assert row.level != "critical"
    if row.state == "digested":
        assert row.held_reason != "harmless_pattern"
    if row.kind == "firing" and row.pattern_id is not None and row.state != "suppressed":
        assert row.pattern_left is not None, "told, since it was let through"


def _clear(world: World) -> None:
    with world.engines[0].begin() as connection:
        connection.execute(update(incidents).where(incidents.c.ends_at.is_(None)).values(ends_at=0))
        for row in list_patterns(connection):
            if row.forgotten_at is None:
                forget(connection, row.id, "test", "", row.created_at)
    world.now += DAY
