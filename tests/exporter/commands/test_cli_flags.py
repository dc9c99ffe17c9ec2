"""What the command line understands, with nobody behind the URL."""

import time
from pathlib import Path

import pytest

from exporter.cli import main

CONFIG = """
prometheus: {url: "http://127.0.0.1:1"}
queries: [{name: q, expr: up, timeout: 300ms}]
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "exporter.yml"
    path.write_text(CONFIG)
    return f"--config.file={path}"


@pytest.mark.parametrize("start", [["--start", "-6h"], ["--start=-6h", "--end", "-1h"]])
def test_an_instant_back_from_now_is_no_flag(
    config: str, start: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert main(["backtest", config, *start]) == 1
    assert "http://127.0.0.1:1 cannot be reached" in capsys.readouterr().err
    assert time.monotonic() - began < 60  # not as long as a history may take


def test_a_backtest_that_ends_before_it_starts_is_refused(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backtest", config, "--start", "-1h", "--end", "-6h"]) == 2
    assert "--start" in capsys.readouterr().err


def test_a_flag_says_what_a_duration_is(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["backtest", config, "--settle", "30"])
    assert "found '30', which is no duration; allowed: 0, or whole" in capsys.readouterr().err
