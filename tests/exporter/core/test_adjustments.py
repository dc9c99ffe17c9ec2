import json

import numpy as np
import pytest

from exporter.core.adjustments import (
    FLOOR,
    TARGET,
    Adjustments,
    adjustment_of,
    adjustments_in,
)
from exporter.core.series import SeriesBatch

GAUGE = "anomaly_threshold_adjustment_ratio"
SCRAPE = {"job": "anomaly-webhook", "instance": "webhook:9854"}
BUILD = {"__name__": TARGET, "version": "0.1.0", **SCRAPE}
DB = {"instance": "db:9100", "job": "node"}


def key(**labels: str) -> bytes:
    return json.dumps(labels).encode()


def answer(*series: tuple[dict[str, str], float]) -> SeriesBatch:
    keys = tuple(key(**labels) for labels, _ in series)
    values = np.array([[value] for _, value in series]).reshape(-1, 1)
    return SeriesBatch(keys, np.array([0]), values, 1000)


def ratio(labels: dict[str, str], value: float) -> tuple[dict[str, str], float]:
    return {"__name__": GAUGE, "query": "cpu", **labels}, value


def moved(*series: tuple[dict[str, str], float], own: tuple[bytes, ...]) -> list[float]:
    """Return the thresholds of series whose query has 0.5."""
    found = Adjustments(adjustments_in(answer(*series))[0]).thresholds("cpu", own, 0.5)
    return [0.5] * len(own) if found is None else found[:, 0].tolist()


WEB = {"__name__": "node_load1", "instance": "web:9100", "job": "node"}
OWN = (key(__name__="node_load1", **DB), key(**WEB))


@pytest.mark.parametrize(
    "labels",
    [
        DB,  # honor_labels
        {**SCRAPE, **{f"exported_{name}": value for name, value in DB.items()}},
    ],
    ids=["honoured", "renamed"],
)
@pytest.mark.parametrize("build", [[(BUILD, 1.0)], []], ids=["target known", "unknown"])
def test_one_series_is_adjusted_however_the_webhook_is_scraped(
    labels: dict[str, str], build: list[tuple[dict[str, str], float]]
) -> None:
    assert moved(ratio(labels, 1.2), *build, own=OWN) == [0.6, 0.5]


def test_a_query_is_adjusted_by_what_only_the_scrape_has_labelled() -> None:
    assert moved(ratio(SCRAPE, 0.8), (BUILD, 1.0), own=OWN) == [0.4, 0.4]
    assert moved(ratio({}, 0.8), own=OWN) == [0.4, 0.4]
    # Without the target these could be the labels of a series that is gone.
    assert moved(ratio(SCRAPE, 0.8), own=OWN) == [0.5, 0.5]


def test_series_of_an_exporter_that_was_scraped_are_known_without_its_labels() -> None:
    """A series without job got that of the exporter when its score was scraped."""
    labels = {"device": "sda", "job": "anomaly-exporter", "instance": "exporter:9853"}
    own = (key(device="sda"), key(device="sdb"), key(device="sda", job="node"))
    assert moved(ratio(labels, 1.2), (BUILD, 1.0), own=own) == [0.6, 0.5, 0.5]


def test_series_are_known_if_their_scores_were_scraped_without_honouring_labels() -> None:
    own = {f"exported_{name}": value for name, value in DB.items()}
    labels = {"job": "anomaly-exporter", "instance": "exporter:9853", **own}
    assert moved(ratio(labels, 1.2), (BUILD, 1.0), own=OWN) == [0.6, 0.5]


def test_a_label_that_the_scrape_has_filled_in_was_not_said() -> None:
    labels = {"instance": "db:9100", "job": "anomaly-webhook"}
    assert moved(ratio(labels, 1.2), (BUILD, 1.0), own=OWN) == [0.6, 0.5]
    assert moved(ratio(labels, 1.2), own=OWN) == [0.5, 0.5]


