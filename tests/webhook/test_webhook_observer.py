"""What incidents were is asked of a real Prometheus: twice, in pieces, later where it is away."""

import math
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged, open_incident, say
from tests.webhook.knownprometheus import ALERT, KnownPrometheus
from tests.webhook.looking import OWN, Watch, gated
from tests.webhook.postgres import database_of
from webhook.adapters.database import Database
from webhook.adapters.schema import incidents, observations
from webhook.adapters.store import Store, open_store
from webhook.core.observation import Observation
from webhook.observer import MOST


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
def watch(store: Store, known: KnownPrometheus) -> Iterator[Watch]:
    made = Watch(store, ManualClock(known.at - 3600), known.url)
    yield made
    made.asking.close()


async def test_an_incident_is_looked_at_when_it_lasts_and_after_its_end(
    watch: Watch, known: KnownPrometheus
) -> None:
    incident = await open_incident(watch.store, known.at - 240, ALERT)
    ends = {"ends_at": None, "closed_at": None}
    await watch.store.write(lambda c: c.execute(update(incidents).values(ends)))
    await watch.look(known.at + 359)
    assert await watch.of(incident) is None

    await watch.look(known.at + 360)
    first = await watch.of(incident)
    assert first is not None
    # Five minutes before the instant that is known, and found out without what was added later.
    assert first.began_at == pytest.approx(known.at - 300, abs=15)
    assert (first.peak_score, first.threshold, first.series) == (0.97, 0.6, OWN)
    assert first.detectors == {"mad": 0.98, "zscore": 0.2}
    assert not first.is_complete
    await watch.look(known.at + 500)
    assert await watch.of(incident) == first

    ended = {"ends_at": known.at + 420, "closed_at": known.at + 421}
    await watch.store.write(lambda c: c.execute(update(incidents).values(ended)))
    await watch.look(known.at + 421 + 900)
    last = await watch.of(incident)
    assert last is not None
    assert last.is_complete
    assert (last.began_at, last.peak_score, last.series) == (first.began_at, 0.97, OWN)
    course = last.course
    assert course is not None
    assert course.start == pytest.approx(known.at - 300 - 1800, abs=30)
    assert course.step == 15.0
    # Half an hour before it, twelve minutes of it, a quarter of an hour after it.
    assert len(course.values) == pytest.approx(57 * 4, abs=2)
    began = round((known.at - 300 - course.start) / course.step)
    assert (course.values[began - 4], course.values[began]) == (0.31, 1.84)
    assert (course.expected[began], course.lower[began], course.upper[began]) == (0.31, 0.21, 0.47)
    assert course.scores[began] == 0.97
    await watch.look(known.at + 2 * 86_400)
    assert await watch.of(incident) == last
    # Prometheus has nothing of the last minutes.
    assert math.isnan(course.values[-1])
    assert "anomaly_webhook_observations_total 2.0" in watch.page()


async def test_one_that_lasts_is_complete_after_a_day(watch: Watch, known: KnownPrometheus) -> None:
    incident = await open_incident(watch.store, known.at - 240, ALERT)
    ends = {"ends_at": None, "closed_at": None}
    await watch.store.write(lambda c: c.execute(update(incidents).values(ends)))
    for at in (known.at + 3600, known.at - 240 + 86_400, known.at + 90_000):
        await watch.look(at)
    seen = await watch.of(incident)
    assert seen is not None
    assert seen.is_complete
    assert seen.observed_at == known.at - 240 + 86_400
    assert seen.course is not None
    # Still at most 240 points, so that a day is drawn coarsely.
    assert (seen.course.step, len(seen.course.values) <= 240) == (480.0, True)


async def test_what_prometheus_knows_nothing_of_is_not_asked_for_ever(
    watch: Watch, known: KnownPrometheus
) -> None:
    (incident,) = await judged(watch.store, "confirmed", 1, known.at, labels={"query": "gone"})
    forecast = {**ALERT, "alertname": "AnomalyBreachPredicted"}
    (other,) = await judged(watch.store, "confirmed", 1, known.at, labels=forecast)
    await watch.look(known.at + 400)
    await watch.look(known.at + 1300)
    await watch.look(known.at + 1400)
    assert await watch.of(incident) == Observation(incident, known.at + 1300, is_complete=True)
    # A forecast has no score that reached a threshold.
    assert await watch.of(other) is None


