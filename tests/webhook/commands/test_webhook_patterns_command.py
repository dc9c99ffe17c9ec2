"""Patterns on the command line, beside a daemon that has the store open."""

import json
from pathlib import Path

import pytest

from promkit.clock import SystemClock
from tests.webhook.patterned import put_pattern
from webhook.adapters.database import Database
from webhook.adapters.store import open_store
from webhook.cli import main


def call(config: Path, *arguments: str) -> int:
    return main(["patterns", arguments[0], "--config.file", str(config), *arguments[1:]])


async def test_it_lists_and_forgets(
    config: Path, any_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now()
    with open_store(any_database) as store:
        assert call(config, "list") == 0
        await store.write(lambda connection: put_pattern(connection, 7_800.0, now))
        assert call(config, "list") == 0
        assert call(config, "forget", "1", "--author", "ana", "--reason", "it moved") == 0
        assert call(config, "forget", "1") == 1
        said = capsys.readouterr().out.splitlines()
        assert call(config, "list", "--json") == 0
        (row,) = map(json.loads, capsys.readouterr().out.splitlines())

    assert said[0] == "no pattern is known as harmless"
    assert said[1].startswith('1      active     cpu{instance="a", severity="gold"} at 02:10 UTC')
    assert said[1].endswith("of incidents 1, 2, 3; silenced 0, let through 0")
    assert said[2].endswith("silences nothing more")
    assert said[3].startswith("nothing was changed: pattern 1 was forgotten at")
    assert row["forgotten_at"] is not None
