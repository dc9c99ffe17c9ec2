"""Does the fast way of reading a body find exactly what the tolerant one finds?"""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.webhook.deliveries import NOW, alert_json, body
from webhook.core.alerts import parse_delivery, parse_odd_delivery
from webhook.core.text import MAX_CHARACTERS
from webhook.core.usual import read_usual

_PLAIN = st.sampled_from(["a", "instance", "\u00e4<&>", "\x7f", "10.0.0.1:9100"])
_TEXT = _PLAIN | _PLAIN | st.text(st.characters(exclude_categories=()), max_size=6)
_TEXTS = st.dictionaries(_TEXT, _TEXT, max_size=3)
_INSTANTS = st.sampled_from(
    ["2027-01-15T07:59:00.123456789Z", "0001-01-01T00:00:00Z", "2040-01-01T00:00:00Z", "soon", ""]
)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)
_GOOD: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(["firing", "resolved"]),
    "labels": _TEXTS,
    "annotations": _TEXTS,
    "startsAt": _INSTANTS,
    "endsAt": _INSTANTS,
    "generatorURL": _TEXT,
    "fingerprint": st.sampled_from(["abc", "a b", "abc\n", ""]) | _TEXT,
}
_ODD = {name: _ANYTHING for name in [*_GOOD, "values", "valueString", "silenceURL", "other"]}
_NEEDED = {name: _GOOD[name] for name in ("status", "startsAt", "endsAt")}
_ALERTS = st.lists(
    st.fixed_dictionaries(
        {**_NEEDED, "labels": st.dictionaries(_TEXT, _TEXT, min_size=1, max_size=3)},
        optional={name: _GOOD[name] for name in ("annotations", "generatorURL", "fingerprint")},
    )
    | st.fixed_dictionaries({}, optional=_ODD),
    max_size=2,
)
_AROUND = st.fixed_dictionaries(
    {},
    optional={
        "receiver": _TEXT,
        "externalURL": _TEXT | _ANYTHING,
        "notification_reason": _TEXT,
        "truncatedAlerts": st.sampled_from([0, 12, 0.0, -1, None, "0"]),
        "groupLabels": _TEXTS | _ANYTHING,
        "orgId": st.just(1),
        "title": _TEXT,
        "state": _TEXT,
    },
)


def _agree(raw: bytes) -> None:
    if read_usual(raw) is not None:
        assert parse_delivery(raw, NOW) == parse_odd_delivery(raw, NOW)


@given(_ALERTS, _AROUND, st.booleans())
def test_both_ways_find_the_same(
    alerts: list[dict[str, Any]], around: dict[str, Any], is_ascii: bool
) -> None:
    text = json.dumps({**around, "alerts": alerts}, ensure_ascii=is_ascii)

    _agree(text.encode("utf-8", "surrogatepass"))


_USUAL = body(alert_json(), alert_json("resolved", "def", NOW - 90, NOW - 30))
_PIECES = st.sampled_from(
    [
        *(
            b"\x00",
            b"\x01",
            b"\xff",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"\\",
            b'"',
            b",",
            b"}",
            b"{",
        ),
        *(
            b"\\u0000",
            b"\\ud800",
            b"\\u00e4",
            b"NaN",
            b"1e999",
            b"null",
            b" ",
            b'"labels": {}, ',
            b"",
        ),
    ]
)


@given(st.integers(0, len(_USUAL)), st.integers(0, 3), _PIECES)
@example(0, 0, b"\xef\xbb\xbf")
@example(len(_USUAL), 0, b"\x00")
def test_both_ways_find_the_same_in_a_body_that_was_damaged(
    at: int, lost: int, piece: bytes
) -> None:
    _agree(_USUAL[:at] + piece + _USUAL[at + lost :])


def test_what_alertmanager_sends_is_usual() -> None:
    assert read_usual(_USUAL) is not None
    assert read_usual(body(alert_json(labels={"a": "<&ä😀>"}))) is not None


@pytest.mark.parametrize(
    "text", ["a\x00b", "\ud800", "x" * (MAX_CHARACTERS + 1)], ids=["nul", "surrogate", "long"]
)
def test_a_string_that_must_be_changed_is_not_usual(text: str) -> None:
    for odd in ({"labels": {"a": text}}, {"annotations": {text: "a"}}, {"generatorURL": text}):
        raw = body(alert_json() | odd)

        assert read_usual(raw) is None
        assert text not in repr(parse_delivery(raw, NOW))


def test_what_only_grafana_sends_is_not_usual() -> None:
    assert read_usual(body(alert_json() | {"valueString": "[ var='A' ]"})) is None
    assert read_usual(b'{"alerts": [], "orgId": 1}') is None


def test_deep_nesting_is_not_usual() -> None:
    assert read_usual(b'{"alerts": [], "groupLabels": ' + b"[" * 500_000) is None
