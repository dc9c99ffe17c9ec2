"""The commands about models where nothing has to be asked of a running exporter."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.adapters.versionfiles import VersionFolder, version_folder
from exporter.cli import main
from tests.exporter.adapters.test_versionfiles import learned
from tests.exporter.lifecycle.test_decision import CHAMPION
from tests.exporter.lifecycle.test_versions import fit, lived

ONE = "queries: [{name: q, expr: up}, {name: other, expr: up}]\nstate: {path: exporter.state}\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.yml"
    path.write_text(ONE)
    return f"--config.file={path}"


@pytest.fixture
def folder(tmp_path: Path) -> VersionFolder:
    """A query with three versions, of which two are kept, and a refused challenger."""
    folder = version_folder(tmp_path / "exporter.state", "q")
    assert folder is not None
    _, state = learned()
    noisy = replace(CHAMPION, alarms_per_series_day=9.87654, incidents_caught=0)
    fits = [
        fit(1, "first", "first run"),
        replace(fit(2), quality=CHAMPION, beside=1, champion=CHAMPION, parameters={"step": "15s"}),
        replace(
            fit(3, "refused", "drift"),
            quality=noisy,
            beside=2,
            champion=CHAMPION,
            worse=("alarms_per_series_day", "incidents_caught"),
            parameters={"step": "30s"},
        ),
        fit(4),
    ]
    for number in (2, 4):
        folder.save(fits[number - 1], state)
    folder.keep_life(lived(*fits))
    return folder


def test_list_tells_of_every_fit(
    config: str, folder: VersionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list", config]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "query q",
        "  fit  fitted, UTC       because of    alarms  band error  state",
        "    4  1970-01-01 00:06  schedule           -           -  in force",
        "    3  1970-01-01 00:05  drift           9.88           1  "
        "refused: worse in alarms_per_series_day,",
        " " * 59 + "incidents_caught",
        "    2  1970-01-01 00:03  schedule           2           1  kept, as of 1970-01-01 00:00",
        "    1  1970-01-01 00:01  first run          -           -  no longer kept",
        "query other",
        f"  no version in {folder.path.with_name('other')}; `run` begins the first once it has "
        "looked back",
    ]
    assert main(["models", "list", config, "--query", "other"]) == 0
    assert "query q" not in capsys.readouterr().out


def test_show_is_the_manifest_as_json(
    config: str, folder: VersionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "show", config, "--query", "q"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["number"] == 4
    assert shown["arrays"]["state/latest/seen"]["dtype"] == "<i8"
    assert main(["models", "show", config, "--query", "q", "--number", "3"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["decision"], shown["arrays"]) == ("refused", None)
    assert shown["worse"] == ["alarms_per_series_day", "incidents_caught"]
    assert shown["champion"]["alarms_per_series_day"] == 2.0


def test_compare_puts_two_side_by_side(
    config: str, folder: VersionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "compare", config, "--query", "q", "2", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[-2:] for line in lines if line.startswith("anomalies")] == [["2", "9.877"]]
    assert [line.split()[-2:] for line in lines if line.startswith("because")] == [
        ["schedule", "drift"]
    ]
    assert max(map(len, lines)) <= 100
    assert "held back from fit 3" in lines[-3]
    assert lines[-2:] == ["parameters that differ:", "  step: 15s -> 30s"]
    assert main(["models", "compare", config, "--query", "q", "1", "4"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "parameters: the same"


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        (
            "queries: [{name: q, expr: up, models: null}]\n",
            ["list"],
            "no query has detectors and `models`; give one both",
        ),
        (ONE + "\n", ["list", "--query", "x"], "--query: found 'x'; allowed: q, other"),
        (
            "queries: [{name: q, expr: up}]\nstate: {path: null}\n",
            ["list"],
            "state.path: found null, so that no version is kept; name a file",
        ),
        (ONE, ["show", "--query", "q", "--number", "7"], "--number: found 7; allowed: 1, 2, 3, 4"),
        (ONE, ["compare", "--query", "other", "1", "2"], "other; `run` begins the first once"),
    ],
)
def test_what_cannot_be_shown_is_said(
    text: str,
    arguments: list[str],
    said: str,
    config: str,
    folder: VersionFolder,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "c.yml").write_text(text)
    assert main(["models", *arguments, config]) == 2
    assert said in capsys.readouterr().err


def test_a_damaged_file_is_told_of_and_left_to_the_exporter(
    config: str, folder: VersionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.file(4).write_bytes(b"nonsense" * 100)
    assert main(["models", "show", config, "--query", "q"]) == 1
    said = capsys.readouterr().err
    assert "is damaged" in said
    assert "`run` moves it aside" in said
    file = folder.file(4)
    file.replace(file.with_name("4.npz.corrupt"))
    folder.keep_life(replace(folder.life(), champion=2))
    assert main(["models", "list", config]) == 0
    assert "damaged, moved aside" in capsys.readouterr().out
    file.with_name("4.npz.corrupt").replace(file)
    (folder.path / "life.npz").write_bytes(b"nonsense" * 100)
    assert main(["models", "list", config]) == 1
    told = capsys.readouterr()
    assert "life.npz is damaged" in told.err
    assert "query other\n  no version" in told.out
    assert sorted(path.name for path in folder.path.iterdir()) == ["2.npz", "4.npz", "life.npz"]
