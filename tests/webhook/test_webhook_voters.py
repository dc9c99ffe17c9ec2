"""Many voters at once: one verdict for each incident, and thresholds by the book."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.reference.thresholds import Book
from tests.webhook.adapters.storing import rows
from tests.webhook.judging import judged
from tests.webhook.wholesite import WholeSite, whole_site
from webhook.adapters.database import Database
from webhook.adapters.schema import audit, feedback, thresholds
from webhook.adapters.store import Store, open_store
from webhook.core.thresholds import HIGHEST, LOWEST
from webhook.core.verdicts import VERDICTS

FEEDBACK = "/api/v1/feedback"
# Nothing that people confirmed, which would keep a threshold from being raised by itself.
WRONG = ("false_alarm",) * 8 + ("expected_change", "maintenance")


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


@pytest.fixture
async def site(store: Store) -> AsyncIterator[WholeSite]:
    async with whole_site(store) as started:
        yield started


async def vote(site: WholeSite, incident: int, verdict: str, voter: int) -> int:
    """Judge by a link or by the API, as either kind of voter does."""
    said = {"verdict": verdict, "author": f"voter {voter}"}
    if voter % 2:
        link = f"/feedback/{site.token('feedback', incident)}"
        answer = await site.client.post(link, data=said)
    else:
        answer = await site.client.post(FEEDBACK, json={"incident": incident, **said})
    return int(answer.status)


async def ratios(site: WholeSite) -> list[float]:
    return [row.ratio for row in await rows(site.store, thresholds)]


async def test_a_hundred_voters_who_disagree_are_one_verdict(site: WholeSite) -> None:
    (incident,) = await judged(site.store, None, 1)
    chosen = random.Random(16).choices(VERDICTS, k=100)

    statuses = await asyncio.gather(
        *(vote(site, incident, verdict, voter) for voter, verdict in enumerate(chosen))
    )

    assert set(statuses) == {200}
    (row,) = await rows(site.store, feedback)
    lines = [line for line in await rows(site.store, audit) if line.action == "verdict"]
    # Each change knows what it changed, so none was lost or overwritten unseen.
    told = [line.after["verdict"] for line in lines]
    assert [line.before and line.before["verdict"] for line in lines] == [None, *told[:-1]]
    assert row.verdict == told[-1]
    assert row.author == lines[-1].after["author"]


async def test_ten_incidents_judged_by_a_hundred_raise_a_threshold_once(site: WholeSite) -> None:
    incidents = await judged(site.store, None, 10)

    statuses = await asyncio.gather(
        *(vote(site, incidents[voter % 10], "false_alarm", voter) for voter in range(100))
    )
    await site.tuner.run()

    assert set(statuses) == {200}
    assert len(await rows(site.store, feedback)) == 10
    assert await ratios(site) == [1.1]
    raised = [line for line in await rows(site.store, audit) if line.action == "threshold_raised"]
    assert [sorted(line.after["incidents"]) for line in raised] == [incidents]


@pytest.mark.parametrize("seed", range(2))
async def test_thresholds_are_those_of_the_book(site: WholeSite, seed: int) -> None:
    chance, book = random.Random(seed), Book()
    incidents = await judged(site.store, None, 40)
    changes: list[int] = []
    for step in range(70):
        if changes and chance.random() < 0.04:
            undo = {"change": changes.pop()}
            answer = await site.client.post("/api/v1/thresholds/undo", json=undo)
            assert answer.status == 200, await answer.text()
            book.undo_last()
        else:
            incident, verdict = chance.choice(incidents), chance.choice(WRONG)
            assert await vote(site, incident, verdict, step) == 200
            book.judge(incident, verdict)
        known = await ratios(site)
        assert (known or [1.0]) == [book.ratio], step
        assert all(LOWEST <= ratio <= HIGHEST for ratio in known)
        changes = await raises(site)
    assert book.batches >= 2


async def raises(site: WholeSite) -> list[int]:
    """Return the changes that can be undone still, the newest last."""
    lines = await rows(site.store, audit)
    undone = {line.after["undoes"] for line in lines if line.action == "threshold_undone"}
    return [
        line.id for line in lines if line.action == "threshold_raised" and line.id not in undone
    ]


async def test_no_history_leaves_the_bounds(site: WholeSite) -> None:
    await judged(site.store, "false_alarm", 69)
    (last,) = await judged(site.store, None, 1)
    assert await vote(site, last, "false_alarm", 0) == 200
    for _ in range(7):
        await site.tuner.run()
    assert await ratios(site) == [HIGHEST]
    actions = [line.action for line in await rows(site.store, audit)]
    assert actions.count("threshold_raised") == 5
    assert actions.count("threshold_kept") == 2
