"""Which series, and when, silences keep out of what is learned."""

import json

import numpy as np
import pytest

from exporter.core.masks import Masks
from exporter.core.series import SeriesBatch
from exporter.lifecycle.silencemasks import END, LONGEST, START, silence_masks

MINUTE = 60_000
HOUR = 60 * MINUTE
TIMES = np.arange(0, 48 * HOUR, MINUTE)
SERIES = {
    "db": {"__name__": "load", "instance": "db-1", "job": "node", "severity": "gold"},
    "web": {"__name__": "load", "instance": "web", "job": "node", "query": "select"},
    "total": {"mode": "idle"},
}
KEYS = tuple(json.dumps(labels).encode() for labels in SERIES.values())


def answer(*silences: tuple[str, str, float, float | None], instance: str = "w:1") -> SeriesBatch:
    rows = [
        ({"__name__": gauge, "silence": name, "matchers": matchers, "instance": instance}, hours)
        for name, matchers, start, end in silences
        for gauge, hours in ((START, start), (END, end))
        if hours is not None
    ]
    keys = tuple(json.dumps(labels).encode() for labels, _ in rows)
    values = np.array([hours * 3600 for _, hours in rows]).reshape(-1, 1)
    return SeriesBatch(keys, np.array([0]), values, 1000)


def masked(*silences: tuple[str, str, float, float | None], query: str = "cpu") -> list[str]:
    found = Masks(silence_masks(answer(*silences)).masks).where(query, KEYS, TIMES)
    if found is None:
        return []
    return [name for name, row in zip(SERIES, found, strict=True) if row.any()]


@pytest.mark.parametrize(
    ("matchers", "series"),
    [
        ('{instance="db-1"}', ["db"]),
        ('{instance=~"db.*|x"}', ["db"]),
        ('{instance=~"db"}', []),  # anchored
        ('{instance!~"web",job="node"}', ["db"]),
        ('{instance!="",job="node"}', ["db", "web"]),
        ('{instance="",job="node"}', []),
        # What the series do not have is left aside, but they must have something of it.
        ('{alertname="AnomalyDetected",severity="warning",instance="db-1",cluster="a"}', ["db"]),
        ('{alertname="AnomalyDetected",severity="warning"}', []),
        ('{instance!="web"}', []),
        ('{mode!="user",instance="web"}', ["web"]),
        ('{mode="idle"}', ["total"]),
        # A series' own labels that rules or the exporter move aside.
        ('{exported_severity="gold"}', ["db"]),
        ('{severity="gold",job="node"}', ["db", "web"]),
        ('{exported_query="delete",query="cpu"}', ["db", "total"]),
        # An exporter that is scraped without honor_labels: the alert has these from its scrape.
        (
            '{job="anomaly-exporter",exported_job="node",instance="e:9853",exported_instance="web"}',
            ["web"],
        ),
        ('{query="cpu"}', ["db", "web", "total"]),
        ('{query=~"c.*",instance="web"}', ["web", "total"]),
        ('{query="disk",instance="web"}', []),
        ('{query!="cpu",instance="web"}', []),
        ("{}", []),
    ],
)
def test_whose_alerts_would_be_silenced(matchers: str, series: list[str]) -> None:
    assert masked(("a", matchers, 10, 11)) == series


def test_a_silence_of_a_query_is_of_no_other() -> None:
    assert masked(("a", '{query="disk"}', 10, 11), query="disk") == list(SERIES)
    assert masked(("a", '{query!="cpu",instance="web"}', 10, 11), query="disk") == ["web"]


def when(*silences: tuple[str, str, float, float | None]) -> list[list[int]]:
    found = silence_masks(answer(*silences))
    return [mask.spans(0, 0)[0].tolist() for mask in found.masks]


def test_a_silence_masks_its_time_and_a_day_at_most() -> None:
    assert when(("a", '{a="b"}', 10, 11.5)) == [[10 * HOUR, 11.5 * HOUR]]
    assert when(("a", '{a="b"}', 10, 1000)) == [[10 * HOUR, 10 * HOUR + LONGEST]]
    assert when(("a", '{a="b"}', 10, None)) == []
    assert when(("a", '{a="b"}', 10, 9)) == []
    assert when(("a", '{a="b"}', float("nan"), 11)) == []


def test_of_two_webhooks_that_disagree_the_shorter_time_counts() -> None:
    one = answer(("a", '{a="b"}', 10, 14))
    other = answer(("a", '{a="b"}', 11, 13), instance="w:2")
    both = SeriesBatch(
        one.keys + other.keys, one.times, np.concatenate([one.values, other.values]), 1000
    )
    (mask,) = silence_masks(both).masks
    assert mask.spans(0, 0).tolist() == [[11 * HOUR, 13 * HOUR]]


def test_what_is_not_understood_is_named_and_masks_nothing() -> None:
    odd = ('{a=~"[[:alpha:]]"}', r'{a=~"\\pL"}', "nonsense{")
    found = silence_masks(
        answer(*((str(i), text, 10.0, 11.0) for i, text in enumerate(odd)), ("z", '{a="b"}', 1, 2))
    )
    assert found.unread == odd
    assert len(found.masks) == 1
