"""A raised threshold hides an alert; marked and looked up at a real Prometheus, it would come."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from tests.webhook.deliveries import NOW
from tests.webhook.judging import SERIES
from tests.webhook.knownprometheus import prometheus_with
from tests.webhook.wholesite import whole_site
from webhook.adapters.store import Store
from webhook.adapters.thresholds import set_ratio
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.message import rfc3339
from webhook.observer import Observer
from webhook.settings.sources import SourceConfig

CONFIGURED, PEAK = 0.6, 0.63


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return one that knows an hour of a series whose threshold is raised by a tenth."""
    labels = 'query="cpu",instance="a",severity="gold"'
    lines: list[str] = []
    for name, usual, once in (
        ("anomaly_score", 0.1, PEAK),
        ("anomaly_threshold", CONFIGURED * 1.1, CONFIGURED * 1.1),
    ):
        lines.append(f"# TYPE {name} gauge")
        for i in range(60):
            at = NOW - 3600 + 60 * i
            lines.append(f"{name}{{{labels}}} {once if i == 30 else usual} {at:.0f}")
    past = "\n".join([*lines, "# EOF", ""])
    with prometheus_with(tmp_path_factory.mktemp("prometheus"), past) as url:
        yield url


async def test_what_a_raise_hid_would_alert_by_now(store: Store, prometheus: str) -> None:
    await store.write(lambda c: set_ratio(c, "cpu", SERIES, 1.1, "ben", "", NOW - 7200))
    config = WebhookConfig(prometheus=SourceConfig(url=prometheus))
    asking = Asking(lambda: config)
    async with whole_site(store, f"prometheus: {{url: '{prometheus}'}}") as site:
        observer = Observer(store, site.clock, CollectorRegistry(), asking, lambda: config)
        answer = await site.client.post(
            "/api/v1/missed",
            json={
                "query": "cpu",
                "labels": {"instance": "a"},
                "start": rfc3339(NOW - 3000),
                "end": rfc3339(NOW - 600),
                "author": "ana",
            },
        )
        assert (await answer.json())["threshold"] == (
            "if a raised threshold hid it, that raise is taken back within some minutes"
        )
        for _ in range(2):
            await observer.run()
            await site.tuner.run()
        history = await (await site.client.get("/api/v1/thresholds/history")).json()
        change, raised = history["history"]
        assert (raised["reason"], raised["missed"]) == ("person", None)
        assert (change["action"], change["reason"], change["missed"], change["labels"]) == (
            "lowered", "missed", 1, SERIES,
        )  # fmt: skip
        assert PEAK * 0.998 < CONFIGURED * change["after"] <= PEAK
        page = await (await site.client.get("/metrics")).text()
        ratio = f"{change['after']:g}"
        assert f'ratio{{instance="a",query="cpu",severity="gold"}} {ratio}' in page

        undoing = {"change": change["change"], "author": "ben", "reason": "known"}
        await site.client.post("/api/v1/thresholds/undo", json=undoing)
        await site.tuner.run()
        now = await (await site.client.get("/api/v1/adjustments")).json()
        assert [each["ratio"] for each in now["adjustments"]] == [1.1]
    asking.close()
