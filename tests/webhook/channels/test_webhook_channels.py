"""The generic webhook against a real server, and what every channel must keep."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import ssl
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from tests.webhook.receiver import receiving
from webhook.channels import ALL, AnyChannel
from webhook.channels.base import Channel, attempt
from webhook.channels.http import retry_after
from webhook.channels.payload import payload
from webhook.core.facts import Links
from webhook.core.message import Message
from webhook.errors import ChannelError

KEY = b"0123456789abcdefghijklmnopqrstuv"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
MESSAGE = Message(
    key="abc-1-firing-ops",
    incident=7,
    status="firing",
    severity="critical",
    alertname="CpuAnomaly",
    query="cpu",
    labels={"alertname": "CpuAnomaly", "query": "cpu", "odd": "ü\n%s\x1b[31m"},
    annotations={"summary": "cpu is unusual", "value": "0.97"},
    starts_at=NOW,
    ends_at=None,
    generator_url="http://prometheus:9090/graph",
    links=Links("https://alerts.example.org/incidents/7"),
)


def channel(**settings: object) -> Channel:
    made: Channel = TypeAdapter(AnyChannel).validate_json(json.dumps(settings), strict=True)
    return made


async def send(made: Channel, deadline: float = 5.0) -> str:
    async with made.connect(ManualClock(NOW)) as sender:
        return (await attempt(sender, MESSAGE, deadline)).detail


async def failure(made: Channel, deadline: float = 5.0) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await send(made, deadline)
    assert "s3cr3t" not in str(caught.value), "a URL may hold a token"
    return caught.value


def test_the_table_holds_every_kind_once() -> None:
    kinds = [made.model_fields["kind"].default for made in ALL]

    assert kinds == ["log", "webhook", "slack", "pagerduty", "email", "teams", "apprise"]


async def test_posts_the_documented_json_signed_as_standard_webhooks() -> None:
    async with receiving() as receiver:
        made = channel(kind="webhook", url=receiver.url, signing_secret=SECRET)
        assert await send(made) == "HTTP 200"

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
        await send(channel(kind="webhook", url=receiver.url))

    ((headers, _),) = receiver.requests
    assert "webhook-signature" not in headers


_TABLE = [
    (301, {"Location": "/elsewhere"}, "redirected", True, 0),
    (308, {"Location": "/elsewhere"}, "redirected", True, 0),
    (400, {}, "rejected", True, 0),
    (401, {}, "rejected", True, 0),
    (404, {}, "rejected", True, 0),
    (408, {}, "server_error", False, 0),
    (410, {}, "rejected", True, 0),
    (413, {}, "rejected", True, 0),
    (425, {}, "server_error", False, 0),
    (429, {}, "rate_limited", False, 0),
    (429, {"Retry-After": "17"}, "rate_limited", False, 17),
    (429, {"Retry-After": "Fri, 15 Jan 2027 08:02:00 GMT"}, "rate_limited", False, 120),
    (500, {}, "server_error", False, 0),
    (503, {"Retry-After": "5"}, "server_error", False, 5),
    (503, {"Retry-After": "soon"}, "server_error", False, 0),
]


@pytest.mark.parametrize(("status", "headers", "reason", "is_permanent", "wait"), _TABLE)
async def test_what_each_answer_means(
    status: int, headers: dict[str, str], reason: str, is_permanent: bool, wait: float
) -> None:
    async with receiving() as receiver:
        receiver.status, receiver.headers = status, headers
        receiver.body = b"cannot POST /hook/s3cr3t-token\n because\x00 of you" + b"!" * 100_000
        error = await failure(channel(kind="webhook", url=receiver.url))

    assert (error.reason, error.is_permanent, error.retry_after) == (reason, is_permanent, wait)
    assert str(status) in str(error)
    assert len(str(error)) < 300
    assert len(receiver.requests) == 1, "a redirect is not followed"
    if reason != "redirected":
        assert "cannot POST <hidden> because\ufffd of you" in str(error)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_is_success(status: int) -> None:
    async with receiving() as receiver:
        receiver.status = status
        assert await send(channel(kind="webhook", url=receiver.url)) == f"HTTP {status}"


async def test_a_server_that_never_answers_costs_the_deadline() -> None:
    async with receiving() as receiver:
        receiver.misbehaviour = "hang"
        error = await failure(channel(kind="webhook", url=receiver.url), deadline=0.2)

    assert (error.reason, error.is_permanent) == ("timeout", False)
    assert str(error) == "no answer within 0.2 s"


@pytest.mark.parametrize(("status", "reason"), [(200, None), (500, "server_error")])
async def test_a_body_that_drips_is_not_waited_for(status: int, reason: str | None) -> None:
    async with receiving() as receiver:
        receiver.misbehaviour, receiver.status = "drip", status
        made = channel(kind="webhook", url=receiver.url)
        if reason is None:
            assert await send(made) == "HTTP 200"
        else:
            assert (await failure(made)).reason == reason


async def test_a_reset_and_a_closed_port_are_temporary() -> None:
    async with receiving() as receiver:
        receiver.misbehaviour = "reset"
        made = channel(kind="webhook", url=receiver.url)
        reset = await failure(made)
    refused = await failure(made)

    assert (reset.reason, reset.is_permanent) == ("unreachable", False)
    assert (refused.reason, refused.is_permanent) == ("unreachable", False)
    assert "cannot reach 127.0.0.1:" in str(refused)


async def test_plain_http_behind_an_https_url_is_a_tls_failure() -> None:
    async with receiving() as receiver:
        made = channel(kind="webhook", url=receiver.url.replace("http:", "https:"))
        error = await failure(made)

    assert (error.reason, error.is_permanent) == ("tls", False)


async def test_a_certificate_of_a_stranger_is_a_tls_failure() -> None:
    certificates = Path(__file__).parents[2] / "promkit" / "certs"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ssl=context)
    port = server.sockets[0].getsockname()[1]
    async with server:
        error = await failure(channel(kind="webhook", url=f"https://127.0.0.1:{port}/s3cr3t"))

    assert (error.reason, error.is_permanent) == ("tls", False)
    assert "certificate verify failed" in str(error)


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
        await send(made)
        url.write_text("s3cr3t: not a URL")
        no_url = await failure(made)

    assert "webhook-signature" in receiver.requests[0][0]
    for error in (missing, malformed, no_url):
        assert (error.reason, error.is_permanent) == ("secret", False)
    assert str(url) in str(missing)
    assert "base64" in str(malformed)


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

    assert await send(channel(kind="log", name="journal")) == "logged"

    (entry,) = caplog.records
    fields = vars(entry)
    assert fields["channel"] == "journal"
    for name in ("incident", "status", "severity", "alertname", "query", "value", "starts_at"):
        assert fields[name] == MESSAGE.as_json()[name]
    assert json.loads(fields["labels"]) == MESSAGE.labels
    assert json.loads(fields["links"]) == {"incident": "https://alerts.example.org/incidents/7"}


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
