"""What Prometheus knew of an incident is kept, in place of what it knew before."""

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged, open_incident
from webhook.adapters.database import Database
from webhook.adapters.observations import observation_of, observed, put_observation
from webhook.adapters.store import Store, open_store
from webhook.core.observation import Observation, ObservedCourse

COURSE = ObservedCourse(
    NOW - 30, 15.0, (1.0, math.nan), (1.0, 1.0), (0.5,) * 2, (2.0,) * 2, (0,) * 2
)


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


async def put(store: Store, observation: Observation) -> None:
    await store.write(lambda connection: put_observation(connection, observation))


async def test_the_last_look_counts(store: Store) -> None:
    (number,) = await judged(store, "confirmed", 1)
    assert await store.read(lambda connection: observation_of(connection, number)) is None
    early = Observation(number, NOW + 600, NOW - 45, 0.8, 0.6, {"mad": 0.8})
    await put(store, early)
    kept = await store.read(lambda connection: observation_of(connection, number))
    assert kept == early

    late = replace(
        early, observed_at=NOW + 1200, series={"instance": "a"}, course=COURSE, peak_score=0.9
    )
    await put(store, late)
    ((past, verdict, seen),) = await store.read(lambda connection: observed(connection, "cpu", NOW))
    assert (past.id, past.opened_at, verdict) == (number, NOW, "confirmed")
    # Closed five minutes after it opened, so that fifteen minutes after that nothing is left.
    assert replace(seen, course=None) == replace(late, course=None, is_complete=True)
    assert seen.course is not None
    assert seen.course.as_json() == COURSE.as_json()
    assert math.isnan(seen.course.values[1])
    ((_, _, bare),) = await store.read(lambda c: observed(c, "cpu", NOW, has_courses=False))
    assert bare == replace(seen, course=None)


async def test_those_asked_for_alone(store: Store) -> None:
    first = await open_incident(store, NOW - 1000)
    second = await open_incident(store, NOW, {"query": "disk"})
    await open_incident(store, NOW)
    for number in (first, second):
        await put(store, Observation(number, NOW))

    def numbers(query: str | None, since: float) -> list[int]:
        return store.read_here(lambda c: [past.id for past, _, _ in observed(c, query, since)])

    assert numbers(None, 0.0) == [second, first]
    assert numbers("cpu", 0.0) == [first]
    assert numbers(None, NOW) == [second]


def test_a_course_keeps_six_digits_and_no_infinity() -> None:
    course = replace(COURSE, values=(123456.789, math.inf))
    assert course.as_json()["values"] == [123457.0, None]
