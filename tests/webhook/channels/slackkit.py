"""Messages for a Slack workspace, and channels of both kinds that lead there."""

from dataclasses import replace
from typing import Any

from tests.webhook.channels.kit import LINKS, channel
from tests.webhook.deliveries import NOW
from tests.webhook.standins.slack import TOKEN, Slack
from webhook.channels.base import Channel
from webhook.channels.samples import Sample, sample
from webhook.core.message import Message


def message(kind: Sample = "firing", **changes: Any) -> Message:
    made = sample(kind, "ops", "https://alerts.example.org", NOW)
    return replace(made, **{"is_test": False, "links": LINKS, **changes})


def incoming(workspace: Slack) -> Channel:
    return channel(kind="slack", webhook_url=workspace.webhook_url)


def bot(workspace: Slack, **settings: object) -> Channel:
    return channel(
        kind="slack", bot_token=TOKEN, channel="#ops", api_url=workspace.api_url, **settings
    )


def buttons(posted: dict[str, Any]) -> list[dict[str, Any]]:
    (attachment,) = posted["attachments"]
    rows = [block for block in attachment["blocks"] if block["type"] == "actions"]
    return [element for row in rows for element in row["elements"]]
