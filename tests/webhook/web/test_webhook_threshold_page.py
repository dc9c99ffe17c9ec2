"""The page of thresholds, weights and patterns: what it shows, and what its buttons do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from tests.webhook.adapters.storing import rows
from tests.webhook.deliveries import NOW
from tests.webhook.judging import LABELS, SERIES, judged
from tests.webhook.web.forms import press, press_only
from tests.webhook.web.site import Site, running
from webhook.adapters.schema import patterns, thresholds, weights
from webhook.adapters.store import Store
from webhook.adapters.thresholds import Change, apply, set_ratio
from webhook.adapters.weights import WeightChange, apply_weights
from webhook.core.thresholds import Replay

PAGE = "/thresholds"
PATTERN: dict[str, Any] = {
    "query": "cpu", "labels": SERIES, "labels_key": "{}", "minute": 185.0, "timezone": "UTC",
    "step": 60.0, "lower": [0], "upper": [1], "incidents": [4, 5, 6], "created_at": NOW,
    "expires_at": NOW + 30 * 86_400,
}  # fmt: skip


@pytest.fixture
async def learned(store: Store) -> AsyncIterator[Site]:
    """A site where one of everything was changed or proposed."""

    def write(connection: Connection) -> None:
        set_ratio(connection, "cpu", {}, 1.1, "ana", "<b>noisy</b>", NOW)
        replay = Replay(12, gone=(1, 2), lost=(2,))
        proposal = Change(
            "cpu", SERIES, SERIES, 1.1, "false_alarms", "tuning", "it would lose one", (90,),
            replay, is_applied=False,
        )  # fmt: skip
        apply(connection, proposal, NOW)
        ratios = {"mad": 1.1, "zscore": 0.9}
        apply_weights(connection, WeightChange("disk", ratios, "weekly", "tuning", "why"), NOW)
        shy = WeightChange("cpu", {"mad": 1.1}, "weekly", "tuning", "why", is_applied=False)
        apply_weights(connection, shy, NOW)
        connection.execute(insert(patterns), PATTERN)

    await store.write(write)
    await judged(store, "false_alarm", 7)
    async with running(store) as site:
        yield site


async def text(site: Site, path: str = PAGE) -> str:
    answer = await site.client.get(path)
    assert answer.status == 200, await answer.text()
    found: str = await answer.text()
    return found


async def ratios(site: Site) -> dict[str, float]:
    found = await rows(site.store, thresholds)
    return {f"{row.query} {len(row.labels)}": row.ratio for row in found}


async def test_everything_that_was_learned_is_shown(learned: Site) -> None:
    page = await text(learned)
    assert "the thresholds themselves are not known: no Prometheus is configured" in page
    assert "7 of 10 false alarms: cpu instance=a severity=gold" in page
    assert "<strong>disk</strong>: mad 1.1, zscore 0.9" in page
    assert "from about 03:05 (UTC), made of" in page
    assert "&lt;b&gt;noisy&lt;/b&gt;" in page
    assert "<b>noisy" not in page
    assert "ratio 1 → 1.1" in page
    assert "weights mad 1 → 1.1, zscore 1 → 0.9" in page
    assert '<a href="incidents/2">2</a> (confirmed)' in page
    assert page.count('name="undo"') == 2
    assert page.count('name="make"') == 2


async def test_a_query_has_its_own_page(learned: Site) -> None:
    disk = await text(learned, f"{PAGE}?query=disk")
    assert "Change 3" in disk
    assert "Change 1<" not in disk
    assert "No pattern of disk is in force." in disk
    assert "No threshold of disk was ever moved." in disk
    assert "<option selected>disk</option>" in disk
    other = await text(learned, f"{PAGE}?query=nothing")
    assert "Nothing yet." in other


async def test_the_history_has_pages(learned: Site) -> None:
    def write(connection: Connection) -> None:
        for i in range(60):
            set_ratio(connection, "many", {}, 1.1 if i % 2 else 1.2, "ana", "", NOW)

    await learned.store.write(write)
    first = await text(learned, f"{PAGE}?query=many")
    assert 'href="thresholds?query=many&amp;before=15#history">Older ones' in first
    second = await text(learned, f"{PAGE}?query=many&before=15")
    assert "Change 14<" in second
    assert "Older ones" not in second


async def test_undo_takes_back_thresholds_and_weights_once(learned: Site) -> None:
    pressed = await press_only(learned.client, PAGE, PAGE, undo="1", reason="too deaf", query="cpu")
    assert pressed.status == 303
    after = pressed.headers["Location"]
    assert after.startswith("thresholds?query=cpu&said=")
    page = await text(learned, f"/{after}")
    assert "Done: the threshold is lowered by" in page
    assert "change 1 was undone: too deaf" in page
    assert "Undone since then." in page
    assert (await ratios(learned))["cpu 0"] == 1.0
    # Loading that page again presses nothing.
    await text(learned, f"/{after}")

    again = await press(learned.client, PAGE, PAGE, undo="1")
    assert again.status == 409
    assert "Change 1 was undone already" in await again.text()
    await press(learned.client, PAGE, PAGE, undo="3")
    assert {row.ratio for row in await rows(learned.store, weights)} == {1.0}


async def test_a_proposal_can_be_made_while_nothing_else_has_changed(learned: Site) -> None:
    done = await press(learned.client, PAGE, PAGE, make="2", reason="we know that one")
    assert "Done: the threshold is raised by 10 %" in await done.text()
    assert "proposal 2 was made: we know that one" in await done.text()
    assert (await ratios(learned))["cpu 2"] == 1.1
    again = await press(learned.client, PAGE, PAGE, make="2")
    assert again.status == 409
    assert "Proposal 2 is out of date" in await again.text()

    await press(learned.client, PAGE, PAGE, make="4")
    assert [row.detector for row in await rows(learned.store, weights)] == ["mad", "zscore", "mad"]
    page = await text(learned)
    assert 'name="make"' not in page
    assert page.count("Proposed only; changed otherwise since then.") == 2
    none = await press(learned.client, PAGE, PAGE, make="1")
    assert none.status == 409
    assert "There is no proposal 1" in await none.text()


async def test_a_pattern_can_be_forgotten(learned: Site) -> None:
    done = await press(learned.client, PAGE, PAGE, forget="1", reason="not harmless")
    page = await done.text()
    assert "Done: pattern 1 is forgotten" in page
    assert "No pattern is in force." in page
    assert "Pattern 1 was forgotten: not harmless" in page
    assert learned.wakes
    again = await press(learned.client, PAGE, PAGE, forget="1")
    assert again.status == 409


async def test_what_is_no_button_changes_nothing(learned: Site) -> None:
    before = await ratios(learned)
    for fields in ({}, {"undo": ""}, {"undo": "x"}, {"make": "²"}, {"forget": "9" * 30}):
        answer = await press(learned.client, PAGE, PAGE, **fields)
        assert answer.status == 400, fields
    foreign = await learned.client.post(PAGE, data={"undo": "1"})
    assert foreign.status == 403
    assert await ratios(learned) == before


async def test_a_page_of_nothing_says_so(site: Site) -> None:
    page = await text(site)
    for words in ("No threshold was ever moved.", "No series has a false alarm", "Nothing yet."):
        assert words in page
    assert "<select" not in page


async def test_it_says_when_verdicts_move_nothing(store: Store) -> None:
    await judged(store, "false_alarm", 1, labels=LABELS)
    async with running(store, yaml="tuning: {enabled: false}") as site:
        assert "verdicts move nothing here now" in await text(site)
