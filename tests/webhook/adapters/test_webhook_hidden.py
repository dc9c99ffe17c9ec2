"""A mark takes the raises back that hid it: once, only as far as it has to, whatever it names."""

from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, update

from tests.webhook.adapters.storing import DAY, rows
from tests.webhook.deliveries import NOW
from webhook.adapters.factstore import get_fact
from webhook.adapters.hidden import has_news, take_back
from webhook.adapters.missed import mark, withdraw
from webhook.adapters.schema import audit, missed, thresholds
from webhook.adapters.store import Store
from webhook.adapters.thresholds import Labels, set_ratio, undo
from webhook.core.missed import Missed

SERIES = {"instance": "a", "mode": "user"}


async def put(store: Store, labels: Labels = SERIES, start: float = NOW, query: str = "cpu") -> int:
    """Mark half an hour."""
    made = Missed(query, labels, start, start + 1800, "", "ana", "api")
    return await store.write(lambda connection: mark(connection, made, start + 3600))


async def observed(
    store: Store, number: int, peak: float | None, threshold: float | None = 0.726
) -> None:
    values = {"observed_at": NOW + 3700, "peak_score": peak, "threshold": threshold}
    await store.write(
        lambda c: c.execute(update(missed).where(missed.c.id == number).values(values))
    )


async def raised(
    store: Store, ratio: float, labels: Labels = SERIES, at: float = NOW - 3600
) -> None:
    await store.write(lambda c: set_ratio(c, "cpu", labels, ratio, "ben", "", at))


async def taken(store: Store) -> list[str]:
    """Return in words what was changed."""

    def write(connection: Connection) -> list[str]:
        return [each.words for each in take_back(connection, "tuning", NOW + 4000)]

    is_new = await store.read(has_news)
    words = await store.write(write)
    assert is_new or not words
    return words


async def ratios(store: Store) -> dict[str, float]:
    return {row.labels_key: row.ratio for row in await rows(store, thresholds)}


async def changes(store: Store) -> list[Any]:
    found = await rows(store, audit)
    return [row for row in found if row.action.startswith("threshold_")]


OWN, WHOLE = '{"instance":"a","mode":"user"}', "{}"


async def test_a_mark_takes_back_what_hid_it_once(store: Store) -> None:
    await raised(store, 1.1)
    await raised(store, 1.1, {})
    number = await put(store)
    assert await taken(store) == []
    assert await store.read(lambda c: get_fact(c, "thresholds_missed")) is None
    await observed(store, number, 0.65)
    own, whole = await taken(store)

    assert own == (
        "the threshold is lowered by 9.09 %, to what is configured: missed-1 ended "
        "2027-01-15T08:30:00.000Z, its score reached 0.65 where the threshold was 0.726"
    )
    assert "to 1.08225 times what is configured: missed-1" in whole
    assert await ratios(store) == {OWN: 1.0, WHOLE: 1.08225}
    *_, first, last = await changes(store)
    assert (first.action, first.actor, first.after["reason"], first.after["missed"]) == (
        "threshold_lowered", "tuning", "missed", number,
    )  # fmt: skip
    assert await taken(store) == []
    # Somebody knows better, and the mark does not come back; nor does withdrawing it raise.
    for change in (first.id, last.id):
        await store.write(partial(undo, number=change, actor="ben", why="", now=NOW))
    assert await taken(store) == []
    assert await ratios(store) == {OWN: 1.1, WHOLE: 1.1}


async def test_what_was_raised_since_then_comes_down_as_well(store: Store) -> None:
    await raised(store, 1.1)
    number = await put(store)
    await raised(store, 1.331, at=NOW + 2000)
    await observed(store, number, 0.63, 0.66)
    (words,) = await taken(store)
    assert "to 1.04895 times what is configured" in words


@pytest.mark.parametrize(
    ("peak", "threshold"), [(0.726, 0.726), (0.9, 0.726), (None, 0.726), (0.65, None)]
)
async def test_what_alerted_or_nobody_knows_changes_nothing(
    store: Store, peak: float | None, threshold: float | None
) -> None:
    await raised(store, 1.21)
    await observed(store, await put(store), peak, threshold)
    assert await taken(store) == []
    assert not await store.read(has_news)
    assert len(await changes(store)) == 1


