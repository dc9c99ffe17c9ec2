"""Slack: what is laid out stays within its limits, and foreign text shows as it is."""

import json
from dataclasses import replace

import pytest

from tests.webhook.channels.kit import HOSTILE, LINKS, sent
from tests.webhook.channels.slackkit import buttons, incoming, message
from tests.webhook.deliveries import NOW
from tests.webhook.standins import blockkit
from tests.webhook.standins.slack import slack
from webhook.channels.present import present
from webhook.channels.slackblocks import escaped, laid_out, plain
from webhook.core.facts import DigestRow


async def test_hostile_labels_call_nobody_and_break_nothing() -> None:
    labels = {name: HOSTILE for name in ("service", "instance", "pod", "a&b<c>")}
    hostile = message(
        labels=labels,
        query=HOSTILE,
        alertname=HOSTILE,
        why=HOSTILE,
        annotations={"summary": HOSTILE},
    )
    async with slack() as workspace:
        await sent(incoming(workspace), hostile)
        await sent(incoming(workspace), replace(hostile, text=(HOSTILE, f"{HOSTILE}\n\n{HOSTILE}")))

    for posted in workspace.posted:
        assert "as plain text" not in json.dumps(posted)
        raw = json.dumps(posted["attachments"])
        assert "<!channel>" not in raw
        assert "&lt;!channel&gt;" in raw
        for character in ("\\u0000", "\\u001b", "\\u202e", "\\r"):
            assert character not in json.dumps(posted)


@pytest.mark.parametrize("text", ["&" * 50_000, "<>" * 20_000, "ü" * 50_000, "a b\n" * 20_000])
def test_the_limits_hold_for_messages_of_any_size(text: str) -> None:
    long = {f"label{i}": text for i in range(50)}
    huge = message(
        labels=long, query=text, alertname=text, why=text, annotations={"summary": text},
        sparkline="▁" * 5_000,
    )  # fmt: skip
    rows = tuple(DigestRow("critical", text, 1, True, text) for _ in range(100))
    digest = message("digest")
    assert digest.digest is not None
    flood = replace(digest, digest=replace(digest.digest, held=5_000, rows=rows))
    templated = replace(huge, text=(text, text))
    linked = replace(huge, links=replace(LINKS, graph="https://p.example.org/" + "a" * 5_000))
    for one in (huge, flood, templated, linked):
        sheet = present(one, NOW)
        for body in (laid_out(sheet), laid_out(sheet, is_interactive=True), plain(sheet)):
            assert blockkit.problems(body.fields) == []


def test_escaping_never_cuts_an_entity_in_two() -> None:
    for longest in range(1, 30):
        short = escaped("a&b<c>d&e", longest)
        assert len(short) <= longest
        assert not blockkit.problems({"text": short})
    assert escaped("a&b", 100) == "a&amp;b"


async def test_links_of_other_schemes_are_no_buttons() -> None:
    bad = replace(LINKS, graph="javascript:alert(1)", runbook="http://a b", silence="")
    async with slack() as workspace:
        await sent(incoming(workspace), message(links=bad))

    texts = [button["text"]["text"] for button in buttons(workspace.posted[0])]
    assert texts == ["Grafana panel", "Incident", "✅ Confirmed", "🚫 False alarm"]
