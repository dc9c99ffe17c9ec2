"""Thresholds on the command line, beside a daemon that has the store open."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.webhook.adapters.storing import bring_to
from webhook.adapters.database import Database
from webhook.adapters.sqlite import SqliteFile
from webhook.adapters.store import open_store
from webhook.adapters.thresholds import ratio_of
from webhook.cli import main


def call(config: Path, *arguments: str) -> int:
    return main(["thresholds", arguments[0], "--config.file", str(config), *arguments[1:]])


def test_it_sets_lists_and_undoes(
    config: Path, any_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_store(any_database) as store:
        assert call(config, "list") == 0
        assert call(config, "history") == 0
        assert call(config, "set", "cpu", "1.2", "--labels", 'instance="db:9100",mode=user') == 0
        assert call(config, "set", "cpu", "0.9", "--author", "ana", "--reason", "quiet") == 0
        assert call(config, "set", "cpu", "1.7") == 1
        assert call(config, "undo", "1", "--reason", "too deaf") == 0
        assert call(config, "undo", "1") == 1
        assert asyncio.run(store.read(lambda connection: ratio_of(connection, "cpu", {}))) == 0.9
        said = capsys.readouterr().out.splitlines()
        assert call(config, "list") == 0
        listed = capsys.readouterr().out.splitlines()
        assert call(config, "history", "--query", "cpu", "--limit", "1") == 0
        (newest,) = capsys.readouterr().out.splitlines()
        assert call(config, "list", "--json") == 0
        ratios = json.loads(capsys.readouterr().out)["adjustments"]
        assert call(config, "history", "--json") == 0
        history = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert said[:2] == ["no threshold was ever moved"] * 2
    assert said[2].startswith("cpu: the threshold is raised by 20 %, to 1.2 times")
    assert said[4] == "nothing was changed: the ratio is 1.7; allowed: 0.5 to 1.5"
    assert "undone already, by change 3" in said[6]
    assert listed[0].startswith("0.9 ")
    assert listed[1].endswith('cpu{instance="db:9100", mode="user"}')
    assert "1.2 -> 1  command line: the threshold is lowered" in newest
    assert newest.endswith("change 1 was undone: too deaf")
    assert [(each["query"], each["ratio"]) for each in ratios] == [("cpu", 0.9), ("cpu", 1.0)]
    assert [row["actor"] for row in history] == ["command line", "ana", "command line"]


def test_a_store_that_is_not_there_or_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, database = tmp_path / "webhook.yml", tmp_path / "webhook.db"
    config.write_text(f"store: {{url: 'sqlite:///{database}'}}\n")
    assert call(config, "list") == 1
    bring_to(SqliteFile(database), "0001")
    assert call(config, "list") == 1
    database.write_bytes(b"no database" * 1000)
    assert call(config, "set", "cpu", "1.1") == 1
    problems = capsys.readouterr().err
    assert "there is no store at" in problems
    assert "run the daemon once to bring it up to date" in problems
    assert "cannot be used as the store" in problems


@pytest.mark.parametrize("labels", ['a!="b"', "{"])
def test_labels_are_names_and_values(
    labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call(tmp_path / "webhook.yml", "set", "cpu", "1.1", "--labels", labels)
    assert ended.value.code == 2
    assert "--labels" in capsys.readouterr().err
