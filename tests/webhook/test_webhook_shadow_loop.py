"""Variants compared over a real store and a real Prometheus."""

import asyncio
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry
from sqlalchemy import Connection, insert

from promkit.clock import ManualClock
from promkit.errors import ConfigProblems
from tests.webhook.judging import judged
from tests.webhook.knownprometheus import prometheus_with
from webhook.adapters.missed import mark
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.schema import observations
from webhook.adapters.shadowalarms import (
    STRETCH,
    count_alarms,
    read_counted,
    write_counted,
)
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig, load_config
from webhook.core.missed import Missed
from webhook.core.shadow import Variant
from webhook.settings.sources import SourceConfig
from webhook.shadow import FIRST_SECONDS, Shadow
from webhook.web.shadow import add_shadow

NOW = math.floor(time.time() / STRETCH) * STRETCH - 1800.0
HOUR, DAY = 3600.0, 86_400.0
CONFIG = """
shadow:
  - {name: careful, ratio: 1.2, queries: [cpu]}
  - {name: keen, ratio: 0.8}
"""
SERIES = {"query": "cpu", "instance": "a"}


def past() -> str:
    """Return 30 hours: every three hours ten minutes of 0.7, one of 0.55 in between."""
    names: dict[str, list[str]] = {"anomaly_score": [], "anomaly_threshold": []}
    for series in (SERIES, {"query": "cpu", "instance": "b"}, {"query": "disk", "instance": "a"}):
        labels = ",".join(f'{name}="{value}"' for name, value in series.items())
        at = NOW - 30 * HOUR + 60.0
        while at < NOW:
            minute = (NOW - at) // 60 % 180
            score = 0.7 if minute < 10 else 0.55 if 90 <= minute < 100 else 0.1
            score = score if series is SERIES else 0.1
            names["anomaly_score"].append(f"anomaly_score{{{labels}}} {score} {at:.0f}")
            names["anomaly_threshold"].append(f"anomaly_threshold{{{labels}}} 0.6 {at:.0f}")
            at += 30.0
    parts = [line for name in names for line in (f"# TYPE {name} gauge", *names[name])]
    return "\n".join([*parts, "# EOF", ""])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(tmp_path_factory.mktemp("shadow"), past()) as started:
        yield started


