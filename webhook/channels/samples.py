"""What would a message of each kind look like? Made-up ones, for tests of channels by people.

They say of themselves that they are tests, and carry every fact that a real one may carry.
"""

import math
from dataclasses import replace
from typing import Final, Literal, get_args

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
from webhook.core.sparkline import sparkline

Sample = Literal["firing", "warning", "resolved", "digest", "forecast"]
SAMPLES: Final[tuple[Sample, ...]] = get_args(Sample)

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_STEP = 120.0


def sample(kind: Sample, channel: str, external_url: str, now: float) -> Message:
    """Return a message of that kind, about things that do not exist.

    Parameters
    ----------
    external_url : what links start with
    now : unix seconds
    """
    message = _firing(channel, external_url, now)
    match kind:
        case "warning":
            return _warning(message, now)
        case "resolved":
            return _resolved(message, now)
        case "digest":
            return _digest(message, external_url, now)
        case "forecast":
            return _forecast(message, now)
    return message


def _firing(channel: str, external_url: str, now: float) -> Message:
    began = now - 11 * _MINUTE
    course = _course(now, began, now + 1, middle=0.34, half=0.13, peak=1.84)
    return Message(
        key=f"test-{int(now)}-firing-{channel}",
        incident=0,
        status="firing",
        severity="critical",
        alertname="AnomalyDetected",
        query="http_request_duration_seconds",
        labels={
            "alertname": "AnomalyDetected",
            "severity": "critical",
            "query": "http_request_duration_seconds",
            "service": "checkout",
            "instance": "test",
        },
        annotations={
            "summary": "http_request_duration_seconds is outside of what is normal for it.",
            "description": f"Somebody ran anomaly-webhook send-test for the channel {channel}.",
        },
        starts_at=began,
        ends_at=None,
        generator_url="",
        links=Links(incident=external_url),
        is_test=True,
        level="critical",
        reading=Reading(
            value=1.84,
            expected=0.34,
            lower=0.21,
            upper=0.47,
            score=0.98,
            threshold=0.6,
            sigmas=11.5,
            unit="seconds",
        ),
        course=course,
        siblings=Siblings(3, 12, ("pod-4", "pod-7", "pod-9")),
        history=History(
            2, 30, now - 12 * _DAY, "confirmed", now - 12 * _DAY + _HOUR, "a colleague"
        ),
        why="far above the band for 11 minutes; forecast_error and novelty agree",
        sparkline=sparkline(course.values),
    )


def _course(
    now: float, began: float, ended: float, middle: float, half: float, peak: float
) -> Course:
    """Return three hours of a calm series that leaves its band between two instants."""
    times = [now - 3 * _HOUR + step * _STEP for step in range(91)]
    waves = [middle + 0.4 * half * math.sin((at - now) / 1_500) for at in times]
    noise = [0.35 * half * math.sin(7.1 * step) for step in range(91)]
    values = [
        (peak - (peak - wave) * math.exp((began - at) / 150) if began <= at < ended else wave) + odd
        for at, wave, odd in zip(times, waves, noise, strict=True)
    ]
    return Course(times, values, [at - half for at in waves], [at + half for at in waves])


def _warning(message: Message, now: float) -> Message:
    course = _course(now, message.starts_at, now + 1, middle=3_050, half=1_150, peak=12_400)
    return replace(
        message,
        course=course,
        sparkline=sparkline(course.values),
        key=message.key.replace("test-", "test-warning-", 1),
        severity="warning",
        level="medium",
        query="queue_depth",
        labels={**message.labels, "severity": "warning", "query": "queue_depth", "service": "mail"},
        annotations={"summary": "queue_depth is outside of what is normal for it."},
        reading=Reading(12_410, 3_050, 1_900, 4_200, 0.74, 0.6, 4.1, "messages"),
        siblings=None,
        history=History(0, 30),
        cause=Cause(4, 3, "http_request_duration_seconds of checkout", 1, False, "same cluster"),
        why="above the band; the same hour last week 3,100",
    )


def _resolved(message: Message, now: float) -> Message:
    began = now - 29 * _MINUTE
    course = _course(now, began, now - 4 * _MINUTE, middle=0.34, half=0.13, peak=1.84)
    return replace(
        message,
        course=course,
        sparkline=sparkline(course.values),
        key=message.key.replace("-firing-", "-resolved-"),
        status="resolved",
        starts_at=began,
        ends_at=now,
        reading=replace(message.reading or Reading(), value=0.36),
        siblings=None,
    )


def _forecast(message: Message, now: float) -> Message:
    return replace(
        message,
        key=message.key.replace("test-", "test-forecast-", 1),
        severity="warning",
        level="medium",
        alertname="AnomalyBreachPredicted",
        query="node_filesystem_used_ratio",
        labels={
            **message.labels,
            "alertname": "AnomalyBreachPredicted",
            "severity": "warning",
            "query": "node_filesystem_used_ratio",
            "service": "db1",
        },
        annotations={"summary": "node_filesystem_used_ratio is expected to cross its limit."},
        reading=Reading(value=0.83, unit="ratio"),
        course=None,
        sparkline="▁▁▂▂▃▃▄▅▅▆▇█",
        siblings=None,
        history=History(0, 30),
        breach=Breach(
            now + 130 * _MINUTE, now + 90 * _MINUTE, now + 200 * _MINUTE, probability=0.8
        ),
        why="",
    )


def _digest(message: Message, external_url: str, now: float) -> Message:
    limit = "10 notifications in 15 minutes"
    rows = (
        DigestRow("critical", "AnomalyDetected db_connections db1", 1, True, limit),
        DigestRow("medium", "AnomalyDetected queue_depth mail", 7, True, "one in 5 minutes each"),
        DigestRow("medium", "AnomalyDetected cpu_busy web-3", 3, False, "opens and closes often"),
        DigestRow("low", "AnomalyDrift disk_io db2", 1, False, "quiet hours"),
    )
    return replace(
        message,
        key=f"digest-test-{message.key}",
        severity="none",
        alertname="",
        query="",
        labels={},
        annotations={},
        reading=None,
        course=None,
        siblings=None,
        history=None,
        why="",
        sparkline="",
        digest=Digest(
            now - 15 * _MINUTE,
            now,
            held=12,
            still_open=8,
            rows=rows,
            by_level={"critical": 1, "medium": 10, "low": 1},
            url=external_url,
        ),
    )
