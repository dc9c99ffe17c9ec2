"""Weights on the command line, beside a daemon that has the store open."""

import asyncio
import json
from pathlib import Path

import pytest

from webhook.adapters.sqlite import SqliteFile
from webhook.adapters.store import open_store
from webhook.adapters.weights import ratios_of
from webhook.cli import main


def test_it_sets_lists_undoes_and_resets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, database = tmp_path / "webhook.yml", SqliteFile(tmp_path / "webhook.db")
    config.write_text(f"store: {{url: 'sqlite:///{database.path}'}}\n")

    def call(*arguments: str) -> tuple[int, list[str]]:
        command = ["weights", arguments[0], "--config.file", str(config), *arguments[1:]]
        code = main(command)
        return code, capsys.readouterr().out.splitlines()

    with open_store(database) as store:
        never = [call("list"), call("history"), call("reset", "cpu")]
        first = call("set", "cpu", "mad", "1.2")
        call("set", "cpu", "zscore", "0.9", "--author", "ana", "--reason", "noisy")
        beyond = call("set", "cpu", "mad", "1.7")
        undone = call("undo", "1", "--reason", "too loud")
        again = call("undo", "1")
        kept = asyncio.run(store.read(lambda connection: ratios_of(connection, "cpu")))
        _, listed = call("list")
        _, newest = call("history", "--query", "cpu", "--limit", "1")
        _, as_json = call("list", "--json")
        _, lines = call("history", "--json")
        reset = call("reset", "cpu")

    nothing = "no weight was ever moved"
    assert never == [
        (0, [nothing]),
        (0, [nothing]),
        (1, ["nothing was changed: that is in force already"]),
    ]
    assert first == (
        0,
        [
            "cpu: the detectors' weights, times what is configured: mad 1 -> 1.2: "
            "a person chose it (change 1)"
        ],
    )
    assert beyond[0] == 1
    assert "the ratio of mad is 1.7; allowed: 0.5 to 1.5" in beyond[1][0]
    assert (undone[0], again[0]) == (0, 1)
    assert "undone already, by change 3" in again[1][0]
    assert kept == {"mad": 1.0, "zscore": 0.9}
    assert [line.split()[0] for line in listed] == ["1", "0.9"]
    assert listed[1].endswith("cpu zscore")
    assert newest[0].endswith("mad 1.2 -> 1: change 1 was undone: too loud")
    ratios = json.loads("\n".join(as_json))["weights"]
    assert [(row["detector"], row["ratio"]) for row in ratios] == [("mad", 1.0), ("zscore", 0.9)]
    actors = [json.loads(line)["actor"] for line in lines]
    assert actors == ["command line", "ana", "command line"]
    assert "zscore 0.9 -> 1: back to what is configured" in reset[1][0]