def test_a_label_that_really_is_called_exported_stays_what_it_is() -> None:
    pushed = {"job": "pushgateway", "exported_job": "backup"}
    own = (key(**pushed), key(job="pushgateway", exported_job="mail"))
    assert moved(ratio(pushed, 1.2), (BUILD, 1.0), own=own) == [0.6, 0.5]
    renamed = {**SCRAPE, "exported_job": "backup", "exported_exported_job": "pushgateway"}
    assert moved(ratio(renamed, 1.2), (BUILD, 1.0), own=own) == [0.6, 0.5]


def test_names_and_clashing_labels_are_as_published() -> None:
    twins = (key(__name__="up", a="1"), key(__name__="down", a="1"))
    assert moved(ratio({"a": "1", "metric_name": "down"}, 1.2), own=twins) == [0.5, 0.6]
    clash = (key(query="theirs"),)
    assert moved(ratio({"exported_query": "theirs"}, 1.2), own=clash) == [0.6]
    assert moved(ratio({"exported_query": "others"}, 1.2), own=clash) == [0.5]


def test_query_and_series_multiply_within_bounds() -> None:
    both = [ratio(SCRAPE, 1.2), ratio(DB, 1.1), (BUILD, 1.0)]
    assert moved(*both, own=OWN) == [0.66, 0.6]
    assert moved(ratio({}, 1.4), ratio(DB, 1.4), own=OWN) == [0.75, 0.7]
    assert moved(ratio({}, 1.2), ratio(DB, 1 / 1.2), own=OWN) == [0.5, 0.6]


def test_of_two_replicas_the_milder_one_counts_once() -> None:
    other = {**SCRAPE, "instance": "webhook:2"}
    build = [(BUILD, 1.0), ({**BUILD, "instance": "webhook:2"}, 1.0)]
    assert moved(ratio(SCRAPE, 1.2), ratio(other, 1.2), *build, own=OWN) == [0.6, 0.6]
    assert moved(ratio(SCRAPE, 1.4), ratio(other, 1.2), *build, own=OWN) == [0.6, 0.6]


def test_what_was_undone_holds_at_once_whatever_an_earlier_address_of_the_webhook_told() -> None:
    other = {**SCRAPE, "instance": "webhook:2"}
    build = [(BUILD, 1.0), ({**BUILD, "instance": "webhook:2"}, 1.0)]
    assert moved(ratio(SCRAPE, 1.4), ratio(other, 1.0), *build, own=OWN) == [0.5, 0.5]
    moved_names = {f"exported_{name}": value for name, value in DB.items()}
    before, after = {**SCRAPE, **moved_names}, {**other, **moved_names}
    assert moved(ratio(before, 1.2), ratio(after, 1.0), *build, own=OWN) == [0.5, 0.5]


def test_ratios_out_of_bounds_are_cut_and_counted() -> None:
    batch = answer(ratio(DB, 7.0), ratio({"a": "b"}, -1.0), ratio({}, 1.5), ratio({}, float("nan")))
    entries, beyond = adjustments_in(batch)
    assert beyond == 2
    assert [entry.ratio for entry in entries] == [1.5, 0.5, 1.5]


@pytest.mark.parametrize(
    ("threshold", "ratio", "expected"),
    [(0.8, 1.5, 1.0), (1.0, 1.1, 1.0), (0.4, 0.5, FLOOR), (0.2, 0.5, 0.2), (0.6, 1.1, 0.66)],
)
def test_thresholds_stay_between_floor_and_one(
    threshold: float, ratio: float, expected: float
) -> None:
    found = Adjustments([adjustment_of("cpu", {}, ratio)]).thresholds("cpu", OWN, threshold)
    assert found is not None
    np.testing.assert_array_equal(found, [[expected], [expected]])


def test_nothing_is_computed_where_nothing_is_adjusted() -> None:
    adjustments = Adjustments([adjustment_of("cpu", {}, 1.0), adjustment_of("disk", {}, 1.1)])
    assert adjustments.thresholds("cpu", OWN, 0.6) is None
    assert (adjustments.count("cpu"), adjustments.count("disk")) == (0, 1)
