"""A channel that posts into Slack: through an incoming webhook, or as a bot.

An incoming webhook only takes messages. A bot also edits the message when the incident is over,
answers in its thread, and adds the picture there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.http import (
    Poster,
    check_url_field,
    checked_url,
    posting,
    secret_of,
    secret_url,
)
from webhook.channels.present import present
from webhook.channels.slackblocks import Json, laid_out, plain
from webhook.channels.slackbot import Bot
from webhook.channels.slackerrors import incoming_failure, is_about_layout
from webhook.core.message import Message
from webhook.errors import ChannelError

_JSON = {"Content-Type": "application/json; charset=utf-8"}
# Of an incoming webhook's answer: "ok", or a word that says why not.
_WORD_BYTES = 512


class SlackChannel(Channel):
    """Notifications as messages in a Slack channel.

    Parameters
    ----------
    webhook_url, webhook_url_file : an incoming webhook; it may not edit, thread or upload
    bot_token, bot_token_file : of an app with the scopes chat:write and, for pictures, files:write
    channel : for a bot: the channel's id, or its name with #
    interactive : for a bot: the verdict buttons call back to `/slack/interactions` rather than open
        a page
    api_url : of Slack's Web API; another one for GovSlack
    """

    kind: Literal["slack"] = "slack"
    webhook_url: Secret | None = None
    webhook_url_file: ConfigPath | None = None
    bot_token: Secret | None = None
    bot_token_file: ConfigPath | None = None
    channel: Annotated[str, Field(pattern=r"^#?[^\s#]{1,80}$")] | None = None
    interactive: bool = False
    api_url: Annotated[str, AfterValidator(checked_url)] = "https://slack.com/api/"

    @property
    def pace(self) -> float:
        """One second: Slack takes one message per second and channel."""
        return 1.0

    @property
    def is_bot(self) -> bool:
        """Whether it writes with a bot's token."""
        return self.bot_token is not None or self.bot_token_file is not None

    @model_validator(mode="after")
    def _check(self) -> Self:
        has_webhook = self.webhook_url is not None or self.webhook_url_file is not None
        if has_webhook and self.is_bot:
            raise FieldProblem(
                ("webhook_url",), "found beside bot_token; keep one of them: a bot can do more"
            )
        if self.is_bot and self.channel is None:
            raise FieldProblem(("channel",), "found none; a bot needs to know where to write")
        if not self.is_bot:
            check_url_field("webhook_url", self.webhook_url, self.webhook_url_file)
            if self.channel is not None or self.interactive:
                name = "channel" if self.channel is not None else "interactive"
                raise FieldProblem((name,), f"found {name} without bot_token; it needs one")
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender that keeps its connections open between notifications."""
        async with posting(clock) as poster:

            async def send(message: Message) -> Receipt:
                sheet = present(message, clock.now())
                if self.is_bot:
                    token = await secret_of(self.bot_token, self.bot_token_file)
                    bot = Bot(poster, self.api_url, token, clock)
                    return await bot.send(
                        message, sheet, self.channel or "", is_interactive=self.interactive
                    )
                url = await secret_url(self.webhook_url, self.webhook_url_file)
                try:
                    return await _post(poster, url, laid_out(sheet))
                except ChannelError as error:
                    if not is_about_layout(error):
                        raise
                    # Words without any layout arrive, whatever Slack dislikes about the blocks.
                    receipt = await _post(poster, url, plain(sheet))
                    return Receipt(f"{receipt.detail}; as plain text, since {error}")

            yield send


async def _post(poster: Poster, url: str, body: Json) -> Receipt:
    answer = await poster.post(url, body.encoded(), _JSON, read=_WORD_BYTES)
    # Slack also refuses with 200 and a word.
    if answer.text != "ok":
        raise incoming_failure(answer.text)
    return Receipt("ok")
