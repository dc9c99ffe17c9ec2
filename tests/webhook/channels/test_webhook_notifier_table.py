"""Every channel against every way to fail: what is final, and what each failure costs."""

import logging
from dataclasses import dataclass

import pytest

from tests.webhook.channels.kit import CANARY, CERTIFICATES, channel, failure, sent
from tests.webhook.standins.faulty import Fault, Faulty, faulty
from tests.webhook.standins.mail import server_tls
from webhook.channels.base import Channel

_BASE = f"hook/{CANARY}"


def _http(kind: str, base: str) -> Channel:
    match kind:
        case "webhook" | "teams":
            return channel(kind=kind, url=f"{base}{_BASE}?sig={CANARY}")
        case "slack":
            return channel(kind="slack", webhook_url=f"{base}{_BASE}")
        case "slackbot":
            return channel(kind="slack", bot_token=f"xoxb-{CANARY}", channel="#ops", api_url=base)
    return channel(kind="pagerduty", routing_key=CANARY, url=f"{base}v2/enqueue")


HTTP = ("webhook", "slack", "slackbot", "pagerduty", "teams")
# What each takes for a success.
GOOD = {"slack": b"ok", "slackbot": b'{"ok": true, "ts": "1.1", "channel": "C1"}'}


@dataclass(frozen=True)
class Meant:
    reason: str
    is_permanent: bool
    wait: float = 0.0


_SOON = (408, 425, 429)
_FINAL = Meant("rejected", is_permanent=True)
_AGAIN = Meant("server_error", is_permanent=False)
_STATUSES: list[tuple[int, dict[str, str], Meant]] = [
    *((status, {}, _FINAL) for status in (*range(400, 432), 451) if status not in _SOON),
    *((status, {}, _AGAIN) for status in (408, 425, 500, 501, 502, 503, 504)),
    *((status, {"Location": "/"}, Meant("redirected", is_permanent=True)) for status in (301, 307)),
    (429, {}, Meant("rate_limited", is_permanent=False)),
    (429, {"Retry-After": "17"}, Meant("rate_limited", is_permanent=False, wait=17)),
    (
        429,
        {"Retry-After": "Fri, 15 Jan 2027 08:02:00 GMT"},
        Meant("rate_limited", is_permanent=False, wait=120),
    ),
    (503, {"Retry-After": "5"}, Meant("server_error", is_permanent=False, wait=5)),
]


@pytest.mark.parametrize("kind", HTTP)
async def test_what_each_status_means(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"xoxb-{CANARY}" if kind == "slackbot" else f"/{_BASE}?sig={CANARY} or {CANARY}"
    async with faulty() as server:
        made = _http(kind, f"http://127.0.0.1:{server.port}/")
        for status, headers, meant in _STATUSES:
            server.status, server.headers, server.body = status, headers, echo.encode()
            error = await failure(made)
            found = Meant(error.reason, error.is_permanent, error.retry_after)
            assert found == meant, status
        assert server.requests == len(_STATUSES), "nothing is followed or repeated"
    ours = [entry for entry in caplog.records if entry.name.startswith("webhook")]
    assert all(CANARY not in entry.getMessage() + str(vars(entry)) for entry in ours)


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_success_is_2xx_and_what_the_protocol_says(kind: str, status: int) -> None:
    async with faulty() as server:
        server.status, server.body = status, GOOD.get(kind, b"")
        await sent(_http(kind, f"http://127.0.0.1:{server.port}/"))

        if kind in GOOD:
            server.body = b""
            error = await failure(_http(kind, f"http://127.0.0.1:{server.port}/"))
            assert (error.reason, error.is_permanent) == ("server_error", False)


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("hang", "timeout"), ("reset", "unreachable"), ("junk", "unreachable")],
)
async def test_what_is_no_answer_is_tried_again(kind: str, fault: Fault, reason: str) -> None:
    async with faulty() as server:
        server.fault = fault
        made = _http(kind, f"http://127.0.0.1:{server.port}/")
        error = await failure(made, deadline=0.2 if fault == "hang" else 5.0)

    assert (error.reason, error.is_permanent) == (reason, False)


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("fault", ["drip", "flood"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_without_end_costs_neither_time_nor_memory(
    kind: str, fault: Fault, status: int
) -> None:
    async with faulty() as server:
        server.fault, server.status = fault, status
        made = _http(kind, f"http://127.0.0.1:{server.port}/")
        # Who reads no body is content with the status; Teams' flood says nothing of a failure.
        unread = ["webhook", "pagerduty", *(["teams"] if fault == "flood" else [])]
        if status == 200 and kind in unread:
            await sent(made)
        else:
            error = await failure(made, deadline=0.2)
            assert not error.is_permanent
        assert server.sent < 64_000_000, "what we do not read piles up at the sender"


@pytest.mark.parametrize("kind", HTTP)
async def test_a_strangers_certificate_is_refused(kind: str) -> None:
    async with faulty(server_tls("stranger")) as server:
        error = await failure(_http(kind, f"https://127.0.0.1:{server.port}/"))

    assert (error.reason, error.is_permanent) == ("tls", False)
    assert server.requests == 0, "nothing was said before the certificate was known"


@pytest.mark.parametrize("kind", HTTP)
async def test_an_unknown_host_and_a_closed_port_are_tried_again(kind: str) -> None:
    for base in ("http://nowhere.invalid/", "http://127.0.0.1:1/"):
        error = await failure(_http(kind, base))
        assert (error.reason, error.is_permanent) == ("unreachable", False)


def _mail(server: Faulty, **settings: object) -> Channel:
    return channel(
        kind="email",
        host="127.0.0.1",
        port=server.port,
        sender="alerts@example.org",
        recipients=["ops@example.org"],
        **{"tls": "none", **settings},
    )


@pytest.mark.parametrize(
    ("fault", "greets", "reason"),
    [
        ("hang", b"", "timeout"),
        ("reset", b"2", "unreachable"),
        ("drip", b"2", "timeout"),
        ("flood", b"220-", "unreachable"),
        ("answer", b"421 too busy\r\n", "server_error"),
        ("answer", b"hello, this is no SMTP\r\n", "unreachable"),
    ],
)
async def test_what_is_no_mail_server_is_tried_again(
    fault: Fault, greets: bytes, reason: str
) -> None:
    async with faulty() as server:
        server.fault, server.greets = fault, greets or b" "
        error = await failure(_mail(server), deadline=0.2 if reason == "timeout" else 5.0)
        assert server.sent < 64_000_000

    assert (error.reason, error.is_permanent) == (reason, False)


async def test_a_mail_server_that_wants_no_mail_at_all_is_final() -> None:
    async with faulty() as server:
        server.greets = b"554 no service here\r\n"
        error = await failure(_mail(server))

    assert (error.reason, error.is_permanent) == ("rejected", True)


async def test_mail_to_a_stranger_or_nobody_is_tried_again() -> None:
    async with faulty(server_tls("stranger")) as server:
        strange = await failure(_mail(server, tls="implicit", ca_file=str(CERTIFICATES / "ca.crt")))
    closed = await failure(_mail(server))

    assert (strange.reason, strange.is_permanent) == ("tls", False)
    assert (closed.reason, closed.is_permanent) == ("unreachable", False)
