"""Apprise: its services, which only say yes or no."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.webhook.channels.kit import LINKS, MESSAGE, channel, failure, sent
from tests.webhook.deliveries import NOW
from tests.webhook.receiver import Receiver, receiving
from webhook.channels.base import Channel
from webhook.channels.samples import sample

# Apprise's own import, on Python before 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def url(receiver: Receiver) -> str:
    """Return the address by which Apprise posts JSON to a receiver."""
    return receiver.url.replace("http://", "json://")


def through(*urls: str) -> Channel:
    return channel(kind="apprise", urls=urls)


async def test_title_and_body_arrive() -> None:
    message = replace(sample("resolved", "phone", "https://alerts.example.org", NOW), links=LINKS)
    async with receiving() as receiver:
        receipt = await sent(through(url(receiver)), message)

    ((_, raw),) = receiver.requests
    text = raw.decode("unicode_escape")
    assert receipt.detail == "delivered to 1 of 1"
    assert '"type": "success"' in text
    assert "RESOLVED checkout" in text
    assert LINKS.false_alarm in text


async def test_a_label_calls_nobody() -> None:
    hostile = replace(MESSAGE, query="@everyone", labels={"a": "<@123> <!channel> a@b"})
    async with receiving() as receiver:
        await sent(through(url(receiver)), hostile)

    text = receiver.requests[0][1].decode("unicode_escape").encode("utf-16", "surrogatepass")
    assert "@\u200beveryone" in text.decode("utf-16")
    for mention in ("@everyone", "<@1", "<!channel", "a@b"):
        assert mention not in text.decode("utf-16")


async def test_a_failure_is_tried_again_and_tells_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving() as receiver:
        receiver.status, receiver.body = 401, b"s3cr3t-token is wrong"
        error = await failure(through(url(receiver), "unknown://s3cr3t"))

    assert (error.reason, error.is_permanent) == ("server_error", False)
    assert "number 1 (JSON); number 2, which is no address that Apprise knows" in str(error)
    ours = [entry for entry in caplog.records if not entry.name.startswith("aiohttp")]
    assert not any("s3cr3t" in entry.getMessage() for entry in ours if "urllib3" not in entry.name)


async def test_what_reached_anybody_is_not_repeated() -> None:
    async with receiving() as receiver:
        receipt = await sent(through("unknown://s3cr3t", url(receiver)))

    assert receipt.detail == (
        "delivered, but not to number 1, which is no address that Apprise knows"
    )


async def test_a_service_that_hangs_costs_the_deadline_alone() -> None:
    async with receiving() as receiver:
        receiver.misbehaviour = "hang"
        error = await failure(through(url(receiver) + "?cto=1&rto=1"), deadline=0.2)

    assert (error.reason, error.is_permanent) == ("timeout", False)


async def test_addresses_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    made = channel(kind="apprise", urls_file=str(file))
    missing = await failure(made)
    file.write_text("# nobody yet\n")
    empty = await failure(made)
    async with receiving() as receiver:
        file.write_text(f"# phone\n{url(receiver)}\n\n")
        await sent(made, MESSAGE)

    assert (missing.reason, empty.reason) == ("secret", "secret")
    assert "holds no address" in str(empty)


def test_an_address_is_needed() -> None:
    with pytest.raises(ValidationError, match="found neither urls nor urls_file"):
        channel(kind="apprise", urls=[])
