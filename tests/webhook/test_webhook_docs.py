"""docs/webhook.md names everything that exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from promkit.errors import ConfigProblems
from webhook.adapters.exposition import FAILURES, SUPPRESSED
from webhook.adapters.outbox import State, SuppressedReason
from webhook.cli import main
from webhook.config import RouteConfig, WebhookConfig, load_config
from webhook.core.severity import DEFAULT_LABELS, LEVELS
from webhook.errors import FailureReason
from webhook.settings.gate import QuietHoursConfig, SeverityConfig, ThrottleConfig
from webhook.settings.store import StoreConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/webhook.md").read_text()
THROTTLING = (ROOT / "docs/webhook-throttling.md").read_text()


def _keys() -> Iterator[str]:
    yield from (f"store.{name}" for name in StoreConfig.model_fields)
    yield from (f"routes[].{name}" for name in RouteConfig.model_fields)
    yield from (name for name in WebhookConfig.model_fields if name != "store")


@pytest.mark.parametrize("key", sorted(set(_keys())))
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


def _gate_keys() -> Iterator[str]:
    yield from (f"throttle.{name}" for name in ThrottleConfig.model_fields)
    yield from (f"severity.{name}" for name in SeverityConfig.model_fields)
    for name, field in QuietHoursConfig.model_fields.items():
        yield f"quiet_hours[].{field.alias or name}"
    yield "channels[].levels"


@pytest.mark.parametrize("key", sorted(_gate_keys()))
def test_every_key_of_the_gate_is_documented(key: str) -> None:
    assert f"`{key}`" in THROTTLING


def test_every_known_severity_is_documented() -> None:
    for level in LEVELS:
        labels = ", ".join(f"`{label}`" for label, is_ in DEFAULT_LABELS.items() if is_ == level)
        assert f"| {level} | {labels} |" in THROTTLING


def test_the_example_of_the_gate_is_valid_and_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", THROTTLING, re.DOTALL)
    (command, told) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", THROTTLING, re.DOTALL)[0]
    (tmp_path / "webhook.yml").write_text(example)

    path = str(tmp_path / "webhook.yml")
    assert main([*command.split()[1:], "--config.file", path]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("word", [*SUPPRESSED, *get_args(State)])
def test_every_reason_and_state_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_reasons_are_those_that_the_types_allow() -> None:
    assert set(FAILURES) == set(get_args(FailureReason))
    assert set(SUPPRESSED) == set(get_args(SuppressedReason))


def test_the_first_configuration_of_a_newcomer_is_valid_with_its_comment_taken_away() -> None:
    (first, *_) = re.findall(r"```yaml\n# webhook.yml\n(.*?)```", PAGE, re.DOTALL)

    config = load_config(first.replace("# - {", "  - {"), "webhook.yml")

    assert [channel.kind for channel in config.channels] == ["log", "slack"]


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
