"""docs/webhook-patterns.md names everything that exists."""

import re
from pathlib import Path

import pytest

from webhook.config import load_config
from webhook.settings.patterns import PatternsConfig

PAGE = (Path(__file__).parents[2] / "docs/webhook-patterns.md").read_text()


@pytest.mark.parametrize("key", sorted(PatternsConfig.model_fields))
def test_every_key_is_documented(key: str) -> None:
    assert f"| `patterns.{key}` |" in PAGE


def test_the_example_is_valid_and_silences_what_it_says() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    rules = load_config(example, "webhook.yml").gate_rules.patterns
    assert rules is not None
    assert rules.levels == {"high", "medium", "low"}
