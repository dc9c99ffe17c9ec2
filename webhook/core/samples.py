"""Which messages are there? One of each kind, to try templates and channels on."""

from collections.abc import Iterator
from dataclasses import replace

from webhook.core.facts import (
    Breach,
    Cause,
    Course,
    Digest,
    DigestRow,
    History,
    Links,
    Reading,
    Siblings,
)
from webhook.core.message import Message

_AT = 1_795_258_405.0  # 21 November 2026, 10:53:25 UTC


def samples() -> Iterator[Message]:
    """Yield a message of every kind: with all that can be known, and with as little as there is."""
    full = full_sample()
    bare = replace(
        full,
        annotations={},
        labels={"alertname": "AnomalyDetected"},
        query="",
        generator_url="",
        links=Links(full.links.incident),
        reading=None,
        course=None,
        siblings=None,
        history=None,
        breach=None,
        cause=None,
        why="",
        sparkline="",
    )
    for message in (full, bare):
        yield message
        yield replace(message, status="resolved", ends_at=_AT + 660)
    yield replace(bare, is_test=True, incident=0)
    yield replace(bare, incident=0, alertname="", labels={}, digest=_DIGEST)


def full_sample() -> Message:
    """Return the firing of an incident of which everything is known."""
    lower, upper = (0.21,) * 24, (0.47,) * 24
    values = (*(0.3 + 0.01 * (i % 5) for i in range(22)), 1.1, 1.84)
    times = tuple(_AT - 10_800 + 450 * (i + 1) for i in range(24))
    base = "https://alerts.example.org"
    return Message(
        key="94c27a3d91e3ef01-1795258405000-firing-ops",
        incident=7,
        status="firing",
        severity="critical",
        level="critical",
        alertname="AnomalyDetected",
        query="http_latency_p99",
        labels={
            "alertname": "AnomalyDetected",
            "severity": "critical",
            "query": "http_latency_p99",
            "service": "checkout",
            "pod": "pod-4",
        },
        annotations={
            "summary": "http_latency_p99 is outside of what is normal for it.",
            "description": "The latency of checkout is 1.84; expected 0.31.",
            "runbook_url": "https://runbooks.example.org/latency",
        },
        starts_at=_AT,
        ends_at=None,
        generator_url="https://prometheus.example.org/graph?g0.expr=ALERTS",
        links=Links(
            incident=f"{base}/incidents/7",
            graph="https://prometheus.example.org/graph?g0.expr=anomaly_value",
            panel="https://grafana.example.org/d/anomalies",
            runbook="https://runbooks.example.org/latency",
            silence="https://alertmanager.example.org/#/silences/new?filter=%7B%7D",
            confirm=f"{base}/feedback/TOKEN?verdict=confirmed",
            false_alarm=f"{base}/feedback/TOKEN?verdict=false_alarm",
        ),
        reading=Reading(1.84, 0.31, 0.21, 0.47, 0.97, 0.6, 23.5, "seconds"),
        course=Course(times, values, lower, upper),
        siblings=Siblings(3, 12, ("pod-4", "pod-7", "pod-9")),
        history=History(2, 30, _AT - 12 * 86_400, "confirmed", _AT - 12 * 86_400, "ana"),
        breach=Breach(_AT + 7_800, _AT + 5_400, _AT + 12_000, 0.8),
        cause=Cause(4, 5, "node_disk_busy on db1", 5, False, "the same cluster, the same minute"),
        why="1.84 s is above the band 0.21 s to 0.47 s (23.5 sigmas); so say mad 0.98, zscore 0.91",
        sparkline="▁▁▂▁▂▁▁▂▁▁▂▁▂▁▁▂▁▁▂▁▂▁▅█",
        picture_alt="http_latency_p99 of checkout over three hours, far above its band at the end",
    )


_DIGEST = Digest(
    since=_AT - 900,
    until=_AT,
    held=12,
    still_open=7,
    rows=(
        DigestRow("medium", "AnomalyDetected http_latency_p99 pod-7", 7, True, "limit of 10"),
        DigestRow("low", "AnomalyDetected node_load db1", 5, False, "quiet hours"),
    ),
    by_level={"medium": 7, "low": 5},
    url="https://alerts.example.org/digests/3",
)
