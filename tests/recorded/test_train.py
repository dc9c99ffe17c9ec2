"""Training on the recorded Prometheus, and serving what was trained."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from exporter.cli import main
from tests.conftest import RecordedPrometheus

pytestmark = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("onnx")), reason="the extra `train` is not installed"
)

CONFIG = """
prometheus: {{url: "{url}", scrape_interval: 5s}}
evaluation_interval: 5s
queries:
  - name: network
    expr: rate(node_network_receive_bytes_total{{device="eth1"}}[1m])
    detectors: [{{kind: lstm_autoencoder{model}}}]
    min_deviation: 1e6
"""


@pytest.fixture
def folder(recorded: RecordedPrometheus, tmp_path: Path) -> Path:
    (tmp_path / "exporter.yml").write_text(CONFIG.format(url=recorded.url, model=""))
    text = CONFIG.format(url=recorded.url, model=", model: trained")
    (tmp_path / "own.yml").write_text(text)
    return tmp_path


def test_the_recording_is_too_short_to_learn_a_week_from(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", f"--config.file={folder / 'exporter.yml'}", f"--output={folder / 'trained'}"]
    assert main([*train, "--start=-3h", "--min-samples=1000"]) == 1
    said = capsys.readouterr().err
    assert "query network: found 1h4" in said
    assert "1w are needed" in said
    assert main([*train, "--start=2020-01-01", "--end=2020-01-02"]) == 2
    assert "query network has no samples in this range" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "query", "said"),
    [
        (
            "",
            [],
            "--query: found `ensemble: none` in every query, so no detectors to train; give one "
            "query detectors, or name a history with --csv\n",
        ),
        (
            "  - {name: scored, expr: up}\n",
            ["--query=free"],
            "--query: found 'free', whose `ensemble: none` leaves no detectors to train; "
            "allowed: scored\n",
        ),
        (
            "  - {name: scored, expr: up, timeout: 300ms}\n",
            [],
            "anomaly-exporter: http://127.0.0.1:1 cannot be reached",
        ),
    ],
    ids=["no-query-is-scored", "another-query-is-scored", "the-only-scored-one-is-meant"],
)
def test_where_there_are_no_detectors_there_is_nothing_to_train(
    more: str, query: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "exporter.yml"
    config.write_text(
        'prometheus: {url: "http://127.0.0.1:1"}\n'
        f"queries:\n  - {{name: free, expr: up, ensemble: none, forecast: {{}}}}\n{more}"
    )
    assert main(["train", f"--config.file={config}", f"--output={tmp_path / 'own'}", *query])
    assert capsys.readouterr().err.startswith(said)


def test_a_model_of_ones_own_finds_the_network_incidents(
    folder: Path, recorded: RecordedPrometheus, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", f"--config.file={folder / 'exporter.yml'}", f"--output={folder / 'trained'}"]
    easy = ["--start=-3h", "--min-duration=1h", "--min-samples=1000", "--epochs=4"]
    assert main([*train, *easy]) == 0
    assert "epoch 4/4" in capsys.readouterr().err
    incidents = f"--incidents={recorded.folder / 'incidents.yml'}"
    backtest = ["backtest", f"--config.file={folder / 'own.yml'}", "--start=-3h", incidents]
    assert main(backtest) == 0
    found = [line for line in capsys.readouterr().out.splitlines() if "network" in line]
    assert len(found) >= 2
    assert not any("MISSED" in line for line in found)
