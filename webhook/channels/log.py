"""A channel that writes each notification as one line of the daemon's own log."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

from promkit.clock import Clock
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.payload import payload
from webhook.channels.present import Sheet, present
from webhook.core.message import Message

log = logging.getLogger("webhook.notifications")


class LogChannel(Channel):
    """Notifications as log lines; it cannot fail.

    Parameters
    ----------
    style : `fields` for programs, all that the JSON of the webhook channel has; `words` for people,
        what other channels show
    """

    kind: Literal["log"] = "log"
    style: Literal["fields", "words"] = "fields"

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender; there is nothing to connect to."""

        async def send(message: Message) -> Receipt:
            # Whoever reads the log should not be able to vote.
            links = replace(message.links, confirm="", false_alarm="", picture="")
            silent = replace(message, links=links)
            if self.style == "words":
                sheet = present(silent, clock.now())
                log.info("%s", sheet.title, extra={"channel": self.name, **_words(sheet)})
            else:
                log.info("notification", extra={"channel": self.name, **_fields(silent)})
            return Receipt("logged")

        yield send


def _fields(message: Message) -> Mapping[str, object]:
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for name, value in payload(message).items()
    }


def _words(sheet: Sheet) -> Mapping[str, str]:
    found = {"summary": sheet.summary}
    found |= {line.name: line.words for line in sheet.lines if line.name}
    found["rows"] = " | ".join(line.words for line in sheet.lines if not line.name)
    found |= {f"{button.name}_url": button.url for button in sheet.links}
    return {name: words for name, words in found.items() if words}
