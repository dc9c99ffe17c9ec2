"""Teams: cards within their limits, and the failures that a 2xx hides."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.webhook.channels.kit import HOSTILE, LINKS, channel, failure, sent
from tests.webhook.deliveries import NOW
from tests.webhook.standins import adaptivecard
from tests.webhook.standins.teams import Teams, teams
from webhook.channels.base import Channel
from webhook.channels.present import present
from webhook.channels.samples import SAMPLES, Sample, sample
from webhook.channels.teamscard import card_message
from webhook.core.message import Message


def message(kind: Sample = "firing", **changes: Any) -> Message:
    made = sample(kind, "teams", "https://alerts.example.org", NOW)
    return replace(made, **{"is_test": False, "links": LINKS, **changes})


def workflow(standin: Teams) -> Channel:
    return channel(kind="teams", url=standin.url)


def texts(card: dict[str, Any]) -> list[str]:
    blocks = [*card["body"][0]["items"], *card["body"][1:]]
    return ["".join(run["text"] for run in block.get("inlines", ())) for block in blocks]


@pytest.mark.parametrize("kind", SAMPLES)
async def test_every_kind_of_message_is_accepted(kind: Sample) -> None:
    async with teams() as standin:
        receipt = await sent(workflow(standin), message(kind))

    assert receipt.detail == "HTTP 202"
    assert len(standin.cards) == 1


async def test_the_card_has_title_facts_and_buttons() -> None:
    async with teams() as standin:
        await sent(workflow(standin), message())
        await sent(workflow(standin), message("resolved"))

    firing, resolved = standin.cards
    assert firing["body"][0]["style"] == "attention"
    assert resolved["body"][0]["style"] == "good"
    shown = texts(firing)
    assert shown[0].startswith("🔴 CRITICAL checkout")
    assert any(text.startswith("now  1.84 s") for text in shown)
    rows = [block["actions"] for block in firing["body"] if block["type"] == "ActionSet"]
    assert [action["title"] for row in rows for action in row][-1] == "🚫 False alarm"


@pytest.mark.parametrize(
    ("answer", "reason", "is_permanent"),
    [
        ("Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error "
         "429 with ContextId tcid=0", "rate_limited", False),
        ("… returned HTTP error 413 with ContextId", "rejected", True),
        ("… returned HTTP error 502 with ContextId", "server_error", False),
        ("Webhook message delivery failed with error: Error contacting Microsoft Teams endpoint",
         "server_error", False),
    ],
)  # fmt: skip
async def test_a_success_that_tells_of_a_failure_is_one(
    answer: str, reason: str, is_permanent: bool
) -> None:
    async with teams() as standin:
        standin.answer = answer
        error = await failure(workflow(standin), message())

    assert (error.reason, error.is_permanent) == (reason, is_permanent)


def test_a_card_never_exceeds_what_teams_takes() -> None:
    text = (HOSTILE + "ü") * 3_000
    huge = message(
        labels={f"label{i}": text for i in range(50)}, annotations={"summary": text, "a": text},
        alertname=text, query=text, why=text,
    )  # fmt: skip
    long = "\n".join(f"{i} {'🔴' * 400}" for i in range(100))
    for one in (huge, replace(huge, text=("title", long)), replace(huge, labels={})):
        raw = card_message(present(one, NOW))
        assert adaptivecard.problems(raw, json.loads(raw)) == []
    assert "the rest does not fit" in card_message(
        present(replace(huge, text=("title", long)), NOW)
    ).decode()  # fmt: skip
