"""docs/webhook-channels.md names every key, and its tables of answers are what the code does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import pytest

from webhook.adapters.exposition import FAILURES
from webhook.channels import ALL
from webhook.channels.email import _failure
from webhook.channels.http import refusal
from webhook.channels.payload import payload
from webhook.channels.samples import sample
from webhook.channels.slackerrors import PERMANENT
from webhook.config import load_config
from webhook.errors import ChannelError

PAGE = (Path(__file__).parents[3] / "docs/webhook-channels.md").read_text()


@pytest.mark.parametrize(
    "key", sorted({f"channels[].{name}" for kind in ALL for name in kind.model_fields})
)
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("kind", [made.model_fields["kind"].default for made in ALL])
def test_every_kind_is_documented(kind: str) -> None:
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("reason", FAILURES)
def test_every_reason_is_documented(reason: str) -> None:
    assert f"`{reason}`" in PAGE


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_are_valid(example: str) -> None:
    assert load_config(example, "webhook.yml").channels


def test_the_documented_json_has_the_fields_that_are_sent() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    documented = json.loads(example)
    sent = json.loads(json.dumps(payload(sample("firing", "ops", "http://alerts", 0.0))))

    assert set(documented) == set(sent)
    for name in ("siblings", "history", "links"):
        assert set(documented[name]) == set(sent[name])


def _rows(title: str) -> Iterator[tuple[str, bool, str]]:
    """Yield answers, whether they are final, and the reason, of the table in a section."""
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    for answers, then, reason in re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\|$", section, re.M):
        if then.startswith(("given up", "tried again")):
            yield answers, then.startswith("given up"), reason.strip("`")


def _statuses(answers: str, known: set[int]) -> set[int]:
    found: set[int] = set()
    for text in re.findall(r"(other )?(\d)(xx|\d\d)", answers):
        other, first, rest = text
        some = (
            {int(first + rest)}
            if rest != "xx"
            else set(range(int(first) * 100, int(first) * 100 + 100))
        )
        found |= some - known if other else some
    return found


def test_the_table_of_http_answers_is_true() -> None:
    told: dict[int, tuple[bool, str]] = {}
    for answers, is_final, reason in _rows("What is tried again"):
        told |= dict.fromkeys(_statuses(answers, set(told)), (is_final, reason))

    assert set(told) == set(range(300, 600))
    for status, expected in told.items():
        error = refusal(status, "")
        assert (error.is_permanent, error.reason) == expected, status


def test_the_table_of_smtp_replies_is_true() -> None:
    rows = {answers[:3]: (final, reason) for answers, final, reason in _rows("Email")}

    for code in range(400, 600):
        error = _failure(aiosmtplib.SMTPDataError(code, "no"), "host:25", ())
        assert isinstance(error, ChannelError)
        assert (error.is_permanent, error.reason) == rows[f"{code // 100}yz"], code


def test_the_words_of_slack_that_are_final_are_documented() -> None:
    section = PAGE.split("tried again, and `rate_limited`")[1].split("\n## ")[0]

    assert set(re.findall(r"`([a-z_]+)`", section)) - {"ratelimited"} == PERMANENT
