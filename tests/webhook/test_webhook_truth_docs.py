"""The pages about what the webhook finds out by itself name everything that exists."""

import re
from pathlib import Path
from typing import get_args

import pytest

from webhook.config import load_config
from webhook.core.timeline import What
from webhook.errors import LookupReason
from webhook.settings.correlation import CorrelationConfig
from webhook.settings.reconcile import DeadMansSwitchConfig, ReconcileConfig

DOCS = Path(__file__).parents[2] / "docs"
RECONCILE = (DOCS / "webhook-reconcile.md").read_text()
CORRELATION = (DOCS / "webhook-correlation.md").read_text()
KEYS = [
    *((RECONCILE, f"reconcile.{name}") for name in ReconcileConfig.model_fields),
    *((RECONCILE, f"dead_mans_switch.{name}") for name in DeadMansSwitchConfig.model_fields),
    *((CORRELATION, f"correlation.{name}") for name in CorrelationConfig.model_fields),
]


@pytest.mark.parametrize(("page", "key"), KEYS, ids=[key for _, key in KEYS])
def test_every_key_is_documented(page: str, key: str) -> None:
    assert f"| `{key}` |" in page


def test_every_kind_of_line_and_every_reason_is_documented() -> None:
    assert [what for what in get_args(What) if f"`{what}`" not in CORRELATION] == []
    runbook = (DOCS / "runbook.md").read_text()
    reasons = set(get_args(LookupReason))
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in runbook] == []


@pytest.mark.parametrize("page", [RECONCILE, CORRELATION], ids=["reconcile", "correlation"])
def test_the_examples_are_valid(page: str) -> None:
    (example, *_) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    load_config(example + "channels: [{kind: log, name: pager}]\n", "webhook.yml")
