"""Series that Prometheus knows join incidents that labels alone do not."""

from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from promkit.clock import ManualClock
from promkit.httpconfig import HttpConfig, requests_session
from tests.webhook.adapters.storing import ROUTING, rows
from tests.webhook.deliveries import NOW, alert, delivery
from tests.webhook.standins.observability import Observability, observed
from webhook.adapters.alerts_history import AlertsHistory
from webhook.adapters.jsonget import JsonSource
from webhook.adapters.movements import COLUMNS, STEP, MovementSource
from webhook.adapters.recording import Recording
from webhook.adapters.schema import incident_groups, incidents
from webhook.adapters.store import Store
from webhook.core.correlation import Rules
from webhook.core.lagged import Floats
from webhook.correlator import Correlator, Evidence

RULES = Rules(("instance", "cluster"), 300.0, 0.7)
END = int(NOW) // STEP * STEP
HOSTS = {"web1": "latency", "mail1": "queue", "db1": "disk"}


def series(query: str, host: str) -> dict[str, str]:
    return {"query": query, "instance": host, "cluster": "eu"}


def selector(metric: str, hosts: dict[str, str]) -> str:
    each = (
        f'{metric}{{cluster="eu",instance="{host}",query="{query}"}}'
        for host, query in hosts.items()
    )
    return " or ".join(each)


def told(values: Floats) -> list[tuple[float, str]]:
    start = END - (COLUMNS - 1) * STEP
    return [(start + i * STEP, repr(float(v))) for i, v in enumerate(values) if np.isfinite(v)]


@pytest.fixture
async def known() -> AsyncIterator[Observability]:
    async with observed() as known:
        rng = np.random.default_rng(5)
        push = np.repeat(rng.normal(0, 2, COLUMNS // 5 + 5), 5)
        noise = rng.normal(0, 0.3, (3, COLUMNS))
        moves = {
            "db1": push[12 : 12 + COLUMNS] + noise[0],
            "web1": push[8 : 8 + COLUMNS] + noise[1],
            "mail1": np.repeat(rng.normal(0, 2, COLUMNS // 5), 5) + noise[2],
        }
        known.prometheus = {"global": {"external_labels": {"site": "here"}}}
        known.series[selector("anomaly_deviation_sigmas", HOSTS)] = [
            ({"__name__": "anomaly_deviation_sigmas", **series(query, host)}, told(moves[host]))
            for host, query in HOSTS.items()
        ]
        score = np.full(COLUMNS, np.nan)
        score[10:12] = 0.9
        score[-20:] = 0.95
        score[-18] = np.nan
        known.series[selector("series:anomaly_score:anomalous", HOSTS)] = [
            ({"__name__": "series:anomaly_score:anomalous", **series("disk", "db1")}, told(score))
        ]
        yield known


async def fires(store: Store, host: str, at: float) -> None:
    query = HOSTS[host]
    labels = {"alertname": "AnomalyDetected", "severity": "warning", "site": "here"}
    one = alert(fingerprint=host, starts_at=NOW + at)
    one = replace(one, labels={**labels, **series(query, host)})
    await store.record(Recording(delivery(one), ROUTING, NOW + at))


def evidence(known: Observability) -> Evidence:
    source = JsonSource(known.url, requests_session(HttpConfig()), seconds=5)
    return Evidence(MovementSource(source), AlertsHistory(source))


async def test_hosts_whose_series_move_together_have_one_cause(
    store: Store, known: Observability
) -> None:
    for at, host in ((-60, "web1"), (-30, "mail1"), (-5, "db1")):
        await fires(store, host, at)
    correlator = Correlator(store, ManualClock(NOW))

    await correlator.run(RULES, None)
    assert await rows(store, incident_groups) == []
    await correlator.run(RULES, evidence(known))
    await correlator.run(RULES, evidence(known))

    (stored,) = await rows(store, incident_groups)
    member = {row.fingerprint: row.group_id for row in await rows(store, incidents)}
    assert member == {"web1": stored.id, "db1": stored.id, "mail1": None}
    assert stored.labels == {"cluster": "eu"}
    first = next(row for row in await rows(store, incidents) if row.fingerprint == "db1")
    # It alerted last, but its series was anomalous five minutes before.
    assert stored.first_incident_id == first.id
    assert "series move together (0.9" in stored.why


async def test_without_prometheus_labels_must_do(
    store: Store, known: Observability, caplog: pytest.LogCaptureFixture
) -> None:
    await fires(store, "db1", -60)
    await fires(store, "web1", -5)
    known.status = 503
    correlator = Correlator(store, ManualClock(NOW))

    for _ in range(3):
        await correlator.run(RULES, evidence(known))
    await correlator.run(None, None)

    assert await rows(store, incident_groups) == []
    problems = [one for one in caplog.records if one.getMessage() == "cannot compare series"]
    assert len(problems) == 1, "said once, not at every look"
