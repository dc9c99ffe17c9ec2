"""Channels as a configuration makes them, and a message to send, for the tests of this folder."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from promkit.clock import ManualClock
from tests.webhook.deliveries import NOW
from webhook.channels import AnyChannel
from webhook.channels.base import Channel, Receipt, attempt
from webhook.core.facts import Links
from webhook.core.message import Message
from webhook.errors import ChannelError

CERTIFICATES = Path(__file__).parents[2] / "promkit" / "certs"
CANARY = "s3cr3t-canary"
MESSAGE = Message(
    key="abc-1-firing-ops",
    incident=7,
    status="firing",
    severity="critical",
    alertname="CpuAnomaly",
    query="cpu",
    labels={"alertname": "CpuAnomaly", "query": "cpu", "odd": "ü\n%s\x1b[31m"},
    annotations={"summary": "cpu is unusual", "value": "0.97"},
    starts_at=NOW,
    ends_at=None,
    generator_url="http://prometheus:9090/graph",
    links=Links("https://alerts.example.org/incidents/7"),
)
LINKS = Links(
    incident="https://alerts.example.org/incidents/7",
    graph="https://prometheus.example.org/graph?g0.expr=cpu&g0.tab=0",
    panel="https://grafana.example.org/d/anomalies",
    runbook="https://runbooks.example.org/cpu",
    silence="https://alertmanager.example.org/#/silences/new?filter=%7B%7D",
    confirm="https://alerts.example.org/feedback/v1.abcd.feedback.7.1.sig?verdict=confirmed",
    false_alarm="https://alerts.example.org/feedback/v1.abcd.feedback.7.1.sig?verdict=false_alarm",
    picture="https://alerts.example.org/chart/v1.abcd.chart.7.1.sig.png",
)
# What a hostile label may try: mentions, markup, headers, control characters, direction.
HOSTILE = (
    "<!channel> <@U1> </td><script>&amp; \r\nBcc: all@example.org\x00\x1b[31m\u202e {{7*7}} *b*"
)


def channel(**settings: object) -> Channel:
    made: Channel = TypeAdapter(AnyChannel).validate_json(json.dumps(settings), strict=True)
    return made


async def sent(made: Channel, message: Message = MESSAGE, deadline: float = 5.0) -> Receipt:
    async with made.connect(ManualClock(NOW)) as sender:
        return await attempt(sender, message, deadline)


async def failure(made: Channel, message: Message = MESSAGE, deadline: float = 5.0) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await sent(made, message, deadline)
    assert "s3cr3t" not in str(caught.value), "a URL may hold a token"
    return caught.value
