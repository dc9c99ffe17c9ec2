"""Slack, or what stands before it, that answers with what it was sent."""

import pytest

from tests.webhook.channels.kit import failure
from tests.webhook.channels.slackkit import bot, incoming, message
from tests.webhook.standins.slack import TOKEN, slack


async def test_an_incoming_webhooks_address_is_not_repeated_of_an_answer() -> None:
    async with slack() as workspace:
        path = workspace.webhook_url.removeprefix(workspace.base)
        workspace.refusals["incoming"] = [f"200 you asked for /{path}"]
        error = await failure(incoming(workspace), message())
    assert str(error).startswith("Slack answered 'you asked for <hidden>")
    assert "s3cr3t" not in str(error)


@pytest.mark.parametrize("word", [f"bad {TOKEN}", TOKEN])
async def test_a_bots_token_is_not_repeated_of_an_answer(word: str) -> None:
    async with slack() as workspace:
        workspace.refusals["chat.postMessage"] = [word]
        error = await failure(bot(workspace), message())
    assert "<hidden>" in str(error)
    assert TOKEN not in str(error)
