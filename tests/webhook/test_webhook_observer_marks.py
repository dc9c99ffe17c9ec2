"""What the scores were where an alert was missed: asked of a real Prometheus, mark by mark."""

from collections.abc import Iterator
from functools import partial

import pytest

from promkit.clock import ManualClock
from tests.webhook.adapters.storing import rows
from tests.webhook.judging import open_incident
from tests.webhook.knownprometheus import ALERT, NEIGHBOUR, KnownPrometheus
from tests.webhook.looking import OWN, Watch, gated
from webhook.adapters.database import Database
from webhook.adapters.missed import mark
from webhook.adapters.schema import missed
from webhook.adapters.store import Store, open_store
from webhook.core.missed import missed_of


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
def watch(store: Store, known: KnownPrometheus) -> Iterator[Watch]:
    made = Watch(store, ManualClock(known.at - 3600), known.url)
    yield made
    made.asking.close()


async def test_marks_get_their_peaks(watch: Watch, known: KnownPrometheus) -> None:
    async def put(labels: dict[str, str], query: str = "latency") -> int:
        span = (known.at - 600, known.at - 30)
        made = missed_of(query, labels, *span, now=known.at, author="ana", via="api")
        return await watch.store.write(lambda connection: mark(connection, made, known.at))

    neighbour = {name: value for name, value in NEIGHBOUR.items() if name != "query"}
    numbers = [await put(OWN), await put(neighbour), await put({}, "nobody")]
    await watch.look(known.at)

    found = {row.id: row for row in await rows(watch.store, missed)}
    own, quiet, unknown = (found[number] for number in numbers)
    assert (own.peak_score, own.threshold, own.detectors) == (
        0.97, 0.6, {"mad": 0.98, "zscore": 0.2},
    )  # fmt: skip
    assert (quiet.peak_score, quiet.threshold, quiet.detectors) == (0.0, 0.6, {})
    assert (unknown.peak_score, unknown.observed_at) == (None, known.at)


async def test_marks_wait_for_prometheus_as_well(store: Store, known: KnownPrometheus) -> None:
    made = missed_of("latency", OWN, known.at - 600, known.at - 30, now=known.at, via="api")
    async with gated(store, known, status=503) as (watch, gate):
        await store.write(lambda connection: mark(connection, made, known.at))
        await watch.look(known.at)
        await watch.look(known.at + 30)
        (row,) = await rows(store, missed)
        assert row.observed_at is None
        assert 'observation_failures_total{reason="rejected"} 2.0' in watch.page()
        gate.status = 200
        # A reload that names another address counts at once.
        watch.url = known.url
        await watch.look(known.at + 60)
        (row,) = await rows(store, missed)
        assert (row.observed_at, row.peak_score) == (known.at + 60, 0.97)


async def test_a_mark_that_prometheus_refuses_spoils_nothing(
    store: Store, known: KnownPrometheus
) -> None:
    async with gated(store, known, refuses="odd") as (watch, _):
        for labels, ago in (({"zone": "odd"}, 700), (OWN, 30)):
            span = (known.at - ago - 570, known.at - ago)
            made = missed_of("latency", labels, *span, now=known.at, via="api")
            await store.write(partial(mark, marked=made, now=known.at))
        incident = await open_incident(store, known.at - 240, ALERT)
        await watch.look(known.at + 100)

        marks = await rows(store, missed)
        assert [row.peak_score for row in marks] == [None, 0.97]
        assert [row.observed_at for row in marks] == [known.at + 100] * 2
        assert await watch.of(incident) is not None


async def test_a_mark_that_takes_too_long_lets_others_go_first(
    store: Store, known: KnownPrometheus
) -> None:
    async with gated(store, known, 2.0, hangs="odd") as (watch, gate):
        made = missed_of(
            "latency", {"zone": "odd"}, known.at - 600, known.at - 30, now=known.at, via="api"
        )
        await store.write(lambda connection: mark(connection, made, known.at))
        incident = await open_incident(store, known.at - 240, ALERT)
        await watch.look(known.at + 100)
        asked = len(gate.asked)
        await watch.look(known.at + 130)
        assert await watch.of(incident) is not None
        assert not any("odd" in each for each in gate.asked[asked:])
        gate.hangs = "\0"
        await watch.look(known.at + 701)
        (row,) = await rows(store, missed)
        assert row.observed_at == known.at + 701
