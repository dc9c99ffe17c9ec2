"""PagerDuty: one alert per incident, however often anything is repeated."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tests.webhook.channels.kit import HOSTILE, LINKS, channel, failure, sent
from tests.webhook.deliveries import NOW
from tests.webhook.standins.pagerduty import ROUTING_KEY, PagerDuty, pagerduty
from webhook.channels.base import Channel
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.core.message import Message

KEY = "94c27a3d91e3ef01-1795258733762"


def message(kind: Sample = "firing", **changes: Any) -> Message:
    made = sample(kind, "pagerduty", "https://alerts.example.org", NOW)
    key = f"{KEY}-{made.status}-pagerduty"
    return replace(made, **{"is_test": False, "links": LINKS, "key": key, **changes})


def service(standin: PagerDuty) -> Channel:
    return channel(kind="pagerduty", routing_key=ROUTING_KEY, url=standin.url)


@pytest.mark.parametrize("kind", SAMPLES)
async def test_every_kind_of_message_is_accepted(kind: Sample) -> None:
    async with pagerduty() as standin:
        receipt = await sent(service(standin), message(kind))

    assert receipt.detail.startswith("HTTP 202, anomaly-")
    assert len(standin.events) == 1


async def test_a_repeated_trigger_pages_once_and_the_resolved_closes_it() -> None:
    async with pagerduty() as standin:
        made = service(standin)
        await sent(made, message())
        await sent(made, message())
        assert standin.open == {f"anomaly-{KEY}"}
        await sent(made, message("resolved"))

    assert standin.open == set()
    assert standin.pages == [f"anomaly-{KEY}"]
    assert set(standin.events[-1]) == {"routing_key", "event_action", "dedup_key"}


async def test_everything_known_stands_in_the_event() -> None:
    async with pagerduty() as standin:
        await sent(service(standin), message())

    (event,) = standin.events
    payload = event["payload"]
    assert payload["summary"].startswith("🔴 CRITICAL checkout http_request_duration_seconds")
    assert "1.84 s, expected 0.21 s to 0.47 s" in payload["summary"]
    assert (payload["source"], payload["group"]) == ("checkout", "checkout")
    assert (payload["component"], payload["class"]) == (
        "http_request_duration_seconds",
        "AnomalyDetected",
    )
    assert payload["timestamp"].endswith("Z")
    details = payload["custom_details"]
    assert "3 of 12" in details["since"]
    assert details["facts"]["sigmas"] == 11.5
    assert event["client_url"] == LINKS.incident
    assert {link["text"] for link in event["links"]} >= {"Graph", "Runbook", "🚫 False alarm"}
    assert event["images"][0]["src"] == LINKS.picture


@pytest.mark.parametrize(
    ("level", "severity"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")],
)
async def test_levels_become_severities(level: str, severity: str) -> None:
    async with pagerduty() as standin:
        await sent(service(standin), message(level=level))
        await sent(service(standin), message(level=level, is_test=True))

    assert [event["payload"]["severity"] for event in standin.events] == [severity, "info"]


async def test_a_digest_is_as_loud_as_the_worst_that_fires_until_all_of_it_is_over() -> None:
    first = message("digest", key="digest-1-pagerduty")
    assert first.digest is not None
    over = replace(first.digest, still_open=0)
    async with pagerduty() as standin:
        made = service(standin)
        await sent(made, first)
        await sent(made, replace(first, key="digest-2-pagerduty"))
        assert len(standin.open) == 2
        receipt = await sent(made, replace(first, key="digest-3-pagerduty", digest=over))
        assert receipt.detail == "not sent: nothing of the digest fires any more"
        await sent(made, replace(first, status="resolved", digest=replace(over, ends=1)))

    assert standin.open == {f"anomaly-digest-2-pagerduty-{int(first.digest.until)}"}
    assert [event["event_action"] for event in standin.events] == ["trigger", "trigger", "resolve"]
    assert standin.events[0]["payload"]["severity"] == "critical"


def test_only_what_is_critical_or_high_pages_unless_somebody_says_so() -> None:
    levels = channel(kind="pagerduty", routing_key="x").levels
    assert levels is not None
    assert sorted(levels) == ["critical", "high"]
    assert channel(kind="pagerduty", routing_key="x", levels=None).levels is None


async def test_pictures_without_https_are_left_out() -> None:
    async with pagerduty() as standin:
        links = replace(LINKS, picture="http://localhost:9854/chart.png")
        await sent(service(standin), message(links=links))

    assert standin.events[0]["images"] == []


async def test_the_limits_hold_for_messages_of_any_size() -> None:
    text = HOSTILE * 5_000
    huge = message(
        labels={f"label{i}": text for i in range(50)},
        annotations={f"a{i}": text for i in range(50)},
        alertname=text, query=text, why=text, key=f"{text}-firing-pagerduty",
    )  # fmt: skip
    bare = message(labels={}, query="", alertname="", reading=None, why="", siblings=None)
    async with pagerduty() as standin:
        await sent(service(standin), huge)
        await sent(service(standin), bare)

    assert [event["payload"]["source"] for event in standin.events][1] == "anomaly-webhook"


async def test_a_refused_event_is_final_and_the_key_is_never_shown() -> None:
    async with pagerduty() as standin:
        made = channel(kind="pagerduty", routing_key="s3cr3t", url=standin.url)
        error = await failure(made, message())

    assert error.is_permanent
    assert "routing_key' is missing or invalid" in str(error)


def test_a_routing_key_is_needed() -> None:
    with pytest.raises(ValidationError, match="found neither routing_key nor routing_key_file"):
        channel(kind="pagerduty")
    assert "eu.pagerduty" in channel(
        kind="pagerduty", routing_key="x", url="https://events.eu.pagerduty.com/v2/enqueue"
    ).model_dump_json()  # fmt: skip
