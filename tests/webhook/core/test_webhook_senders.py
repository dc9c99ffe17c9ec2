"""Deliveries of real senders, and what is kept of their additions."""

import json
from typing import Any

import pytest

from tests.webhook.samples import GRAFANA, alertmanager, encoded
from webhook.core.alerts import parse_delivery

NOW = 1_800_000_000.0


@pytest.mark.parametrize("version", ["0.25", "0.28", "0.32", "0.34"])
def test_every_alertmanager_is_read(version: str) -> None:
    delivery = parse_delivery(encoded(alertmanager(version)), NOW)

    (alert,) = delivery.alerts
    assert (delivery.problems, delivery.origin) == ((), "alertmanager")
    assert alert.starts_at == pytest.approx(1791791463.157, abs=0.001), "nanoseconds are read, too"
    assert (alert.ends_at, alert.extras) == (None, {})
    assert bool(delivery.cause) == (version in ("0.32", "0.34"))


def test_grafana_is_read_with_its_additions() -> None:
    delivery = parse_delivery(encoded(GRAFANA), NOW)

    firing, no_data = delivery.alerts
    assert (delivery.origin, delivery.problems) == ("grafana", ())
    assert delivery.source == "https://grafana.example.org/"
    assert firing.fingerprint == "c6eadffa33fcdf37"
    assert firing.extras == {
        "values": {"B": 44.23943737541908, "C": 1.0},
        "value_string": "[ var='B' labels={zone=us-1} value=44.23943737541908 ]",
        "silence_url": "https://grafana.example.org/alerting/silence/new?matchers=zone%3Dus-1",
        "dashboard_url": "https://grafana.example.org/d/abc123",
        "panel_url": "https://grafana.example.org/d/abc123?viewPanel=4",
        "image_url": "https://grafana.example.org/img/1.png",
    }
    assert no_data.labels["rulename"] == "High memory usage"
    assert no_data.extras == {
        "silence_url": "https://grafana.example.org/alerting/silence/new",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("panelURL", "javascript:alert(1)"),
        ("panelURL", "//evil.example.org/x"),
        ("panelURL", "http://"),
        ("panelURL", "http://[broken"),
        ("panelURL", "https://a.example.org/\nSet-Cookie: x"),
        ("panelURL", "https://a.example.org/" + "x" * 3_000),
        ("imageURL", {"not": "text"}),
        ("values", "B=1"),
        ("values", {"B": None, "C": [1], "D": "much", "E": True}),
        ("values", {"B": float("nan"), "C": float("inf"), "D": 10**400}),
        ("valueString", [7]),
    ],
)
def test_what_cannot_be_used_is_left_out(field: str, value: object) -> None:
    item: dict[str, Any] = {"status": "firing", "labels": {"alertname": "x"}, field: value}

    (alert,) = parse_delivery(encoded({"orgId": 1, "alerts": [item]}), NOW).alerts

    assert alert.extras == {}


def test_additions_are_cut_to_a_size() -> None:
    item = {
        "status": "firing",
        "labels": {"alertname": "x"},
        "values": {f"{i}" + "n" * 500: i for i in range(1_000)},
        "valueString": "v" * 100_000,
    }

    (alert,) = parse_delivery(encoded({"title": "t", "state": "ok", "alerts": [item]}), NOW).alerts

    assert len(json.dumps(alert.extras)) < 10_000
