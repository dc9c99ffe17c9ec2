import json
import math
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporter.adapters.exposition import Page
from exporter.adapters.labeltext import labels_of
from exporter.core.published import (
    FORECAST_GAUGES,
    GAUGES,
    Outlook,
    Published,
)
from exporter.core.series import Floats
from tests.exporter.adapters.fullpage import full_page, key

GOLDEN = Path(__file__).parents[2] / "golden" / "exporter_metrics.txt"
NAN = math.nan

Line = tuple[str, dict[str, str], float]


def gauges(*scores: float) -> dict[str, Floats]:
    blank = np.full(len(scores), np.nan)
    return {name: blank for name in GAUGES} | {"anomaly_score": np.array(scores)}


def lines(page: Page, published: Sequence[Published]) -> list[Line]:
    """Read a page as Prometheus' own client library does."""
    text = b"".join(page.render(published)).decode()
    return [
        (sample.name, dict(sample.labels), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def labels_on_page(labels: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in labels.items() if name != "__name__"}
    return {"query": "q", **own}


legal_names = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda name: name not in {"query", "detector", "horizon", "test"} and not name.startswith("__")
)
label_sets = st.dictionaries(legal_names, st.text(max_size=9), max_size=3)


@given(
    st.lists(
        st.tuples(label_sets, st.floats()),
        max_size=5,
        unique_by=lambda series: tuple(sorted(labels_on_page(series[0]).items())),
    )
)
def test_what_is_read_back_is_what_was_published(
    series: list[tuple[dict[str, str], float]],
) -> None:
    keys = tuple(key(**labels) for labels, _ in series)
    found = lines(Page(), [Published("q", keys, gauges(*(value for _, value in series)))])
    expected = [
        ("anomaly_score", labels_on_page(labels), value)
        for labels, value in series
        if not math.isnan(value)
    ]
    assert found == expected


@given(st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=4), max_size=4))
def test_no_label_set_breaks_the_page(sets: list[dict[str, str]]) -> None:
    keys = tuple({key(**labels) for labels in sets})
    text = b"".join(Page().render([Published("q", keys, gauges(*([1.0] * len(keys))))])).decode()
    assert len(list(text_string_to_metric_families(text))) == bool(keys)
    assert text.count("anomaly_score{") == len(keys)


@pytest.mark.parametrize(
    ("labels", "published"),
    [
        ({"__name__": "up", "a": "1"}, {"a": "1"}),
        ({"query": "mine", "a": "1"}, {"exported_query": "mine", "a": "1"}),
        ({"detector": "smoke"}, {"exported_detector": "smoke"}),
        ({"test": "smoke"}, {"exported_test": "smoke"}),
        (
            {"exported_query": "1", "query": "2"},
            {"exported_query": "1", "exported_exported_query": "2"},
        ),
        ({"http.status": "500", "1st": "x"}, {"http_status": "500", "_1st": "x"}),
        ({"a.b": "1", "a_b": "2"}, {"a_b": "1", "exported_a_b": "2"}),
        ({"__x": "1"}, {"exported___x": "1"}),
    ],
)
def test_labels_are_the_series_own_as_far_as_they_can_be(
    labels: dict[str, str], published: dict[str, str]
) -> None:
    [(_, found, _)] = lines(Page(), [Published("q", (key(**labels),), gauges(1.0))])
    assert found == {"query": "q", **published}


def test_a_lone_surrogate_does_not_cost_the_page() -> None:
    page = b"".join(Page().render([Published("q", (b'{"a":"\\ud800"}',), gauges(1.0))]))
    assert b'a="?"} 1.0\n' in page


def test_series_that_differ_in_nothing_but_their_name_keep_it() -> None:
    keys = (key(__name__="a", x="1"), key(__name__="b", x="1"), key(__name__="a", x="2"))
    found = lines(Page(), [Published("q", keys, gauges(0.1, 0.2, 0.3))])
    assert [labels for _, labels, _ in found] == [
        {"query": "q", "metric_name": "a", "x": "1"},
        {"query": "q", "metric_name": "b", "x": "1"},
        {"query": "q", "x": "2"},
    ]


def test_series_come_go_and_change_places() -> None:
    page = Page()
    a, b, c = key(n="a"), key(n="b"), key(n="c")
    for keys in [(a, b), (a, b), (b, a), (b, c), (c,), (), (a, b, c)]:
        values = np.arange(len(keys)) + 1.0
        found = lines(page, [Published("q", keys, gauges(*values))])
        assert [(labels["n"], value) for _, labels, value in found] == [
            (json.loads(one)["n"], value) for one, value in zip(keys, values, strict=True)
        ]
    assert lines(page, []) == []


