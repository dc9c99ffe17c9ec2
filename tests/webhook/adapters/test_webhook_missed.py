"""Marks where an alert should have come: kept, counted once, published, taken back."""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.webhook.adapters.storing import DAY, rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged, open_incident, say
from webhook.adapters.missed import MissedRefused, list_missed, mark, marked_since, withdraw
from webhook.adapters.schema import audit, missed
from webhook.adapters.store import Store
from webhook.adapters.verdictmetrics import VerdictMetrics
from webhook.core.missed import Missed

SERIES = {"instance": "a", "verdict": "x", "severity": "gold"}
MARK = Missed("cpu", SERIES, NOW - 3600, NOW - 1800, "disk full", "ana", "api")


async def put(store: Store, made: Missed = MARK, now: float = NOW) -> int:
    return await store.write(lambda connection: mark(connection, made, now))


async def refused(store: Store, made: Missed) -> tuple[str, ...]:
    with pytest.raises(MissedRefused, match="would count twice") as error:
        await put(store, made)
    return error.value.overlaps


async def test_a_mark_is_kept_with_its_line_of_the_audit(store: Store) -> None:
    number = await put(store)
    (row,) = await store.read(lambda connection: list_missed(connection, 10))
    (line,) = await rows(store, audit)

    assert (row.id, row.query, row.labels, row.starts_at, row.ends_at) == (
        number, "cpu", SERIES, NOW - 3600, NOW - 1800,
    )  # fmt: skip
    assert (row.reason, row.author, row.via, row.created_at) == ("disk full", "ana", "api", NOW)
    assert (row.withdrawn_at, row.peak_score, row.detectors) == (None, None, None)
    assert (line.action, line.actor, line.subject) == ("missed_marked", "ana", f"missed-{number}")
    assert (line.before, line.after["labels"], line.detail) == (None, SERIES, "disk full")


async def test_marks_of_one_time_of_one_series_count_once(store: Store) -> None:
    first = await put(store)
    inside = replace(MARK, start=NOW - 2000, end=NOW)
    whole = replace(MARK, labels={}, start=NOW - 4000, end=NOW - 3500)
    assert await refused(store, inside) == (f"missed-{first}",)
    assert await refused(store, whole) == (f"missed-{first}",)
    await put(store, replace(inside, labels={"instance": "b"}))
    await put(store, replace(inside, query="disk"))
    await put(store, replace(MARK, start=MARK.end, end=NOW))  # one ends where the other begins
    await store.write(lambda connection: withdraw(connection, first, "ana", NOW))
    again = await put(store, replace(inside, end=NOW - 1800))
    assert len(await rows(store, missed)) == 5
    assert again == 5


async def test_what_people_confirmed_was_not_missed(store: Store) -> None:
    (confirmed,) = await judged(store, "confirmed", 1, at=NOW - 2100)
    (wrong,) = await judged(store, "false_alarm", 1, at=NOW - 3600)
    assert await refused(store, MARK) == (f"incident {confirmed}",)
    other = replace(MARK, labels={"instance": "b"})
    await put(store, other)
    await say(store, wrong, "confirmed")
    assert await refused(store, MARK) == (f"incident {confirmed}", f"incident {wrong}")
    await put(store, replace(MARK, start=NOW - 1800, end=NOW - 1700))
    unjudged = await open_incident(store, NOW - 1000)
    made = await put(store, replace(MARK, start=NOW - 1000, end=NOW - 900))
    assert unjudged
    assert made == 3


async def test_a_mark_is_taken_back_once(store: Store) -> None:
    number = await put(store)
    row = await store.write(
        lambda connection: withdraw(connection, number, "bo\nb", NOW + 5, "by mistake")
    )
    assert (row.query, row.withdrawn_at) == ("cpu", None)
    with pytest.raises(MissedRefused, match="was taken back at 20"):
        await store.write(lambda connection: withdraw(connection, number, "bob", NOW))
    with pytest.raises(MissedRefused, match="there is no mark 99"):
        await store.write(lambda connection: withdraw(connection, 99, "bob", NOW))
    lines = await rows(store, audit)
    assert [(line.action, line.actor, line.detail) for line in lines] == [
        ("missed_marked", "ana", "disk full"),
        ("missed_withdrawn", "bo b", "by mistake"),
    ]
    assert lines[1].before["starts_at"] == NOW - 3600
    assert lines[1].after is None


async def test_lists_are_newest_first(store: Store) -> None:
    for i in range(4):
        await put(store, replace(MARK, query="cpu" if i % 2 else "disk", labels={"n": str(i)}))

    async def listed(*given: Any) -> list[int]:
        return [
            row.id for row in await store.read(lambda connection: list_missed(connection, *given))
        ]

    assert await listed(3) == [4, 3, 2]
    assert await listed(3, "disk") == [3, 1]
    assert await listed(3, None, 3) == [2, 1]


async def test_prometheus_hears_of_marks_that_count(store: Store) -> None:
    registry = CollectorRegistry()
    VerdictMetrics(
        registry,
        tuple,
        lambda: store.read_here(lambda connection: marked_since(connection, NOW - DAY)),
    )
    number = await put(store)
    await put(store, replace(MARK, query="disk"), now=NOW - 2 * DAY)
    labels = {
        **{"instance": "a", "severity": "gold", "exported_verdict": "x"},
        **{"query": "cpu", "verdict": "missed", "incident": f"missed-{number}"},
    }

    def told(name: str) -> list[Any]:
        wanted = f"anomaly_verdict_{name}_timestamp_seconds"
        families = [family for family in registry.collect() if family.name == wanted]
        return [(sample.labels, sample.value) for sample in families[0].samples]

    assert told("start") == [(labels, NOW - 3600)]
    assert told("end") == [(labels, NOW - 1800)]
    await store.write(lambda connection: withdraw(connection, number, "ana", NOW))
    assert told("start") == told("end") == []
