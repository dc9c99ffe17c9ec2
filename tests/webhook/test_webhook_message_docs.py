"""docs/webhook-messages.md names everything that exists, and its examples work."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from webhook.adapters.composermetrics import REASONS
from webhook.config import load_config
from webhook.core.sandbox import FILTERS
from webhook.core.templates import NAMES
from webhook.core.verdicts import VERDICTS
from webhook.settings.messages import FeedbackConfig, LinksConfig, TemplatesConfig
from webhook.web.feedbackroutes import add_feedback

PAGE = (Path(__file__).parents[2] / "docs/webhook-messages.md").read_text(encoding="utf-8")


def _words() -> Iterator[str]:
    yield from REASONS
    yield from NAMES
    yield from FILTERS
    yield from VERDICTS
    yield from (f"feedback.{name}" for name in FeedbackConfig.model_fields)
    yield from (f"links.{name}" for name in LinksConfig.model_fields)
    yield from (f"templates.{name}" for name in TemplatesConfig.model_fields)
    yield from (
        "prometheus.url",
        "prometheus.external_url",
        "alertmanager.external_url",
        "timezone",
    )


@pytest.mark.parametrize("word", sorted(set(_words())))
def test_every_key_name_and_reason_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_examples_are_valid() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        load_config(example, "webhook.yml")


def test_the_addresses_are_documented() -> None:
    routes = Path(add_feedback.__code__.co_filename).read_text(encoding="utf-8")
    for method, path in re.findall(r'router\.add_(get|post)\("([^"]+)"', routes):
        written = re.sub(r"\{(token|id):.*?\}(?=\.|/|$)", lambda match: match[1].upper(), path)
        assert f"`{method.upper()} {written}`" in PAGE, path