async def test_a_storm_is_looked_at_in_pieces_what_people_judged_first(
    store: Store, known: KnownPrometheus
) -> None:
    async with gated(store, known) as (watch, gate):
        (old,) = await judged(store, "false_alarm", 1, known.at - 290, labels=ALERT)
        storm = await judged(store, None, MOST + 20, known.at - 280, 0.1, ALERT)
        await watch.look(known.at + 100)

        # Ten to a request for the beginnings and one for the peaks, and the courses of the judged.
        assert len(gate.asked) <= 2 * 8 + 1
        seen = {row.incident_id: row for row in await rows(store, observations)}
        assert len(seen) == MOST
        assert seen[old].course is not None
        assert all(seen[number].peak_score == 0.97 for number in seen)
        assert min(set(seen) - {old}) == storm[21]
        assert {seen[number].course for number in set(seen) - {old}} == {None}
        assert "observations_behind 1.0" in watch.page()

        await watch.look(known.at + 130)
        assert len(await rows(store, observations)) == MOST + 21
        assert "observations_behind 0.0" in watch.page()
        # What somebody judges later gets its course after all.
        await say(store, storm[50], "confirmed", known.at + 140)
        await watch.look(known.at + 160)
        judged_later = await watch.of(storm[50])
        assert judged_later is not None
        assert judged_later.course is not None


@pytest.mark.parametrize("status", [502, 401])
async def test_a_prometheus_that_is_away_is_asked_later(
    store: Store, known: KnownPrometheus, status: int
) -> None:
    async with gated(store, known, status=status) as (watch, gate):
        incident = await open_incident(store, known.at - 240, ALERT)
        await watch.look(known.at + 100)
        assert await watch.of(incident) is None
        assert len(gate.asked) == 1
        assert 'observation_failures_total{reason="rejected"} 1.0' in watch.page()
        gate.status = 200
        await watch.look(known.at + 130)
        assert await watch.of(incident) is not None


async def test_one_question_that_is_refused_does_not_spoil_the_others(
    store: Store, known: KnownPrometheus
) -> None:
    async with gated(store, known, refuses="odd") as (watch, gate):
        numbers = await judged(store, None, 3, known.at - 240, 1, ALERT)
        numbers += await judged(store, None, 1, known.at - 240, 1, {**ALERT, "zone": "odd"})
        await watch.look(known.at + 100)
        peaks = [row.peak_score for row in await rows(store, observations)]
        assert sorted(peaks, key=str) == [0.97, 0.97, 0.97, None]
        assert len(gate.asked) < 20
    assert numbers


async def test_one_that_takes_too_long_lets_others_go_first(
    store: Store, known: KnownPrometheus
) -> None:
    async with gated(store, known, 2.0, hangs="odd") as (watch, gate):
        quick = await open_incident(store, known.at - 240, ALERT)
        slow = await open_incident(store, known.at - 900, {**ALERT, "zone": "odd"})
        await watch.look(known.at + 100)
        assert await watch.of(slow) is None
        assert 'observation_failures_total{reason="timeout"} 1.0' in watch.page()
        asked = len(gate.asked)
        await watch.look(known.at + 130)
        assert await watch.of(quick) is not None
        assert not any("odd" in each for each in gate.asked[asked:])
        gate.hangs = "\0"
        await watch.look(known.at + 701)
        assert await watch.of(slow) is not None


async def test_of_two_replicas_one_asks_until_it_falls_silent(
    known: KnownPrometheus, postgres_url: str
) -> None:
    database = database_of(postgres_url)
    with open_store(database) as one, open_store(database) as other:
        async with gated(one, known) as (first, asked), gated(other, known) as (second, also):
            await open_incident(one, known.at - 240, ALERT)
            await first.look(known.at + 100)
            await judged(one, None, 1, known.at - 200, labels=ALERT)
            await second.look(known.at + 130)
            assert (len(asked.asked) > 0, also.asked) == (True, [])
            await second.look(known.at + 221)
            assert also.asked


async def test_without_prometheus_nothing_is_looked_at(store: Store) -> None:
    watch = Watch(store, ManualClock(NOW - 3600), None)
    incident = await open_incident(store, NOW - 1000)
    await watch.look(NOW)
    assert await watch.of(incident) is None
    watch.asking.close()