class Bench:
    def __init__(self, store: Store, config: WebhookConfig, at: float = NOW) -> None:
        self.clock, self.registry = ManualClock(at - FIRST_SECONDS), CollectorRegistry()
        self.asking = Asking(lambda: config)
        self.shadow = Shadow(store, self.clock, self.registry, self.asking, lambda: config)

    async def first(self) -> None:
        """Run for the first time, a minute after the start."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.shadow.run())
            await self.clock.until_sleeping()
            await self.clock.advance(FIRST_SECONDS)

    def value(self, name: str, variant: str, query: str = "cpu", window: str = "7d") -> Any:
        labels = {"query": query, "variant": variant, "window": window}
        return self.registry.get_sample_value(f"anomaly_shadow_{name}", labels)


def configured(url: str | None) -> WebhookConfig:
    config = load_config(CONFIG, "webhook.yml")
    return config.model_copy(update={"prometheus": None if url is None else SourceConfig(url=url)})


async def observe(store: Store, numbers: list[int], peak: float) -> None:
    row = {"observed_at": NOW, "peak_score": peak, "threshold": 0.6, "detectors": {}}

    def write(connection: Connection) -> None:
        connection.execute(insert(observations), [{"incident_id": n, **row} for n in numbers])

    await store.write(write)


async def test_variants_are_compared_on_the_same_feedback(
    store: Store, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await observe(store, await judged(store, "confirmed", 5, NOW - 20 * HOUR), 0.9)
    await observe(store, await judged(store, "false_alarm", 4, NOW - 10 * HOUR), 0.7)
    await judged(store, "false_alarm", 1, NOW - 5 * HOUR)  # nobody has looked at it yet
    bench = Bench(store, configured(url))
    await bench.first()
    bench.asking.close()

    cpu = [each for each in bench.shadow.latest() if (each.query, each.window) == ("cpu", "7d")]
    same, careful, keen = cpu
    assert [each.variant for each in cpu] == ["in_force", "careful", "keen"]
    assert (careful.kept, careful.lost, careful.false_kept, careful.false_spared) == (5, 0, 0, 4)
    assert (careful.unknown, same.unknown) == (1, 1)
    assert bench.value("precision_ratio", "careful") == 1.0
    assert bench.value("precision_ratio", "in_force") == 5 / 9
    assert bench.value("recall_ratio", "careful") == 1.0
    assert bench.value("f1_ratio", "careful") == 1.0
    # Thirty hours of samples: an alarm every three hours, and one in between that only one sees.
    assert [each.alarms.count for each in cpu] == [10, 0, 20]
    assert same.alarms.days == pytest.approx(30 / 24, abs=0.02)
    assert bench.value("alarms_per_day", "keen") == pytest.approx(20 / 1.25, rel=0.02)
    assert keen.unjudged == 20 - 9
    assert bench.value("alarms_per_day", "keen", "disk") == 0.0
    assert bench.value("alarms_per_day", "careful", "disk") is None  # it is about cpu alone
    assert not [each for each in bench.shadow.latest() if each.variant == "careful"
                and each.query != "cpu"]  # fmt: skip

    # What was counted is not asked for again, nor counted twice.
    for at, problems in ((NOW, 0), (NOW + HOUR, 3)):
        caplog.clear()
        again = Bench(store, configured("http://127.0.0.1:1"), at)
        await again.first()
        again.asking.close()
        assert [each.alarms.count for each in again.shadow.latest()[:3]] == [10, 0, 20]
        # What cannot be asked now is asked next time; what is known goes on to be said.
        assert [record.getMessage() for record in caplog.records] == problems * [
            "alarms cannot be counted, they are next time"
        ]


async def test_the_api_gives_counts_and_a_sentence(store: Store) -> None:
    await observe(store, await judged(store, "confirmed", 5, NOW - 20 * HOUR), 0.9)
    await observe(store, await judged(store, "false_alarm", 2, NOW - 10 * HOUR), 0.7)
    bench = Bench(store, configured(None))
    await bench.first()
    app = web.Application()
    add_shadow(app, bench.shadow.latest)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/api/v1/shadow?query=cpu&window=30d&variant=careful")
        (found,) = (await answer.json())["shadow"]
        everything = await (await client.get("/api/v1/shadow")).json()
        wrong = [(await client.get(f"/api/v1/shadow?{each}")).status for each in
                 ("window=90d", "x=1")]  # fmt: skip

    assert found["counts"] == {
        **{"kept": 5, "lost": 0, "false_kept": 0, "false_spared": 2, "neither_kept": 0},
        **{"found": 0, "missed": 0, "unknown": 0, "unjudged": 0},
    }
    assert (found["ratio"], found["precision"], found["recall"]) == (1.2, 1.0, 1.0)
    assert (found["alarms_per_day"], found["alarms"]) == (None, {"count": 0, "days": 0.0})
    assert found["advice"] == (
        "careful would have spared 2 of 2 false alarms and lost 0 of 5 real ones"
    )
    assert len(everything["shadow"]) == 6
    assert wrong == [400, 400]


async def test_two_replicas_count_an_alarm_once(store: Store, url: str) -> None:
    one, other = (Bench(store, configured(url)) for _ in range(2))
    await asyncio.gather(one.first(), other.first())
    last = Bench(store, configured(None))
    await last.first()
    one.asking.close()
    other.asking.close()
    assert [each.alarms.count for each in last.shadow.latest()[:3]] == [10, 0, 20]


async def test_an_hour_that_cannot_be_told_is_not_watched(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=422, text="query processing would load too many samples")

    def two_hours_ago(connection: Connection) -> None:
        variant = Variant("keen", 0.8)
        known = read_counted(connection, variant, NOW)
        write_counted(connection, variant, known, known.and_then(0, NOW - 2 * HOUR, {}), NOW)

    await store.write(two_hours_ago)
    app = web.Application()
    app.router.add_post("/api/v1/query_range", refuse)
    async with TestServer(app) as server:
        config = configured(str(server.make_url("/")))
        keen = tuple(each for each in config.shadow if each.name == "keen")
        bench = Bench(store, config.model_copy(update={"shadow": keen}))
        await bench.first()
        bench.asking.close()
    await judged(store, None, 1, NOW - DAY)
    known = await store.read(lambda c: read_counted(c, Variant("keen", 0.8), NOW))
    assert known.until > NOW - HOUR
    assert not any(known.stretches.values())
    said = [each.getMessage() for each in caplog.records if each.name.startswith("webhook.")]
    assert said == 2 * ["hours are left out, which count as unwatched"]


async def test_a_mark_is_found_by_a_lower_threshold(store: Store) -> None:
    made = Missed("cpu", {"instance": "a"}, NOW - HOUR, NOW - 1800, "", "ana", "api")
    await store.write(lambda connection: mark(connection, made, NOW))
    await store.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE missed SET peak_score = 0.55, threshold = 0.6"
        )
    )
    bench = Bench(store, configured(None))
    await bench.first()
    found = {each.variant: (each.found, each.missed) for each in bench.shadow.latest()}
    assert found == {"in_force": (0, 1), "careful": (0, 1), "keen": (1, 0)}


async def test_without_variants_nothing_is_said(store: Store) -> None:
    bench = Bench(store, WebhookConfig())
    await bench.first()
    assert bench.shadow.latest() == ()
    assert list(bench.registry.collect()) == []


async def test_too_large_an_answer_is_asked_for_in_parts(url: str) -> None:
    class Small(Prometheus):
        """Answers about at most an hour at once."""

        async def course(self, expr: str, start: float, end: float, *more: float) -> Any:
            if end - start > HOUR + 700 and "count" not in expr:
                raise PrometheusError("rejected", "too many samples")
            return await super().course(expr, start, end, *more)

    keen = Variant("keen", 0.8, ("cpu", "a.b"))
    small, whole = (each(url, SourceConfig(url=url)) for each in (Small, Prometheus))
    span = (NOW - 6 * HOUR, NOW)
    assert await count_alarms(small, keen, *span, 30.0) == pytest.approx(
        await count_alarms(whole, keen, *span, 30.0)
    )
    small.close()
    whole.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shadow: [{name: in_force, ratio: 1.2}]", "shadow[0].name: found 'in_force'"),
        ("shadow: [{name: a, ratio: 1.2}, {name: a, ratio: 1.3}]", "shadow[1].name: found 'a'"),
        ("shadow: [{name: a, ratio: 1}]", "found 1, which is what is in force"),
        ("shadow: [{name: a, ratio: 1.6}]", "shadow[0].ratio"),
        ("shadow: [{name: A, ratio: 1.1}]", "shadow[0].name"),
        (
            f"shadow: [{', '.join(f'{{name: a{i}, ratio: 1.1}}' for i in range(6))}]",
            "found 6 variants; allowed: 5",
        ),
    ],
)
def test_what_may_be_configured(text: str, said: str) -> None:
    with pytest.raises(ConfigProblems) as problems:
        load_config(text, "webhook.yml")
    assert said in str(problems.value)
