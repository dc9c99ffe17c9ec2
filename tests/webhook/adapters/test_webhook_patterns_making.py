"""Three nights that people called harmless make a pattern, unless something real fits it."""

from typing import Any

import pytest

from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES, judged, say
from tests.webhook.patterned import DAY, TERMS, course_at, listed, night, nights, put_pattern, see
from webhook.adapters.missed import mark, withdraw
from webhook.adapters.patternmaking import Decided, make
from webhook.adapters.patternpast import ripe
from webhook.adapters.patterns import (
    PatternRefused,
    count_patterns,
    forget,
    list_patterns,
    review,
    state_of,
)
from webhook.adapters.schema import audit, patterns
from webhook.adapters.store import Store
from webhook.core.missed import missed_of
from webhook.core.patterns import HARMLESS

LATER = NOW + 3600


async def made(store: Store, now: float = LATER) -> list[Decided]:
    """What one look for patterns decides."""

    def write(connection: Any) -> list[Decided]:
        found = (make(connection, place, TERMS, now) for place in ripe(connection, TERMS, now))
        return [decided for decided in found if decided is not None]

    return await store.write(write)


async def said(store: Store) -> list[Any]:
    return [row for row in await rows(store, audit) if row.action.startswith("pattern_")]


async def test_three_nights_make_a_pattern(store: Store) -> None:
    (other,) = await nights(store, None, 5, height=-50)
    numbers = [
        *await nights(store, "false_alarm", 3, 2),
        *await nights(store, "expected_change", 1, height=11),
    ]
    silent = await nights(store, None, 4)
    (decided,) = await made(store)

    (row,) = await store.read(list_patterns)
    assert (row.id, row.query, row.labels, row.incidents) == (1, "cpu", SERIES, numbers)
    assert (row.timezone, row.expires_at, state_of(row, LATER)) == (
        "UTC", LATER + 30 * DAY, "active",
    )  # fmt: skip
    (line,) = await said(store)
    assert (line.action, line.actor, line.subject) == ("pattern_made", "patterns", "cpu")
    assert line.after["replay"] == {"alarms": 5, "silenced": sorted([*numbers, *silent])}
    assert other not in line.after["replay"]["silenced"]
    assert line.detail == decided.words
    assert f"incidents {listed(numbers)} went the same way at" in decided.words
    assert "of 5 alarms in 14 days pattern 1 would have silenced 4" in decided.words
    # The same verdicts make no second one.
    assert await made(store) == []


@pytest.mark.parametrize("what", ["two", "old", "another hour", "another height", "another series"])
async def test_what_makes_none(store: Store, what: str) -> None:
    await nights(store, "false_alarm", 3, 2)
    match what:
        case "old":
            await nights(store, "false_alarm", 31)
        case "another hour":
            await night(store, "false_alarm", NOW - DAY - 1900)
        case "another height":
            await nights(store, "false_alarm", 1, height=30)
        case "another series":
            await night(store, "false_alarm", NOW - DAY, labels={"instance": "b"})
    assert await made(store) == []
    assert await said(store) == []


async def test_what_nobody_has_seen_yet_waits(store: Store) -> None:
    await nights(store, "false_alarm", 3, 2)
    (last,) = await judged(store, "false_alarm", 1, NOW - DAY)
    assert await made(store) == []
    await see(store, last, NOW - DAY, course_at(NOW - DAY - 60))
    assert len(await made(store)) == 1


@pytest.mark.parametrize("days", [20, 80])
@pytest.mark.parametrize("course", [True, False], ids=["fits", "unknown"])
async def test_nothing_real_fits(store: Store, days: int, course: bool) -> None:
    numbers = await nights(store, "false_alarm", 3, 2, 1)
    real = await night(store, "confirmed", NOW - days * DAY, course=course)
    (decided,) = await made(store)

    assert decided.pattern is None
    how = "goes that way, too" if course else "may go that way, too"
    assert f"no pattern was made: incident {real}, which was confirmed, {how}" in decided.words
    (line,) = await said(store)
    assert (line.action, line.after["incidents"]) == ("pattern_refused", sorted(numbers)[::-1])
    assert await rows(store, patterns) == []
    # Once is enough.
    assert await made(store) == []
    assert len(await said(store)) == 1


async def test_what_is_real_and_goes_another_way_hinders_nothing(store: Store) -> None:
    await nights(store, "false_alarm", 3, 2, 1)
    await nights(store, "confirmed", 20, height=40)
    await night(store, "confirmed", NOW - 21 * DAY - 7200)
    (decided,) = await made(store)
    assert decided.pattern == 1


async def test_a_missed_alert_at_that_hour_hinders_until_it_is_taken_back(store: Store) -> None:
    await nights(store, "false_alarm", 3, 2, 1)
    start = NOW - 9 * DAY - 4000
    marked = missed_of("cpu", {}, start, start + 3600, now=NOW, via="api")
    number = await store.write(lambda connection: mark(connection, marked, NOW))
    (decided,) = await made(store)
    assert decided.pattern is None
    assert f"an alert was missed at its hour (missed-{number})" in decided.words

    await store.write(lambda connection: withdraw(connection, number, "ana", NOW))
    (decided,) = await made(store)
    assert decided.pattern == 1