@pytest.mark.parametrize(("own", "whole"), [(1.21, 1.0), (1.0, 1.21), (1.1, 1.1)])
async def test_what_is_configured_may_hide_it_as_well(
    store: Store, own: float, whole: float
) -> None:
    for labels, ratio in ((SERIES, own), ({}, whole)):
        if ratio > 1.0:
            await raised(store, ratio, labels)
    before = await rows(store, thresholds)
    await observed(store, await put(store), 0.4)
    (words,) = await taken(store)
    assert words.startswith("the threshold stays: missed-1 ended")
    assert words.endswith("weights or another detector may help")
    *_, kept = await changes(store)
    assert (kept.action, kept.after["reason"]) == ("threshold_kept", "missed")
    assert await rows(store, thresholds) == before


async def test_nothing_is_said_where_nothing_is_raised(store: Store) -> None:
    await raised(store, 0.9)
    await observed(store, await put(store), 0.5, 0.54)
    await observed(store, await put(store, query="disk"), 0.5, 0.6)
    assert await taken(store) == []
    assert await ratios(store) == {OWN: 0.9}


@pytest.mark.parametrize(
    ("labels", "lowered"),
    [
        (SERIES, {OWN}),
        ({**SERIES, "job": "anomaly-exporter"}, {OWN}),
        ({**SERIES, "zone": "x"}, {OWN}),
        ({"instance": "a"}, {OWN}),
        ({"mode": "user"}, {OWN, '{"instance":"b","mode":"user"}'}),
        ({}, {OWN, '{"instance":"b","mode":"user"}', '{"instance":"c"}'}),
        ({"instance": "a", "mode": "idle"}, set()),
        ({"zone": "x"}, set()),
    ],
)
async def test_which_series_it_is_about(store: Store, labels: Labels, lowered: set[str]) -> None:
    for series in (SERIES, {"instance": "b", "mode": "user"}, {"instance": "c"}):
        await raised(store, 1.21, series)
    await observed(store, await put(store, labels), 0.65)
    await taken(store)
    assert {key for key, ratio in (await ratios(store)).items() if ratio < 1.21} == lowered


async def test_whichever_series_it_was_it_would_alert(store: Store) -> None:
    await raised(store, 1.1)
    await raised(store, 1.21, {})
    # Of the series with a ratio, or of one without: then 0.6 is what is configured.
    await observed(store, await put(store, {}), 0.65)
    await taken(store)
    now = await ratios(store)
    assert now[OWN] == 1.0
    assert 0.6 * now[WHOLE] <= 0.65
    assert now[WHOLE] == pytest.approx(0.65 / 0.6, abs=0.002)


async def test_a_query_without_ratios_of_series(store: Store) -> None:
    await raised(store, 1.21, {})
    await observed(store, await put(store), 0.65)
    await taken(store)
    assert await ratios(store) == {WHOLE: 1.08225}


async def test_marks_wait_for_no_other(store: Store) -> None:
    await raised(store, 1.21)
    first, second, third = [await put(store, start=NOW + i * 3600) for i in range(3)]
    await observed(store, second, 0.7)
    await store.write(lambda c: withdraw(c, third, "ana", NOW))
    assert len(await taken(store)) == 1
    fact = await store.read(lambda c: get_fact(c, "thresholds_missed"))
    assert fact == {"highest": second, "overtaken": [first]}
    await observed(store, third, 0.61)
    assert await taken(store) == []

    await observed(store, first, 0.65)
    assert len(await taken(store)) == 1
    assert await ratios(store) == {OWN: 1.08225}
    fact = await store.read(lambda c: get_fact(c, "thresholds_missed"))
    assert fact == {"highest": second, "overtaken": []}


async def test_many_marks_are_taken_a_few_at_a_time(store: Store) -> None:
    await raised(store, 1.21, at=NOW - 7 * DAY)
    for i in range(60):
        peak = 0.65 if i in (49, 59) else None
        await observed(store, await put(store, start=NOW + (i - 60) * 3600), peak)
    assert len(await taken(store)) == 1
    assert await store.read(has_news)
    assert await taken(store) == []
    assert not await store.read(has_news)
