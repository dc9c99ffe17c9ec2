"""What people said becomes numbers, on the metrics page and for programs; nothing is made up."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import text

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged
from webhook.adapters.database import Database
from webhook.adapters.missed import mark, withdraw
from webhook.adapters.observations import put_observation
from webhook.adapters.store import Store, open_store
from webhook.config import WebhookConfig
from webhook.core.missed import missed_of
from webhook.core.observation import Observation
from webhook.core.quality import DAY
from webhook.quality import QualityLoop
from webhook.web.quality import Grades, add_quality


@pytest.fixture
def store(any_database: Database) -> Iterator[Store]:
    with open_store(any_database) as opened:
        yield opened


class Measuring:
    """The loop, its metrics page, and the API."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.registry = CollectorRegistry()
        self.loop = QualityLoop(store, ManualClock(NOW), self.registry, WebhookConfig)

    async def page(self) -> dict[str, float]:
        await self.loop.run()
        lines = generate_latest(self.registry).decode().splitlines()
        samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name.removeprefix("anomaly_quality_"): float(value) for name, value in samples}

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Any]:
        app = web.Application()
        add_quality(app, Grades(self.loop.latest, self.loop.degradations))
        async with TestClient(TestServer(app)) as client:

            async def ask(path: str) -> Any:
                answer = await client.get(f"/api/v1/quality{path}")
                return await answer.json()

            yield ask

    async def see(self, numbers: list[int], opened_at: float, peak: float, **votes: float) -> None:
        for number in numbers:
            seen = Observation(number, NOW, opened_at - 30, peak, 0.6, votes)
            await self.store.write(partial(put_observation, observation=seen))


@pytest.fixture
def measuring(store: Store) -> Measuring:
    return Measuring(store)


async def a_month(measuring: Measuring) -> None:
    store = measuring.store
    real = await judged(store, "confirmed", 6, NOW - 6 * DAY, 0)
    wrong = await judged(store, "false_alarm", 4, NOW - 20 * DAY, 0)
    await judged(store, "expected_change", 2, NOW - DAY)
    await judged(store, None, 3, NOW - DAY)
    await judged(store, "confirmed", 9, NOW - 91 * DAY)
    # Neither an alert of a score, nor of this query.
    await judged(store, "false_alarm", 9, NOW - DAY, labels={"alertname": "AnomalyDrift"})
    await judged(store, None, 1, NOW - 40 * DAY, labels={"query": "disk"})
    await measuring.see(real, NOW - 6 * DAY, 0.9, mad=0.9, zscore=0.2)
    await measuring.see(wrong, NOW - 20 * DAY, 0.7, mad=0.7, zscore=0.65)
    for at in (NOW - 2 * DAY, NOW - 3 * DAY):
        made = missed_of("cpu", {}, at, at + 60, now=NOW, author="ana", via="api")
        number = await store.write(partial(mark, marked=made, now=NOW))
    await store.write(lambda c: withdraw(c, number, "ana", NOW))


async def test_numbers_by_window(measuring: Measuring) -> None:
    await a_month(measuring)
    page = await measuring.page()

    def of(name: str, window: str, query: str = "cpu") -> float | None:
        return page.get(f'{name}{{query="{query}",window="{window}"}}')

    assert of("precision_ratio", "30d") == 0.6
    assert of("precision_ratio", "7d") == 1.0
    assert of("recall_ratio", "30d") == pytest.approx(6 / 7)
    assert of("f1_ratio", "30d") == pytest.approx(12 / 17)
    assert of("roc_auc_ratio", "30d") == 1.0
    assert of("roc_auc_ratio", "7d") is None
    assert of("false_alarms_per_day", "30d") == pytest.approx(4 / 30)
    assert of("time_to_detect_seconds", "7d") == 30.0
    assert (of("judged_incidents", "7d"), of("unjudged_incidents", "7d")) == (8, 3)
    assert of("judged_incidents", "90d") == 12
    # Of one incident that nobody judged nothing is said, but that.
    assert {name for name in page if "disk" in name} == {
        f'{name}_incidents{{query="disk",window="{window}"}}'
        for name in ("judged", "unjudged")
        for window in ("7d", "30d", "90d")
    }
    assert of("unjudged_incidents", "90d", "disk") == 1
    assert of("unjudged_incidents", "30d", "disk") == 0


async def test_numbers_by_detector(measuring: Measuring) -> None:
    await a_month(measuring)
    page = await measuring.page()

    def of(name: str, detector: str) -> float | None:
        return page.get(f'detector_{name}{{detector="{detector}",query="cpu",window="30d"}}')

    assert (of("precision_ratio", "mad"), of("recall_ratio", "mad")) == (0.6, 1.0)
    assert of("roc_auc_ratio", "mad") == 1.0
    # It said yes four times, which is too few, and each time to a false alarm.
    assert (of("precision_ratio", "zscore"), of("recall_ratio", "zscore")) == (None, 0.0)
    assert of("roc_auc_ratio", "zscore") == 0.0


async def test_programs_are_told_how_sure_it_is(measuring: Measuring) -> None:
    await a_month(measuring)
    await measuring.page()
    async with measuring.api() as ask:
        (month,) = (await ask("?query=cpu&window=30d"))["quality"]
        assert month["precision"] == {
            "value": 0.6,
            "cases": 10,
            "interval": [pytest.approx(0.3127, abs=1e-4), pytest.approx(0.8318, abs=1e-4)],
        }
        assert (month["missed"], month["neither"], month["unjudged"]) == (1, 2, 3)
        assert month["detectors"]["zscore"]["precision"]["value"] is None
        assert month["detectors"]["zscore"]["precision"]["cases"] == 4
        assert len((await ask(""))["quality"]) == 6
        assert "window is '1d'; allowed: 7d, 30d, 90d" in (await ask("?window=1d"))["error"]


async def test_worse_than_before_has_a_severity(measuring: Measuring) -> None:
    await judged(measuring.store, "confirmed", 50, NOW - 80 * DAY, DAY)
    await judged(measuring.store, "false_alarm", 25, NOW - 25 * DAY, DAY)
    page = await measuring.page()
    assert page['degradation_severity{query="cpu"}'] == 3
    async with measuring.api() as ask:
        (found,) = (await ask(""))["degradation"]
        assert (found["query"], found["degree"], found["severity"]) == ("cpu", "severe", 3)
        assert (await ask("?query=disk"))["degradation"] == []


async def test_while_the_store_cannot_be_read_nothing_is_said(measuring: Measuring) -> None:
    await a_month(measuring)
    assert await measuring.page()
    await measuring.store.write(lambda c: c.execute(text("ALTER TABLE missed RENAME TO away")))
    assert await measuring.page() == {}
    await measuring.store.write(lambda c: c.execute(text("ALTER TABLE away RENAME TO missed")))
    assert await measuring.page()
