"""The generic webhook against a real server, and what every channel must keep."""

import base64
import hashlib
import hmac
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.webhook.channels.kit import LINKS, MESSAGE, channel, failure, sent
from tests.webhook.deliveries import NOW
from tests.webhook.receiver import receiving
from webhook.channels import ALL
from webhook.channels.http import retry_after
from webhook.channels.payload import payload
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.core.facts import Reading

KEY = b"0123456789abcdefghijklmnopqrstuv"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


def test_the_table_holds_every_kind_once() -> None:
    kinds = [made.model_fields["kind"].default for made in ALL]

    assert kinds == ["log", "webhook", "slack", "pagerduty", "email", "teams", "apprise"]


def test_each_channel_keeps_the_pace_that_the_other_side_demands() -> None:
    paces = {kind: channel(kind=kind, **settings).pace for kind, settings in _WITH_SECRETS.items()}

    assert paces == {
        "log": 0.0,
        "webhook": 0.0,
        "slack": 1.0,
        "pagerduty": 0.5,
        "email": 0.0,
        "teams": 0.25,
        "apprise": 1.0,
    }


async def test_posts_the_documented_json_signed_as_standard_webhooks() -> None:
    async with receiving() as receiver:
        made = channel(kind="webhook", url=receiver.url, signing_secret=SECRET)
        assert (await sent(made)).detail == "HTTP 200"

    ((headers, raw),) = receiver.requests
    assert json.loads(raw) == json.loads(json.dumps(payload(MESSAGE)))
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "abc-1-firing-ops"
    assert headers["webhook-timestamp"] == str(int(NOW))
    signed = f"abc-1-firing-ops.{int(NOW)}.".encode() + raw
    digest = hmac.new(KEY, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


async def test_without_a_secret_nothing_is_signed() -> None:
    async with receiving() as receiver:
        await sent(channel(kind="webhook", url=receiver.url))

    ((headers, _),) = receiver.requests
    assert "webhook-signature" not in headers


async def test_what_is_shown_of_a_refusal_is_one_short_line_without_our_url() -> None:
    async with receiving() as receiver:
        receiver.status = 404
        receiver.body = b"cannot POST /hook/s3cr3t-token\n because\x00 of you" + b"!" * 100_000
        error = await failure(channel(kind="webhook", url=receiver.url))

    assert str(error).startswith("HTTP 404: cannot POST <hidden> because\ufffd of you!!")
    assert len(str(error)) < 300


async def test_a_server_that_stalls_in_an_error_page_is_not_waited_for() -> None:
    async with receiving() as receiver:
        receiver.misbehaviour, receiver.status = "stall", 404
        error = await failure(channel(kind="webhook", url=receiver.url))

    assert str(error) == "HTTP 404"


async def test_secrets_are_read_for_each_notification(tmp_path: Path) -> None:
    url, secret = tmp_path / "url", tmp_path / "secret"
    made = channel(kind="webhook", url_file=str(url), signing_secret_file=str(secret))
    missing = await failure(made)
    async with receiving() as receiver:
        url.write_text(f"{receiver.url}\n")
        secret.write_text("s3cr3t but not base64")
        malformed = await failure(made)
        secret.write_text(SECRET)
        await sent(made)
        url.write_text("s3cr3t: not a URL")
        no_url = await failure(made)

    assert "webhook-signature" in receiver.requests[0][0]
    for error in (missing, malformed, no_url):
        assert (error.reason, error.is_permanent) == ("secret", False)
    assert str(url) in str(missing)
    assert "base64" in str(malformed)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_json_of_every_kind_can_be_read_again(kind: Sample) -> None:
    message = sample(kind, "ops", "https://alerts.example.org", NOW)

    found = json.loads(json.dumps(payload(message), allow_nan=False))

    assert found["version"] == "1"
    assert (found["digest"] is None) == (kind != "digest")
    assert (found["breach"] is None) == (kind != "forecast")


def test_the_readings_numbers_come_first_and_no_number_is_nan() -> None:
    found = payload(replace(MESSAGE, reading=Reading(float("nan"), 0.2, unit="ratio")))

    assert (found["value"], found["expected"], found["unit"]) == (0.97, 0.2, "ratio")


_WITH_SECRETS: dict[str, dict[str, object]] = {
    "log": {},
    "webhook": {"url": "http://127.0.0.1/s3cr3t", "signing_secret": SECRET},
    "slack": {"bot_token": "xoxb-s3cr3t", "channel": "#ops"},
    "pagerduty": {"routing_key": "s3cr3t"},
    "email": {
        "host": "smtp.example.org",
        "username": "alerts",
        "password": "s3cr3t",
        "sender": "alerts@example.org",
        "recipients": ["ops@example.org"],
    },
    "teams": {"url": "https://example.org/s3cr3t"},
    "apprise": {"urls": ["ntfy://s3cr3t"]},
}


@pytest.mark.parametrize("kind", [made.model_fields["kind"].default for made in ALL])
def test_every_channel_hides_its_secrets(kind: str) -> None:
    made = channel(kind=kind, **_WITH_SECRETS[kind])

    for text in (repr(made), str(made), made.model_dump_json()):
        assert "s3cr3t" not in text
        assert SECRET not in text


async def test_the_log_line_carries_every_fact(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    made = channel(kind="log", name="journal")
    assert (await sent(made, replace(MESSAGE, links=LINKS))).detail == "logged"

    (entry,) = caplog.records
    fields = vars(entry)
    assert fields["channel"] == "journal"
    for name in ("incident", "status", "severity", "alertname", "query", "value", "starts_at"):
        assert fields[name] == MESSAGE.as_json()[name]
    assert json.loads(fields["labels"]) == MESSAGE.labels
    links = json.loads(fields["links"])
    assert links["incident"] == "https://alerts.example.org/incidents/7"
    assert links["confirm"] == links["false_alarm"] == links["picture"] == "", "those are signed"


async def test_the_log_line_in_words_says_what_people_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    made = channel(kind="log", style="words")
    kinds: tuple[Sample, ...] = ("firing", "digest")
    for kind in kinds:
        await sent(made, sample(kind, "log", "https://alerts.example.org", 0.0))

    firing, digest = (vars(entry) | {"text": entry.getMessage()} for entry in caplog.records)
    assert firing["text"].endswith("checkout http_request_duration_seconds: above normal")
    assert firing["now"].startswith("1.84 s, expected 0.21 s to 0.47 s")
    assert firing["why"] == "far above the band for 11 minutes; forecast_error and novelty agree"
    assert firing["incident_url"] == "https://alerts.example.org"
    assert "/feedback/" not in str(firing)
    assert digest["text"].startswith("🧪 TEST 📋 DIGEST")
    assert "held back: " in digest["rows"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("-5", 0),
        ("9" * 400, 999_999_999),
        ("²", 0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2027 08:00:30 -0000", 30),
        ("Fri, 99 Jan 2027 08:00:30 GMT", 0),
    ],
)
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after(text, NOW) == seconds