def test_two_queries_share_a_family() -> None:
    published = [Published(name, (key(a=name),), gauges(0.5)) for name in ("cpu", "memory")]
    text = b"".join(Page().render(published)).decode()
    assert text.count("# TYPE anomaly_score gauge\n") == 1
    assert text.count("\nanomaly_score{") == 2
    assert "anomaly_value" not in text  # nothing but NaN


def test_forecasts_come_go_and_change_places() -> None:
    page = Page()
    a, b = key(n="a"), key(n="b")
    for keys, horizons in [((a, b), ["6h", "1d"]), ((a, b), ["6h"]), ((b, a), ["6h"]), ((), [])]:
        values: Floats = np.arange(len(keys), dtype=np.float64) + 1.0
        leads: dict[str, dict[str, Floats]] = {
            lead: dict.fromkeys(FORECAST_GAUGES, values) for lead in horizons
        }
        outlook = Outlook("q", keys, leads, {"anomaly_forecast_replaced": values})
        for _ in range(2):
            text = b"".join(page.render([], [outlook])).decode()
            found = [
                (sample.name, sample.labels, sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            ]
            assert found == [
                (name, {"query": "q", "n": json.loads(one)["n"], **lead}, value)
                for name in (*FORECAST_GAUGES, "anomaly_forecast_replaced")
                for lead in (
                    [{"horizon": lead} for lead in horizons] if name in FORECAST_GAUGES else [{}]
                )
                for one, value in zip(keys, values.tolist(), strict=True)
            ]


def test_a_large_page_comes_in_pieces_that_are_never_large() -> None:
    series = 5_000
    keys = tuple(key(n="x" * 200, i=str(row)) for row in range(series))
    everything = {name: np.arange(series) / 7 for name in GAUGES}
    everything["anomaly_value"] = np.where(np.arange(series) % 3, np.inf, np.nan)
    published = [Published("q", keys, everything)]
    pieces = list(Page().render(published))
    assert max(map(len, pieces)) < 200_000
    read = [
        sample
        for family in text_string_to_metric_families(b"".join(pieces).decode())
        for sample in family.samples
    ]
    assert len(read) == len(GAUGES) * series - (series + 2) // 3
    scores = [sample.value for sample in read if sample.name == "anomaly_score"]
    assert scores == everything["anomaly_score"].tolist()


def test_the_whole_page() -> None:
    """Compare with the golden file; UPDATE_GOLDEN=1 in the environment rewrites it."""
    page = full_page()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


def test_votes_are_on_the_page_of_what_is_anomalous() -> None:
    keys = tuple(key(a=name) for name in "wxyz")
    found = gauges(0.7, 0.59, 0.6, NAN) | {"anomaly_threshold": np.full(4, 0.6)}
    votes = {"mad": np.array([0.9, 0.8, 0.7, 0.6]), "lof": np.array([NAN, 0.1, 0.5, 0.2])}
    weights = {"mad": 1.0, "lof": 0.24}
    one = Published(
        "q", keys, found, detector_scores=votes, weights=weights, combine="quorum", quorum=0.75
    )
    page = lines(Page(), [one])
    assert [line for line in page if line[0] == "anomaly_detector_score"] == [
        ("anomaly_detector_score", {"query": "q", "a": "w", "detector": "mad"}, 0.9),
        ("anomaly_detector_score", {"query": "q", "a": "y", "detector": "mad"}, 0.7),
        ("anomaly_detector_score", {"query": "q", "a": "y", "detector": "lof"}, 0.5),
    ]
    assert [line[1:] for line in page if line[0] == "anomaly_detector_weight"] == [
        ({"query": "q", "detector": "mad"}, 1.0),
        ({"query": "q", "detector": "lof"}, 0.24),
    ]
    assert [line[1:] for line in page if line[0] == "anomaly_ensemble_info"] == [
        ({"query": "q", "combine": "quorum", "quorum": "0.75"}, 1.0)
    ]
    assert not [line for line in lines(Page(), [replace(one, gauges=gauges(0.1, 0.1, 0.1, 0.1))])
                if line[0] == "anomaly_detector_score"]  # fmt: skip


def test_promtool_finds_nothing_to_complain_of() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=full_page(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, "", "")


def test_labels_of_is_what_the_page_says() -> None:
    assert labels_of("q", [key(a="1")]) == [b'{query="q",a="1"} ']
