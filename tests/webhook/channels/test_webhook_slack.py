"""Slack: what a workspace accepts, edits and answers, and what it is never sent."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from promkit.clock import ManualClock
from promkit.errors import ConfigProblems
from tests.webhook.channels.kit import channel, failure, sent
from tests.webhook.channels.slackkit import bot, buttons, incoming, message
from tests.webhook.deliveries import NOW
from tests.webhook.standins.slack import CHANNEL, TOKEN, slack
from webhook.channels.samples import SAMPLES, Sample
from webhook.channels.slackerrors import LIMITED, PERMANENT
from webhook.config import load_config

PICTURE = b"\x89PNG of a series"


@pytest.mark.parametrize("kind", SAMPLES)
async def test_every_kind_of_message_is_accepted(kind: Sample) -> None:
    async with slack() as workspace:
        receipt = await sent(incoming(workspace), message(kind))

    (posted,) = workspace.posted
    assert receipt.detail == "ok"
    assert receipt.handle is None, "an incoming webhook cannot edit"
    assert posted["unfurl_links"] is posted["unfurl_media"] is posted["link_names"] is False
    assert posted["blocks"][0]["text"]["text"] in posted["text"].replace("&amp;", "&")


async def test_the_facts_stand_in_reading_order_beside_the_colour_of_the_level() -> None:
    async with slack() as workspace:
        await sent(incoming(workspace), message())

    (attachment,) = workspace.posted[0]["attachments"]
    assert attachment["color"] == "#d32f2f"
    kinds = [block["type"] for block in attachment["blocks"]]
    assert kinds == ["section", "actions", "actions", "context"]
    text = attachment["blocks"][0]["text"]["text"]
    order = ["outside of what is normal", "*now* 1.84 s", "*since*", "pod-4", "*why*", "*history*"]
    positions = [text.index(words) for words in order]
    assert positions == sorted(positions)
    texts = [button["text"]["text"] for button in buttons(workspace.posted[0])]
    assert texts == [
        "Graph", "Grafana panel", "Runbook", "Silence", "Incident", "✅ Confirmed", "🚫 False alarm"
    ]  # fmt: skip
    assert all(button["url"].startswith("https://") for button in buttons(workspace.posted[0]))


async def test_interactive_verdicts_carry_the_signed_token() -> None:
    async with slack() as workspace:
        await sent(bot(workspace, interactive=True), message())

    (posted,) = workspace.messages.values()
    verdicts = [button for button in buttons(posted) if "value" in button]
    assert [button["action_id"] for button in verdicts] == [
        "verdict_confirm",
        "verdict_false_alarm",
    ]
    assert {button["value"] for button in verdicts} == {"v1.abcd.feedback.7.1.sig"}
    assert all("url" not in button for button in verdicts)


async def test_a_bot_edits_its_message_and_answers_it_when_it_is_over() -> None:
    async with slack() as workspace:
        made = bot(workspace)
        firing = await sent(made, message())
        over = await sent(made, message("resolved", handle=firing.handle))

    assert firing.handle == over.handle
    assert workspace.calls == ["chat.postMessage", "chat.update", "chat.postMessage"]
    original, answer = workspace.messages.values()
    assert original["blocks"][0]["text"]["text"].startswith("✅ RESOLVED checkout")
    assert original["attachments"][0]["color"] == "#2e7d32"
    assert firing.handle is not None
    assert answer["thread_ts"] == firing.handle["ts"]
    assert "after 29 min" in answer["text"]


async def test_a_message_that_is_gone_is_written_anew() -> None:
    async with slack() as workspace:
        handle = {"channel": CHANNEL, "ts": "1600000000.000001"}
        receipt = await sent(bot(workspace), message("resolved", handle=handle))

    assert workspace.calls == ["chat.update", "chat.postMessage"]
    assert receipt.handle != handle
    (posted,) = workspace.messages.values()
    assert "thread_ts" not in posted


@pytest.mark.parametrize("handle", [None, {}, {"channel": CHANNEL}, {"channel": 1, "ts": "1.1"}])
async def test_a_resolved_without_a_message_to_edit_is_posted(handle: Any) -> None:
    async with slack() as workspace:
        await sent(bot(workspace), message("resolved", handle=handle))

    assert workspace.calls == ["chat.postMessage"]


async def test_a_failed_edit_is_tried_again_rather_than_written_anew() -> None:
    async with slack() as workspace:
        made = bot(workspace)
        handle = (await sent(made, message())).handle
        workspace.refusals["chat.update"] = ["internal_error"]
        error = await failure(made, message("resolved", handle=handle))
        await sent(made, message("resolved", handle=handle))

    assert (error.reason, error.is_permanent) == ("server_error", False)
    assert len(workspace.messages) == 2


async def test_the_picture_goes_into_the_thread() -> None:
    async with slack() as workspace:
        receipt = await sent(bot(workspace), message(picture=PICTURE))

    ((at, _),) = workspace.messages.items()
    assert list(workspace.files.values()) == [PICTURE]
    assert [file["thread_ts"] for file in workspace.shared] == [at]
    assert receipt.detail == f"ok, message {at}, picture added"


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_a_picture_that_fails_costs_no_message(method: str) -> None:
    async with slack() as workspace:
        workspace.refusals[method] = ["missing_scope"]
        receipt = await sent(bot(workspace), message(picture=PICTURE))

    assert len(workspace.messages) == 1
    assert f"without the picture: {method}: missing_scope" in receipt.detail
    assert receipt.handle is not None


async def test_a_picture_gets_only_what_is_left_of_the_time() -> None:
    class Slow(ManualClock):
        def monotonic(self) -> float:
            self.reads = getattr(self, "reads", -1) + 1
            return 14.5 * self.reads

    async with slack() as workspace, bot(workspace).connect(Slow(NOW)) as send:
        receipt = await send(message(picture=PICTURE))

    assert "the picture took too long" in receipt.detail
    assert workspace.calls[0] == "chat.postMessage"


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"])
async def test_words_alone_arrive_where_the_layout_does_not(word: str) -> None:
    async with slack() as workspace:
        workspace.refusals = {"chat.postMessage": [word], "incoming": [f"400 {word}"]}
        await sent(bot(workspace), message())
        receipt = await sent(incoming(workspace), message())

    assert f"as plain text, since HTTP 400: {word}" in receipt.detail
    for posted in (*workspace.messages.values(), *workspace.posted):
        assert posted["blocks"] == posted["attachments"] == []
        assert "now: 1.84 s" in posted["text"]
        assert "False alarm: https://alerts" in posted["text"]


_WORDS = [
    *((word, "rejected", True) for word in sorted(PERMANENT) if "invalid_bl" not in word),
    *((word, "rate_limited", False) for word in sorted(LIMITED)),
    *((word, "server_error", False) for word in ("fatal_error", "internal_error", "new_word")),
]


async def test_what_each_word_of_the_web_api_means() -> None:
    async with slack() as workspace:
        made = bot(workspace)
        for word, reason, is_permanent in _WORDS:
            workspace.refusals["chat.postMessage"] = [word, word]
            error = await failure(made, message())
            assert (error.reason, error.is_permanent) == (reason, is_permanent), word
            assert word in str(error)


@pytest.mark.parametrize(
    ("refusal", "is_permanent"),
    [
        ("400 user_not_found", True),
        ("403 action_prohibited", True),
        ("404 channel_not_found", True),
        ("404 no_service", True),
        ("410 channel_is_archived", True),
        ("500 rollup_error", False),
        ("200 no_team", True),
        ("200 something else", False),
    ],
)
async def test_what_an_incoming_webhook_refuses(refusal: str, is_permanent: bool) -> None:
    async with slack() as workspace:
        workspace.refusals["incoming"] = [refusal]
        error = await failure(incoming(workspace), message())

    assert error.is_permanent is is_permanent
    assert refusal[4:] in str(error)


async def test_a_wrong_token_is_final_and_never_shown() -> None:
    async with slack() as workspace:
        made = channel(
            kind="slack", bot_token="xoxb-s3cr3t-2", channel="#ops", api_url=workspace.api_url
        )
        error = await failure(made, message())

    assert str(error) == "chat.postMessage: invalid_auth"
    assert error.is_permanent


@pytest.mark.parametrize("elsewhere", ["http://192.0.2.1/", "https://192.0.2.1:99999/"])
async def test_an_upload_to_elsewhere_is_refused(elsewhere: str) -> None:
    async with slack() as workspace:
        workspace.base, honest = elsewhere, workspace.base
        made = channel(kind="slack", bot_token=TOKEN, channel="#ops", api_url=f"{honest}api/")
        receipt = await sent(made, message(picture=PICTURE))

    assert "no usable address" in receipt.detail


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "found neither webhook_url nor webhook_url_file"),
        ({"webhook_url": "http://a/", "bot_token": "x", "channel": "C1"}, "keep one of them"),
        ({"bot_token": "x"}, "a bot needs to know where to write"),
        ({"webhook_url": "http://a/", "channel": "C1"}, "found channel without bot_token"),
        ({"webhook_url": "http://a/", "interactive": True}, "found interactive without bot_token"),
        ({"webhook_url": "nonsense"}, "found something that is no URL"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        channel(kind="slack", **settings)


def test_interactive_buttons_need_somebody_who_checks_them() -> None:
    channels = "channels: [{kind: slack, bot_token: x, channel: C1, interactive: true}]\n"
    with pytest.raises(ConfigProblems, match="set feedback"):
        load_config(channels, "webhook.yml")
    assert load_config(f"{channels}feedback: {{slack_signing_secret_file: x}}\n", "webhook.yml")


async def test_one_bot_serves_several_messages_at_once() -> None:
    async with slack() as workspace, bot(workspace).connect(ManualClock(NOW)) as send:
        await asyncio.gather(*(send(message(key=f"k{i}")) for i in range(4)))

    assert len(workspace.messages) == 4
