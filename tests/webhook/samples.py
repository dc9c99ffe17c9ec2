"""Deliveries as real senders write them, version by version."""

import json
from typing import Any

# What Grafana 9 to 12 sends for a rule on two instances, one of them without data.
GRAFANA: dict[str, Any] = {
    "receiver": "anomaly webhook",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "High memory usage", "team": "blue", "zone": "us-1"},
            "annotations": {
                "summary": "Memory is high in us-1",
                "runbook_url": "https://runbooks.example.org/1234",
            },
            "startsAt": "2026-10-12T09:51:03.157076+02:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.org/alerting/1afz29v7z/edit",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.example.org/alerting/silence/new?matchers=zone%3Dus-1",
            "dashboardURL": "https://grafana.example.org/d/abc123",
            "panelURL": "https://grafana.example.org/d/abc123?viewPanel=4",
            "imageURL": "https://grafana.example.org/img/1.png",
            "values": {"B": 44.23943737541908, "C": 1},
            "valueString": "[ var='B' labels={zone=us-1} value=44.23943737541908 ]",
        },
        {
            "status": "resolved",
            "labels": {
                "alertname": "DatasourceNoData",
                "rulename": "High memory usage",
                "datasource_uid": "prom",
                "ref_id": "A",
                "grafana_folder": "Ops",
            },
            "annotations": {"Error": "failed to build query 'A'"},
            "startsAt": "2026-10-12T09:56:03.157076+02:00",
            "endsAt": "2026-10-12T10:01:03.157076+02:00",
            "generatorURL": "https://grafana.example.org/alerting/d1rdpdv7k/edit",
            "fingerprint": "bc97ff14869b13e3",
            "silenceURL": "https://grafana.example.org/alerting/silence/new",
            "dashboardURL": "",
            "panelURL": "",
            "values": None,
            "valueString": "",
        },
    ],
    "groupLabels": {"alertname": "High memory usage"},
    "commonLabels": {"team": "blue"},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.org/",
    "version": "1",
    "groupKey": '{}:{alertname="High memory usage"}',
    "truncatedAlerts": 0,
    "orgId": 1,
    "title": "[FIRING:1, RESOLVED:1] High memory usage (blue)",
    "state": "alerting",
    "message": "**Firing**\n\nLabels: …",
}

_LABELS = {"alertname": "InstanceDown", "instance": "db1:9100", "job": "node"}
_ALERT = {
    "status": "firing",
    "labels": _LABELS,
    "annotations": {"summary": "db1:9100 is down"},
    "startsAt": "2026-10-12T07:51:03.157076123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    "fingerprint": "6b3f1c2a9d4e5f60",
}


def alertmanager(version: str) -> dict[str, Any]:
    """Return what this version posts for one firing alert of one group."""
    minor = int(version.split(".")[1])
    document: dict[str, Any] = {
        "receiver": "my\\.team",
        "status": "firing",
        "alerts": [dict(_ALERT)],
        "groupLabels": {"alertname": "InstanceDown"},
        "commonLabels": _LABELS,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": '{}:{alertname="InstanceDown"}',
        "truncatedAlerts": 0,
    }
    if minor >= 32:
        document["notification_reason"] = "first notification"
    if minor >= 34:
        document["routeLabels"] = {"team": "db"}
    return document


def encoded(document: dict[str, Any]) -> bytes:
    """Return it as a request body."""
    return json.dumps(document).encode()
