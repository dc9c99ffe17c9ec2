"""A channel that writes each notification as one line of the daemon's own log."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

from promkit.clock import Clock
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.payload import payload
from webhook.core.message import Message

log = logging.getLogger("webhook.notifications")


class LogChannel(Channel):
    """Notifications as log lines with one field per fact; it cannot fail."""

    kind: Literal["log"] = "log"

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender; there is nothing to connect to."""
        yield self._send

    async def _send(self, message: Message) -> Receipt:
        # Whoever reads the log should not be able to vote.
        links = replace(message.links, confirm="", false_alarm="", picture="")
        fields = {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
            for name, value in payload(replace(message, links=links)).items()
        }
        log.info("notification", extra={"channel": self.name, **fields})
        return Receipt("logged")
