"""Whatever happens in whatever order: what is silent is told, or was seen to fit to its end."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from tests.webhook.adapters.silentworld import RULES, World, silent_world
from tests.webhook.patterned import DAY
from webhook.adapters.database import Database
from webhook.adapters.patterns import PatternRefused, forget, list_patterns
from webhook.adapters.schema import incidents
from webhook.adapters.silencing import (
    Silent,
)
from webhook.core.patterns import Left
from webhook.core.throttle import Total


@pytest.fixture
def world(any_database: Database) -> Iterator[World]:
    with silent_world(any_database) as built:
        yield built


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
