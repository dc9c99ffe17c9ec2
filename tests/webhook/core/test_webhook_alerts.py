import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhook.deliveries import NOW, alert_json, body
from webhook.core.alerts import Delivery, parse_delivery, severity_of
from webhook.core.text import MAX_CHARACTERS, storable
from webhook.errors import DeliveryError


def test_reads_what_alertmanager_sends() -> None:
    delivery = parse_delivery(
        body(alert_json(), alert_json("resolved", "def", NOW - 90, NOW - 30)), NOW
    )

    assert (delivery.receiver, delivery.source) == ("webhook", "http://alertmanager:9093")
    assert delivery.cause == "first notification"
    firing, resolved = delivery.alerts
    assert firing.fingerprint == "abc"
    assert (firing.starts_at, firing.ends_at) == (NOW - 60, None)
    assert firing.annotations == {"summary": "cpu is unusual", "value": "0.97"}
    assert firing.generator_url.startswith("http://prometheus")
    assert (resolved.status, resolved.starts_at, resolved.ends_at) == (
        "resolved",
        NOW - 90,
        NOW - 30,
    )


def test_the_status_of_each_alert_decides_not_that_of_the_group() -> None:
    document = json.loads(body(alert_json("resolved", ends_at=NOW)))
    document["status"] = "firing"

    (alert,) = parse_delivery(json.dumps(document).encode(), NOW).alerts

    assert alert.status == "resolved"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 500_000, "nested too deeply"),
        (b"[]", "no list 'alerts'"),
        (b'{"alerts": {}}', "no list 'alerts'"),
        (b'{"text": "a custom payload"}', "without a custom payload"),
        (b'{"alerts": [7]}', r"alerts\[0\]: found something that is not an object"),
        (b'{"alerts": [{"status": "broken"}]}', "status is 'broken'; allowed: 'firing'"),
        (b'{"alerts": [{"status": "firing", "labels": {}}]}', "no labels"),
        (b'{"alerts": [{"status": "firing", "labels": "a"}]}', "no labels"),
    ],
)
def test_garbage_is_refused_with_a_reason(raw: bytes, problem: str) -> None:
    with pytest.raises(DeliveryError, match=problem):
        parse_delivery(raw, NOW)


def test_a_broken_alert_does_not_cost_its_neighbours() -> None:
    delivery = parse_delivery(body(alert_json(), {"status": "what"}), NOW)

    assert len(delivery.alerts) == 1
    assert delivery.problems == ("alerts[1]: status is 'what'; allowed: 'firing', 'resolved'",)


def test_an_empty_list_is_no_problem() -> None:
    assert parse_delivery(b'{"alerts": []}', NOW).alerts == ()


def test_values_no_database_takes_are_replaced() -> None:
    raw = (
        b'\xef\xbb\xbf{"alerts": [{"status": "firing", "fingerprint": "a b", "labels": '
        b'{"surrogate": "x\\ud800y", "nul": "a\\u0000b", "bytes": "\xff", "nan": NaN, '
        b'"huge": ' + b"9" * 5000 + b', "none": null, "yes": true, "list": [1]}}], '
        b'"truncatedAlerts": ' + b"9" * 5000 + b"}"
    )

    delivery = parse_delivery(raw, NOW)

    (alert,) = delivery.alerts
    assert alert.labels == {
        "surrogate": "x\ufffdy",
        "nul": "a\ufffdb",
        "bytes": "\ufffd",
        "nan": "NaN",
        "huge": "9" * 5000,
        "none": "",
        "yes": "true",
        "list": '["1"]',
    }
    assert len(alert.fingerprint) == 16, "an odd one is replaced by a hash of the labels"
    assert delivery.truncated == 0


def test_without_a_fingerprint_the_labels_tell_series_apart() -> None:
    def fingerprint(labels: dict[str, str]) -> str:
        item = alert_json(labels=labels)
        del item["fingerprint"]
        return parse_delivery(body(item), NOW).alerts[0].fingerprint

    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1", "b": "2"}) != fingerprint({"a": "1", "b": "3"})


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "expected"),
    [
        (None, None, (NOW, NOW)),
        ("yesterday", "tomorrow", (NOW, NOW)),
        (7, [], (NOW, NOW)),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", (NOW, NOW)),
        ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", (NOW, NOW)),
        ("2040-01-01T00:00:00Z", "2040-01-01T00:00:00Z", (NOW, NOW)),
        ("2027-01-15T07:59:00.123456789Z", "2027-01-15T08:00:01Z", (NOW - 59.876544, NOW + 1)),
        ("2027-01-15T08:00:00Z", "2027-01-15T07:00:00Z", (NOW - 3600, NOW - 3600)),
    ],
)
def test_instants_that_cannot_be_true_become_now(
    starts_at: Any, ends_at: Any, expected: tuple[float, float]
) -> None:
    item = alert_json("resolved") | {"startsAt": starts_at, "endsAt": ends_at}

    (alert,) = parse_delivery(body(item), NOW).alerts

    assert (alert.starts_at, alert.ends_at) == pytest.approx(expected, abs=1e-5)


def test_truncation_by_the_sender_is_noticed() -> None:
    assert parse_delivery(b'{"alerts": [], "truncatedAlerts": 12}', NOW).truncated == 12


def test_long_values_are_cut() -> None:
    text = storable("ä" * 100_000)

    assert len(text) == MAX_CHARACTERS
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("labels", "severity"),
    [({}, "none"), ({"severity": " Critical "}, "critical"), ({"severity": ""}, "none")],
)
def test_severity(labels: dict[str, str], severity: str) -> None:
    assert severity_of(labels) == severity


def _check_storable(delivery: Delivery) -> None:
    for alert in delivery.alerts:
        strings = (*alert.labels, *alert.labels.values(), *alert.annotations.values())
        for text in (alert.fingerprint, alert.generator_url, *strings):
            text.encode("utf-8")
            assert "\x00" not in text
        assert 0 < alert.starts_at <= (alert.ends_at or 2**40)
        json.dumps(alert.labels, allow_nan=False)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        delivery = parse_delivery(raw, NOW)
    except DeliveryError:
        return
    _check_storable(delivery)


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_ODD_ALERT = st.fixed_dictionaries(
    {"status": st.sampled_from(["firing", "resolved"]) | _ANYTHING},
    optional={
        name: _ANYTHING | st.dictionaries(st.text(), _SCALARS, max_size=3)
        for name in ("labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint")
    },
)


@given(st.lists(_ODD_ALERT | _ANYTHING, max_size=3), _ANYTHING)
def test_any_json_of_that_shape_is_read_or_refused(alerts: list[Any], other: Any) -> None:
    document = {"alerts": alerts, "receiver": other, "truncatedAlerts": other, "new": other}
    try:
        delivery = parse_delivery(json.dumps(document).encode(), NOW)
    except DeliveryError:
        return
    _check_storable(delivery)
