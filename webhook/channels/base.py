"""What must every channel be able to do?

A channel is its configuration: one frozen model per kind, with defaults and bounds written once. To
add a kind, write one file with a class like those beside this one and name it in `__init__.py`.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from promkit.clock import Clock
from promkit.secrets import SecretModel
from webhook.core.message import Message
from webhook.core.severity import Level
from webhook.errors import ChannelError
from webhook.settings.messages import TemplatesConfig

# Long enough for a slow chat service, short enough that a hanging one costs little.
DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message that was accepted.

    Parameters
    ----------
    detail : what the other side said, one line free of secrets
    handle : JSON by which the message can be edited or answered later; it comes back as
        `Message.handle` with the resolved of the same incident
    """

    detail: str
    handle: Mapping[str, object] | None = None


Send = Callable[[Message], Awaitable[Receipt]]
"""Sends one message; returns its receipt, or raises ChannelError."""

Name = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$")]
Severity = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]


class Channel(SecretModel):
    """Base of every kind of channel.

    Parameters
    ----------
    name : how routes, metrics and pages call it; by default its kind
    severities : values of the label `severity`, in lower case, that it takes ("none" is an alert
        without one); by default all
    levels : what severities mean, of critical, high, medium and low, that it takes; by default all
    templates : words of the user's own, each in place of the one for all channels
    """

    kind: str
    name: Name = Field(default_factory=lambda data: data["kind"])
    severities: frozenset[Severity] | None = None
    levels: frozenset[Level] | None = None
    templates: TemplatesConfig | None = None

    @property
    def pace(self) -> float:
        """Seconds that lie between two messages at least, over all processes."""
        return 0.0

    @property
    def ends_digests(self) -> bool:
        """Whether the other side keeps a digest open until it hears that all of it is over."""
        return False

    @abstractmethod
    def connect(self, clock: Clock) -> AbstractAsyncContextManager[Send]:
        """Return a context that holds connections open and yields how to send."""


async def attempt(send: Send, message: Message, deadline: float = DEADLINE_SECONDS) -> Receipt:
    """Send once, within `deadline` seconds in total, however slowly the other side drips.

    Raises
    ------
    ChannelError
        If it did not arrive, or if it is unknown whether it did.
    """
    try:
        async with asyncio.timeout(deadline):
            return await send(message)
    except TimeoutError:
        raise ChannelError("timeout", f"no answer within {deadline:g} s") from None
