"""docs/webhook.md names everything that exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from promkit.errors import ConfigProblems
from webhook.adapters.exposition import FAILURES, SUPPRESSED
from webhook.adapters.outbox import State, SuppressedReason
from webhook.config import RouteConfig, WebhookConfig, load_config
from webhook.errors import FailureReason
from webhook.settings.store import StoreConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/webhook.md").read_text()


def _keys() -> Iterator[str]:
    yield from (f"store.{name}" for name in StoreConfig.model_fields)
    yield from (f"routes[].{name}" for name in RouteConfig.model_fields)
    yield from (name for name in WebhookConfig.model_fields if name != "store")


@pytest.mark.parametrize("key", sorted(set(_keys())))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("word", [*SUPPRESSED, *get_args(State)])
def test_every_reason_and_state_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_reasons_are_those_that_the_types_allow() -> None:
    assert set(FAILURES) == set(get_args(FailureReason))
    assert set(SUPPRESSED) == set(get_args(SuppressedReason))


def test_the_example_configuration_is_valid() -> None:
    section = PAGE.split("## Configuration")[1]
    (example, *_) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)

    config = load_config(example, "webhook.yml")

    assert [channel.name for channel in config.channels] == ["log", "ops"]


@pytest.mark.parametrize("path", ["quickstart/webhook.yml", "deploy/compose/webhook.yml"])
def test_shipped_configurations_are_valid(path: str) -> None:
    try:
        load_config((ROOT / path).read_text(), path)
    except ConfigProblems as error:
        pytest.fail(str(error))
