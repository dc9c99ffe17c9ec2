"""Which marks can be stored, and which are refused in words."""

from typing import Any

import pytest

from webhook.core.missed import MOST_LABELS, may_be_one, missed_of

NOW = 1_800_000_000.0
DAY = 86_400.0
GOOD: dict[str, Any] = {
    "query": "node.cpu-busy",
    "labels": {"instance": "db:9100", "empty": ""},
    "start": NOW - 600,
    "end": NOW,
}


def made(**changed: Any) -> Any:
    return missed_of(**{**GOOD, **changed}, now=NOW, via="api")


def test_what_is_kept_of_a_mark() -> None:
    mark = made(reason="  the disk\n was full\x1b ", author="ana" * 100)
    assert (mark.query, mark.labels) == ("node.cpu-busy", {"instance": "db:9100"})
    assert (mark.start, mark.end, mark.via) == (NOW - 600, NOW, "api")
    assert mark.reason == "the disk was full"
    assert len(mark.author) == 100


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"query": ""}, "query is ''; allowed: the name of a query"),
        ({"query": "rate(x[5m])"}, "query is 'rate"),
        ({"query": "a" * 129}, "query is"),
        ({"labels": {"a-b": "x"}}, "labels have the name 'a-b'"),
        ({"labels": {"query": "x"}}, "labels have the name 'query'"),
        ({"labels": {"__name__": "x"}}, "without query"),
        ({"labels": {"a": "x" * 1025}}, "the label a has 1025 characters"),
        ({"labels": {f"a{i}": "x" for i in range(MOST_LABELS + 1)}}, "labels are 41"),
        ({"start": NOW}, "start is not before end"),
        ({"start": float("nan")}, "start is not before end"),
        ({"end": float("inf")}, "start is not before end"),
        ({"start": -5.0, "end": 5.0}, "start is not before end"),
        ({"end": NOW + 1}, "end lies in the future"),
        ({"start": NOW - 7 * DAY - 1}, "longer than 7 days"),
    ],
)
def test_what_cannot_be_one_is_refused_in_words(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|longer|characters") as refused:
        made(**changed)
    assert said in str(refused.value)
    made(start=NOW - 7 * DAY)


def test_labels_that_may_be_of_one_series() -> None:
    assert may_be_one({}, {"a": "1"})
    assert may_be_one({"a": "1", "b": "2"}, {"a": "1", "c": "3"})
    assert not may_be_one({"a": "1"}, {"a": "2"})
