"""Buttons pressed in Slack: only Slack may say so, and only a signed button says for what."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.webhook.deliveries import NOW
from tests.webhook.web.verdictsite import VerdictSite, running
from webhook.adapters.store import Store
from webhook.channels.slackblocks import ACTIONS
from webhook.web.slack_interactions import ANSWERS, is_signed, may_answer

# The example of Slack's own documentation.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
EXAMPLE = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
AT = 1_531_420_618


@pytest.fixture
async def site(store: Store, tmp_path: Path) -> AsyncIterator[VerdictSite]:
    async with running(store, tmp_path) as started:
        yield started


def test_slacks_own_example_is_signed() -> None:
    assert is_signed(SECRET, str(AT), SIGNATURE, EXAMPLE, AT)
    assert is_signed(SECRET, str(AT), SIGNATURE, EXAMPLE, AT + 300)


@pytest.mark.parametrize(
    ("timestamp", "signature", "body", "now"),
    [
        (str(AT), SIGNATURE, EXAMPLE, AT + 301),
        (str(AT), SIGNATURE, EXAMPLE, AT - 301),
        (str(AT), SIGNATURE, EXAMPLE + b"x", AT),
        (str(AT), SIGNATURE[:-1] + "4", EXAMPLE, AT),
        (str(AT), "", EXAMPLE, AT),
        (str(AT), "v0=\udcff\u00e9", EXAMPLE, AT),
        ("", SIGNATURE, EXAMPLE, AT),
        ("soon", SIGNATURE, EXAMPLE, AT),
        ("1e9", SIGNATURE, EXAMPLE, AT),
        ("-1", SIGNATURE, EXAMPLE, AT),
        ("٣", SIGNATURE, EXAMPLE, AT),
        ("9" * 5000, SIGNATURE, EXAMPLE, AT),
    ],
)
def test_anything_else_is_not(timestamp: str, signature: str, body: bytes, now: float) -> None:
    assert not is_signed(SECRET, timestamp, signature, body, now)


async def press(
    site: VerdictSite,
    action: object,
    *,
    raw: bytes | None = None,
    sign_with: str = SECRET,
    **more: Any,
) -> aiohttp.ClientResponse:
    payload = {"type": "block_actions", "user": {"id": "U1", "username": "ana"},
               "actions": [action], **more}  # fmt: skip
    body = raw if raw is not None else urlencode({"payload": json.dumps(payload)}).encode()
    text = f"v0:{int(NOW)}:".encode() + body
    signature = "v0=" + hmac.digest(sign_with.encode(), text, hashlib.sha256).hex()
    headers = {
        "X-Slack-Request-Timestamp": str(int(NOW)),
        "X-Slack-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer: aiohttp.ClientResponse = await site.client.post(
        "/slack/interactions", data=body, headers=headers
    )
    return answer


def button(site: VerdictSite, name: str = "confirm") -> dict[str, str]:
    return {"action_id": ACTIONS[name], "value": site.token()}


async def test_a_button_is_a_verdict_of_whoever_pressed_it(site: VerdictSite) -> None:
    first = await press(site, button(site))
    second = await press(site, button(site, "false_alarm"), user={"id": "U2"})

    assert (first.status, await first.text(), second.status) == (200, "", 200)
    assert await site.verdicts() == [("false_alarm", "", "U2", "slack")]
    assert await site.audited() == [(None, "confirmed"), ("confirmed", "false_alarm")]


async def test_a_link_button_is_answered_and_nothing_more(site: VerdictSite) -> None:
    answer = await press(site, {"action_id": "link_graph", "type": "button"})
    assert answer.status == 200
    assert await site.verdicts() == []


async def test_a_button_without_a_token_of_ours_changes_nothing(site: VerdictSite) -> None:
    for value in ("", "junk", None, 5, {"a": 1}):
        answer = await press(site, {"action_id": ACTIONS["confirm"], "value": value})
        assert answer.status == 200, value
    assert await site.verdicts() == []


async def test_a_token_for_something_else_changes_nothing(site: VerdictSite) -> None:
    action = {"action_id": ACTIONS["confirm"], "value": site.token("chart")}
    assert (await press(site, action)).status == 200
    gone = {"action_id": ACTIONS["confirm"], "value": site.token(incident=9)}
    assert (await press(site, gone)).status == 200
    assert await site.verdicts() == []


async def test_who_is_not_slack_is_refused(site: VerdictSite) -> None:
    assert (await press(site, button(site), sign_with="other")).status == 401
    assert (await site.client.post("/slack/interactions", data=b"payload={}")).status == 401
    assert (await site.client.get("/slack/interactions")).status == 405
    assert await site.verdicts() == []


async def test_signed_nonsense_is_a_400(site: VerdictSite) -> None:
    deep = b"payload=" + b"%5B" * 20_000
    for raw in (b"", b"payload=", b"payload=[]", deep, b"\xff\xff", b"a&" * 99):
        assert (await press(site, {}, raw=raw)).status == 400, raw[:50]


async def test_odd_actions_do_nothing(site: VerdictSite) -> None:
    odd: tuple[object, ...] = (None, "x", [None], [5], [{"action_id": []}])
    for actions in odd:
        assert (await press(site, {}, actions=actions, user=None)).status == 200, actions


async def test_without_a_secret_the_address_does_not_exist(site: VerdictSite) -> None:
    site.settings = replace(site.settings, slack_secret_file=None)
    assert (await press(site, button(site))).status == 404
    site.settings = replace(site.settings, slack_secret_file=Path("/nonexistent"))
    assert (await press(site, button(site))).status == 503
    assert await site.verdicts() == []


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [
        ("https://hooks.slack.com/actions/T/1/x", True),
        ("https://hooks.slack.com:443/actions", True),
        ("http://hooks.slack.com/actions", False),
        ("https://hooks.slack.com.evil.org/", False),
        ("https://evil.org/hooks.slack.com", False),
        ("https://hooks.slack.com@evil.org/", False),
        ("https://hooks.slack.com:8080/", False),
        ("https://hooks.slack.com:x/", False),
        ("", False),
    ],
)
def test_answers_go_to_slack_alone(url: str, is_allowed: bool) -> None:
    assert may_answer(url, ("hooks.slack.com",)) is is_allowed


async def test_an_address_elsewhere_gets_no_answer_and_the_verdict_counts(
    site: VerdictSite, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await press(site, button(site), response_url="https://127.0.0.1:1/steal")
    assert answer.status == 200
    assert "wants its answer elsewhere" in caplog.text
    assert len(await site.verdicts()) == 1


async def test_who_pressed_is_told_and_a_dead_slack_harms_nobody(
    site: VerdictSite, caplog: pytest.LogCaptureFixture
) -> None:
    site.settings = replace(site.settings, slack_hosts=("localhost.invalid",))
    answer = await press(site, button(site), response_url="https://localhost.invalid/secret")
    assert answer.status == 200
    (under_way,) = [site.client.app[ANSWERS].under_way]
    await asyncio.wait(set(under_way))
    assert "Slack did not take an answer" in caplog.text
    assert "secret" not in caplog.text
