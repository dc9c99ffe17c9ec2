"""The table of channels: one line per kind."""

from typing import Annotated, get_args

from pydantic import Field

from webhook.channels.apprise import AppriseChannel
from webhook.channels.base import Channel
from webhook.channels.email import EmailChannel
from webhook.channels.log import LogChannel
from webhook.channels.pagerduty import PagerDutyChannel
from webhook.channels.slack import SlackChannel
from webhook.channels.teams import TeamsChannel
from webhook.channels.webhook import WebhookChannel

_Channels = (
    LogChannel
    | WebhookChannel
    | SlackChannel
    | PagerDutyChannel
    | EmailChannel
    | TeamsChannel
    | AppriseChannel
)
ALL: tuple[type[Channel], ...] = get_args(_Channels)
AnyChannel = Annotated[_Channels, Field(discriminator="kind")]
