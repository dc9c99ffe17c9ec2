"""Does training learn, repeat itself, and write what is served?

Runs wherever the extra `train` is installed. It is large, so it is no part of `dev`; `.ci/run`
installs it.
"""

import hashlib
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from exporter.cli import main
from exporter.core.series import Floats, SeriesBatch
from exporter.detectors.lstm_autoencoder import LstmAutoencoder
from exporter.detectors.onnxmodel import TrainedModel, predict, read_model
from exporter.training import History, Settings, train

pytestmark = pytest.mark.skipif(
    not (find_spec("torch") and find_spec("onnx")), reason="the extra `train` is not installed"
)

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
TINY = Settings(window=12, hidden=4, epochs=3, windows=600, seed=5)


def waves(length: int = 1500) -> list[Floats]:
    rng = np.random.default_rng(2)
    angle = np.arange(length) * 0.8
    return [1e9 * np.sin(angle) + 1e7 * rng.normal(size=length), np.cos(angle)]


def trained(settings: Settings = TINY, losses: list[float] | None = None) -> TrainedModel:
    history = History("made up", waves(), 1.7e9, 1.7e9 + 1499 * 60)
    told = [] if losses is None else losses
    return train(history, settings, NOW, lambda done: told.append(done.loss))


def test_training_learns_and_says_how_far_it_is() -> None:
    losses: list[float] = []
    model = trained(Settings(window=12, hidden=8, epochs=8, windows=2000), losses)
    assert len(losses) == 8
    assert losses[-1] < 0.5 * losses[0]
    assert model.metadata.loss == pytest.approx(losses[-1], rel=1e-4)


def test_the_same_seed_gives_the_same_model_and_another_one_another() -> None:
    import torch

    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    first, again = trained(), trained()
    assert first == again
    assert first.graph == again.graph
    assert trained(Settings(window=12, hidden=4, epochs=3, windows=600, seed=6)) != first
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_metadata_says_what_was_learned_from() -> None:
    model = trained()
    told = model.metadata
    assert told.sha256 == hashlib.sha256(model.graph).hexdigest()
    assert (told.series, told.samples, told.window, told.hidden) == (2, 3000, 12, 4)
    assert (told.data_end - told.data_start).total_seconds() == 1499 * 60
    assert (told.training_windows, told.held_back_windows) == (600, 2 * (300 - 11))
    assert min(told.error_probabilities) * told.held_back_windows >= 10
    assert told.trained_at == NOW


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_the_graph_computes_what_was_trained_for_any_batch(batch: int) -> None:
    import torch

    from exporter.lstm import Network, graph_of

    torch.manual_seed(3)
    network = Network(5)
    past = np.random.default_rng(batch).normal(size=(batch, 9)).astype(np.float32)
    with torch.no_grad():
        newest = network.reconstruct(torch.from_numpy(past), 10)[:, 0].numpy()
        alone = network.reconstruct(torch.from_numpy(past), 1)[:, 0].numpy()
    np.testing.assert_allclose(newest, alone, rtol=1e-6)  # serving takes one step of the decoder
    np.testing.assert_allclose(predict(graph_of(network, 9), past), newest, rtol=1e-4, atol=1e-6)


def write_csv(path: Path, gap: slice = slice(0, 0)) -> None:
    lines = ["timestamp,load,queue"]
    for row, (load, queue) in enumerate(zip(*waves(), strict=True)):
        cell = "" if gap.start <= row < gap.stop else f"{queue:.6f}"
        lines.append(f"{1_700_000_000 + 600 * row},{load:.6f},{cell}")
    path.write_text("\n".join(lines) + "\n")


def test_from_csv_to_a_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_csv(tmp_path / "history.csv", gap=slice(100, 200))
    flags = ["train", f"--csv={tmp_path / 'history.csv'}", f"--output={tmp_path / 'model'}"]
    assert main(flags) == 1
    assert "found 2900 samples, 10000 are needed" in capsys.readouterr().err
    small = ["--min-samples=2000", "--window=12", "--hidden=8", "--epochs=8", "--windows=2000"]
    assert main([*flags, *small]) == 0
    said = capsys.readouterr()
    assert "training on 2 series with 2900 samples from history.csv" in said.err
    assert "epoch 8/8, loss " in said.err
    assert "0 s left" in said.err
    assert f"wrote {tmp_path / 'model'}" in said.out
    detector = LstmAutoencoder(model=read_model(tmp_path / "model"))
    values = np.array(waves(400))
    values[:, 300] *= 20.0
    batch = SeriesBatch((b"a", b"b"), np.arange(400, dtype=np.int64) * 600_000, values, 600_000)
    _, scores = detector.advance(detector.fresh(2), batch)
    assert (scores.score[:, 300] > 0.6).all()
    assert (scores.score[:, 100:300] < 0.6).all()


CONFIG = """
prometheus: {url: "http://127.0.0.1:1"}
queries: [{name: a, expr: up, timeout: 300ms}, {name: b, expr: up}]
"""


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        ([], 2, "--query: is missing; allowed: a, b"),
        (["--query=c"], 2, "--query: found 'c'; allowed: a, b"),
        (["--query=a"], 1, "http://127.0.0.1:1 cannot be reached"),
        (["--query=a", "--start=-1h", "--end=-2h"], 2, "--start"),
        (["--window=4"], 2, "--window: found 4; allowed: 8 or more"),
        (["--csv=nowhere.csv"], 1, "nowhere.csv cannot be read: No such file"),
    ],
)
def test_flags_that_lead_nowhere(
    flags: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "exporter.yml"
    config.write_text(CONFIG)
    output = tmp_path / "model"
    assert main(["train", f"--config.file={config}", f"--output={output}", *flags]) == code
    assert said in capsys.readouterr().err
    assert not output.exists()


def test_a_folder_that_cannot_be_is_said_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = tmp_path / "history.csv"
    history.write_text("timestamp,a\n" + "".join(f"{60 * i},{i % 7}\n" for i in range(100)))
    flags = [f"--csv={history}", f"--output={history}/model", "--min-samples=1"]
    assert main(["train", *flags, "--min-duration=1m"]) == 2
    said = capsys.readouterr().err
    assert "history.csv/model cannot be made: Not a directory; name another folder" in said
    assert "training on" not in said
