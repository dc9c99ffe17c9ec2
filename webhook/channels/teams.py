"""A channel that posts into Microsoft Teams through a workflow.

The workflow is Teams' own template "Post to a channel when a webhook request is received"; the
connectors for incoming webhooks that it replaces were switched off in 2026. It takes an Adaptive
Card, answers 202 and posts later, so that what becomes of the card afterwards stands in the
workflow's run history alone.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, Self

from pydantic import model_validator

from promkit.clock import Clock
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.http import (
    LONGEST_ANSWER,
    Answer,
    check_url_field,
    posting,
    refusal,
    secret_url,
)
from webhook.channels.present import present
from webhook.channels.teamscard import card_message
from webhook.core.message import Message
from webhook.errors import ChannelError

# Teams itself refused while the endpoint before it says 200: "… returned HTTP error 429 with …".
_REFUSED = re.compile(r"HTTP error (\d{3})")
_FAILED = "delivery failed"


class TeamsChannel(Channel):
    """Notifications as Adaptive Cards in a Teams channel or chat.

    Parameters
    ----------
    url, url_file : the workflow's address; it holds a signature, so it is never shown
    """

    kind: Literal["teams"] = "teams"
    url: Secret | None = None
    url_file: ConfigPath | None = None

    @property
    def pace(self) -> float:
        """A quarter of a second: Teams takes four requests per second."""
        return 0.25

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_url_field("url", self.url, self.url_file)
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender that keeps its connections open between notifications."""
        async with posting(clock) as poster:

            async def send(message: Message) -> Receipt:
                url = await secret_url(self.url, self.url_file)
                body = card_message(present(message, clock.now()))
                headers = {"Content-Type": "application/json"}
                answer = await poster.post(url, body, headers, read=LONGEST_ANSWER)
                if failure := _hidden_failure(answer):
                    raise failure
                return Receipt(f"HTTP {answer.status}")

            yield send


def _hidden_failure(answer: Answer) -> ChannelError | None:
    """Return the failure that the body of a 2xx answer tells of, if it does."""
    text = answer.text
    if found := _REFUSED.search(text):
        return refusal(int(found[1]), f"Teams refused: {text}")
    if _FAILED in text:
        return ChannelError("server_error", f"Teams failed: {text}")
    return None
