"""docs/webhook-weights.md names everything that exists."""

import re
from pathlib import Path
from typing import get_args

import pytest

from webhook.adapters.weights import Action
from webhook.config import load_config
from webhook.core.weights import Reason

PAGE = (Path(__file__).parents[2] / "docs/webhook-weights.md").read_text()
WORDS = (*get_args(Reason), *(name.removeprefix("weight_") for name in get_args(Action)))


@pytest.mark.parametrize("word", WORDS)
def test_every_action_and_reason_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_the_example_is_valid() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert load_config(example, "webhook.yml").tuning.weights
