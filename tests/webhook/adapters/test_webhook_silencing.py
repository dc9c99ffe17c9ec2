"""What goes as a harmless pattern is silent for as long as somebody sees that it does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.webhook.adapters.silentworld import RULES, World, silent_world
from tests.webhook.patterned import DAY, SILENCING
from webhook.adapters.database import Database
from webhook.adapters.feedback import judge
from webhook.adapters.gate import look
from webhook.adapters.patterns import forget, list_patterns
from webhook.adapters.silencing import (
    Settled,
    patterns_of,
)
from webhook.core.patterns import Left
from webhook.core.quiet import DAYS, QuietHours
from webhook.core.throttle import LEASE_SECONDS
from webhook.core.verdicts import Judgement


@pytest.fixture
def world(any_database: Database) -> Iterator[World]:
    with silent_world(any_database) as built:
        yield built


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
