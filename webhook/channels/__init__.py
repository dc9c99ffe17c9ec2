"""The table of channels: one line per kind."""

from typing import Annotated, get_args

from pydantic import Field

from webhook.channels.base import Channel
from webhook.channels.log import LogChannel
from webhook.channels.webhook import WebhookChannel

_Channels = LogChannel | WebhookChannel
ALL: tuple[type[Channel], ...] = get_args(_Channels)
AnyChannel = Annotated[_Channels, Field(discriminator="kind")]
