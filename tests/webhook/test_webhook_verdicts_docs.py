"""docs/webhook-verdicts.md and docs/webhook-shadow.md: what they show works."""

import re
import shlex
from pathlib import Path

import pytest

from webhook.cli import main
from webhook.config import load_config
from webhook.core.verdicts import VERDICTS
from webhook.settings.shadow import VariantConfig

DOCS = Path(__file__).parents[2] / "docs"
VERDICTS_PAGE = (DOCS / "webhook-verdicts.md").read_text()
SHADOW_PAGE = (DOCS / "webhook-shadow.md").read_text()
COMMANDS = re.findall(r"^(?:\$ )?anomaly-webhook (.+)$", VERDICTS_PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "webhook.yml"
    config.write_text(f"store: {{url: 'sqlite:///{tmp_path}/none.db'}}\n")
    assert main([*shlex.split(command), "--config.file", str(config)]) == 1
    assert "there is no store at" in capsys.readouterr().err


def test_there_are_commands_and_every_verdict() -> None:
    assert len(COMMANDS) == 5
    for verdict in VERDICTS:
        assert f"`{verdict}`" in VERDICTS_PAGE


def test_every_key_of_a_variant_is_documented_and_the_example_is_valid() -> None:
    for key in VariantConfig.model_fields:
        assert f"| `shadow[].{key}` |" in SHADOW_PAGE
    (example,) = re.findall(r"```yaml\n(.*?)```", SHADOW_PAGE, re.DOTALL)
    assert [each.name for each in load_config(example, "webhook.yml").shadow] == ["careful", "keen"]
