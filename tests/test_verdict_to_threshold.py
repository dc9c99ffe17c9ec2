"""What ten clicks publish is what the exporter raises: the webhook's page, read by the exporter."""

import json
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from exporter.core.adjustments import TARGET, Adjustments, adjustments_in
from exporter.core.series import SeriesBatch
from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.judging import judged
from webhook.adapters.schema import incidents
from webhook.adapters.store import open_store
from webhook.config import WebhookConfig
from webhook.tuner import Tuner

TARGET_LABELS = {"job": "anomaly-webhook", "instance": "webhook:9854"}
# A series' own labels, and what the rules and the scrape of the exporter make of them in an alert.
SERIES = [
    ({"instance": "db:9100", "job": "node"}, {"instance": "db:9100", "job": "node"}),
    (
        {"pod": 'p"1\\', "severity": "gold", "alertname": "x"},
        {
            "pod": 'p"1\\',
            "exported_severity": "gold",
            "exported_alertname": "x",
            "job": "anomaly-exporter",
            "instance": "exporter:9853",
        },
    ),
]


@pytest.mark.parametrize("honors", [True, False], ids=["honor_labels", "renamed"])
@pytest.mark.parametrize(("own", "alerted"), SERIES, ids=["instance", "no instance"])
async def test_ten_false_alarms_reach_the_series(
    own: dict[str, str], alerted: dict[str, str], honors: bool, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    with open_store(tmp_path / "webhook.db") as store:
        tuner = Tuner(store, ManualClock(NOW + 9000), registry, WebhookConfig)
        clean = {"instance": "", "job": "", "exported_severity": "", **alerted}
        await judged(store, "false_alarm", 10, labels=clean)
        row = await store.read(lambda c: c.execute(select(incidents).limit(1)).one())
        assert "raised by 10 %" in await tuner.told(row)
        page = generate_latest(registry).decode()

    other = {**own, next(iter(own)): "other"}
    keys = tuple(json.dumps({"__name__": "m", **each}).encode() for each in (own, other))
    entries, beyond = adjustments_in(scraped(page, honors=honors))
    found = Adjustments(entries).thresholds("cpu", keys, 0.6)

    assert beyond == 0
    assert found is not None
    assert found[:, 0].tolist() == [0.66, 0.6]


def scraped(page: str, *, honors: bool) -> SeriesBatch:
    """Return what Prometheus holds of a page of the webhook."""
    keys, values = [{"__name__": TARGET, "version": "1", **TARGET_LABELS}], [1.0]
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name != "anomaly_threshold_adjustment_ratio":
                continue
            labels = dict(sample.labels)
            if not honors:
                for name in TARGET_LABELS.keys() & labels.keys():
                    labels[f"exported_{name}"] = labels.pop(name)
            keys.append({"__name__": sample.name, **TARGET_LABELS, **labels})
            values.append(sample.value)
    named = tuple(json.dumps(labels).encode() for labels in keys)
    return SeriesBatch(named, np.array([0]), np.array(values)[:, None], 1000)
