"""Which weights do verdicts move, by what Prometheus answers?"""

import json

import numpy as np

from exporter.core.adjustments import TARGET, WEIGHT_GAUGE, adjustments_in
from exporter.core.series import SeriesBatch
from exporter.core.weights import Weights, weight_of, weights_in

SCRAPE = {"job": "anomaly-webhook", "instance": "webhook:9854"}


def answer(*series: tuple[dict[str, str], float]) -> SeriesBatch:
    keys = tuple(json.dumps(labels).encode() for labels, _ in series)
    values = np.array([[value] for _, value in series]).reshape(-1, 1)
    return SeriesBatch(keys, np.array([0]), values, 1000)


def told(detector: str, ratio: float, **labels: str) -> tuple[dict[str, str], float]:
    whose = {"__name__": WEIGHT_GAUGE, "query": "cpu", "detector": detector, **SCRAPE, **labels}
    return {name: value for name, value in whose.items() if value}, ratio


def test_weights_are_told_from_thresholds_by_name() -> None:
    threshold = {"query": "cpu", "detector": "looks like one"}, 1.2
    target = {"__name__": TARGET, **SCRAPE}, 1.0
    batch = answer(threshold, told("mad", 0.8), target, told("zscore", 1.1, query="disk"))
    entries, beyond = weights_in(batch)
    weights = Weights(entries)
    assert (weights.ratios("cpu"), weights.ratios("disk")) == ({"mad": 0.8}, {"zscore": 1.1})
    assert weights.ratios("net") == {}
    assert beyond == 0
    (moved,), _ = adjustments_in(batch)
    assert (moved.query, moved.ratio) == ("cpu", 1.2)


def test_ratios_out_of_bounds_are_cut_and_what_says_nothing_is_left_out() -> None:
    entries, beyond = weights_in(
        answer(told("a", 9.0), told("b", 0.0), told("c", float("nan")), told("", 0.9),
               told("d", 0.9, query=""), told("e", 1.5))
    )  # fmt: skip
    assert [(one.detector, one.ratio) for one in entries] == [("a", 1.5), ("b", 0.5), ("e", 1.5)]
    assert beyond == 2


def test_of_replicas_the_one_closest_to_one_counts() -> None:
    some = [weight_of("cpu", "mad", 0.7), weight_of("cpu", "mad", 0.9), weight_of("a", "mad", 0.8)]
    assert Weights(some).entries == (weight_of("a", "mad", 0.8), weight_of("cpu", "mad", 0.9))
    undone = weight_of("cpu", "mad", 1.0)
    assert Weights([*some, undone]).ratios("cpu") == {}
