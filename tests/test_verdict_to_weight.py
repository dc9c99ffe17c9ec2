"""What twenty verdicts publish is what the exporter multiplies weights by."""

import json

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporter.core.adjustments import HIGHEST as EXPORTERS_HIGHEST
from exporter.core.adjustments import LOWEST as EXPORTERS_LOWEST
from exporter.core.series import SeriesBatch
from exporter.core.weights import Weights, weights_in
from webhook.adapters.sqlite import SqliteFile
from webhook.adapters.store import open_store
from webhook.adapters.weightmetrics import weight_metrics
from webhook.adapters.weights import list_weights, set_weights, undo_weights
from webhook.core.thresholds import HIGHEST, LOWEST


@pytest.mark.parametrize("honors", [True, False], ids=["honor_labels", "renamed"])
async def test_ratios_reach_the_exporter(
    honors: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    registry = CollectorRegistry()
    with open_store(SqliteFile(tmp_path_factory.mktemp("data") / "webhook.db")) as store:
        weight_metrics(registry, lambda: store.read_here(list_weights))
        chosen = {"mad": 1.1, 'z"\\': 0.9}
        await store.write(lambda c: set_weights(c, "cpu", chosen, "ana", "", 1.0))
        await store.write(lambda c: set_weights(c, "disk", {"mad": 1.5}, "ana", "", 1.0))
        await store.write(lambda c: undo_weights(c, 2, "ana", "", 2.0))
        page = generate_latest(registry).decode()

    entries, beyond = weights_in(scraped(page, honors=honors))
    weights = Weights(entries)

    assert beyond == 0
    assert weights.ratios("cpu") == chosen
    assert weights.ratios("disk") == {}
    assert (LOWEST, HIGHEST) == (EXPORTERS_LOWEST, EXPORTERS_HIGHEST)


def scraped(page: str, *, honors: bool) -> SeriesBatch:
    """Return what Prometheus holds of a page of the webhook."""
    target = {"job": "anomaly-webhook", "instance": "webhook:9854"}
    keys, values = [], []
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = dict(sample.labels)
            if not honors:
                labels = {
                    f"exported_{name}" if name in target else name: value
                    for name, value in labels.items()
                }
            keys.append(json.dumps({"__name__": sample.name, **target, **labels}).encode())
            values.append(sample.value)
    return SeriesBatch(tuple(keys), np.array([0]), np.array(values)[:, None], 1000)