async def test_an_expired_one_is_made_again_from_new_verdicts_alone(store: Store) -> None:
    await nights(store, "false_alarm", 3, 2, 1)
    assert len(await made(store)) == 1
    later = NOW + 31 * DAY
    # What was silent meanwhile got no verdict; two new ones are not enough.
    await nights(store, None, 20, 10, at=later)
    await nights(store, "false_alarm", 2, 1, at=later)
    assert await made(store, later + 3600) == []
    await nights(store, "false_alarm", 3, at=later)
    (decided,) = await made(store, later + 3600)
    assert decided.pattern == 2
    found = await store.read(list_patterns)
    assert [state_of(row, later + 3600) for row in found] == ["active", "expired"]
    counts = await store.read(lambda connection: count_patterns(connection, later + 3600))
    assert counts == {"active": 1, "expired": 1, "forgotten": 0}


async def test_a_pattern_of_that_hour_is_there_already(store: Store) -> None:
    await store.write(lambda connection: put_pattern(connection, NOW - 1200, NOW - DAY))
    await nights(store, "false_alarm", 3, 2, 1)
    assert await made(store) == []


async def test_what_somebody_takes_back_is_over_and_does_not_come_back(store: Store) -> None:
    await nights(store, "false_alarm", 3, 2, 1)
    await made(store)
    row = await store.write(lambda c: forget(c, 1, "ana", "the backup\nhas moved", LATER + 5))
    assert row.id == 1

    (kept,) = await store.read(list_patterns)
    assert (kept.forgotten_at, state_of(kept, LATER + 6)) == (LATER + 5, "forgotten")
    line = (await said(store))[-1]
    assert (line.action, line.actor) == ("pattern_forgotten", "ana")
    assert line.detail == "pattern 1 was forgotten: the backup has moved"
    assert await made(store, LATER + 60) == []


@pytest.mark.parametrize(
    ("number", "at", "why"),
    [(7, LATER, "no pattern 7"), (1, LATER + 31 * DAY, "expired at"), (2, LATER, "was forgotten")],
)
async def test_what_cannot_be_taken_back(store: Store, number: int, at: float, why: str) -> None:
    await store.write(lambda connection: put_pattern(connection, NOW, LATER))
    await store.write(lambda c: put_pattern(c, NOW, LATER, forgotten_at=LATER + 1))
    with pytest.raises(PatternRefused, match=why):
        await store.write(lambda connection: forget(connection, number, "ana", "", at))


async def active(store: Store) -> list[int]:
    rows_ = await store.read(list_patterns)
    return [row.id for row in rows_ if state_of(row, LATER) == "active"]


@pytest.mark.parametrize(
    ("height", "hours", "course", "is_over"),
    [
        (10.0, 0.0, True, True),
        (10.0, 0.0, False, True),
        (40.0, 0.0, True, False),
        (10.0, 2.0, True, False),
    ],
    ids=["fits", "unknown", "another way", "another hour"],
)
async def test_a_confirmed_incident_that_fits_ends_it_at_once(
    store: Store, height: float, hours: float, course: bool, is_over: bool
) -> None:
    await nights(store, "false_alarm", 3, 2, 1)
    await made(store)
    at = NOW + hours * 3600
    number = await night(store, None, at, height=height, course=course)
    await say(store, number, "confirmed", LATER)

    assert await active(store) == ([] if is_over else [1])
    if is_over:
        line = (await said(store))[-1]
        assert (line.action, line.actor) == ("pattern_forgotten", "ana")
        assert f"incident {number} was confirmed" in line.detail


async def test_verdicts_that_change_and_marks_end_it(store: Store) -> None:
    numbers = await nights(store, "false_alarm", 4, 3, 2, 1)
    await made(store)
    await say(store, numbers[0], "maintenance", LATER)
    assert await store.write(lambda connection: review(connection, LATER)) == []
    await say(store, numbers[1], "maintenance", LATER)
    assert await store.write(lambda connection: review(connection, LATER)) == [1]
    assert "called something else now" in (await said(store))[-1].detail

    await store.write(lambda c: put_pattern(c, NOW, NOW - DAY, incidents=[71, 72, 73]))
    assert await store.write(lambda connection: review(connection, LATER)) == []
    marked = missed_of("cpu", SERIES, NOW - 60, NOW + 60, now=LATER, via="api")
    await store.write(lambda connection: mark(connection, marked, LATER))
    assert await store.write(lambda connection: review(connection, LATER)) == [2]
    assert await active(store) == []


def test_what_counts_as_harmless() -> None:
    assert set(HARMLESS) == {"false_alarm", "expected_change"}
