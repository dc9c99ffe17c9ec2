"""What of a history is enough, held back and written down? PyTorch is not needed for these."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from exporter.cli import main
from exporter.core.series import Floats
from exporter.detectors.onnxmodel import pooled_model, read_model
from exporter.errors import TrainingError
from exporter.training import (
    MIN_DURATION,
    MIN_SAMPLES,
    History,
    Settings,
    check_history,
    errors_of,
    save,
    split,
    train,
)

DAY = 86_400.0
NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)


def history(series: list[Floats], days: float = 8.0) -> History:
    return History("made up", series, 1.7e9, 1.7e9 + days * DAY)


def noise(length: int, level: float = 100.0, seed: int = 1) -> Floats:
    return level + np.random.default_rng(seed).normal(size=length)


def test_enough_is_enough() -> None:
    check_history(history([noise(6000), noise(6000)]), MIN_DURATION, MIN_SAMPLES)


def test_too_little_says_what_was_found_what_is_needed_and_which_flag() -> None:
    gappy = noise(20_000)
    gappy[100:15_000] = np.nan
    with pytest.raises(TrainingError, match=r"found 5100 samples, 10000 are .*--min-samples"):
        check_history(history([gappy]), MIN_DURATION, MIN_SAMPLES)
    with pytest.raises(TrainingError, match=r"found 156h .* 1w are .*--min-duration"):
        check_history(history([noise(20_000)], 6.5), MIN_DURATION, MIN_SAMPLES)


def test_the_end_of_each_series_is_held_back() -> None:
    rising = np.arange(1000.0)
    rng = np.random.default_rng(0)
    learned, held_back = split([rising, np.full(500, 3.0)], Settings(windows=200), rng)
    assert 0 < len(learned.scale) < 200
    assert (learned.series == 0).all()  # of the 200 drawn those of the constant series say nothing
    assert len(held_back.scale) == 200 - 31
    assert (held_back.series == 0).all()
    # On a line every window is the same, whatever its level.
    np.testing.assert_allclose(learned.samples - held_back.samples[0], 0.0, atol=1e-5)


def test_a_history_in_which_nothing_moves_is_refused() -> None:
    with pytest.raises(TrainingError, match="anything moves"):
        split([np.full(5000, 1.0)], Settings(), np.random.default_rng(0))


def test_errors_are_measured_by_those_of_their_own_series() -> None:
    rng = np.random.default_rng(0)
    quiet, wild = noise(4000), noise(4000, seed=2)
    wild[::50] += 40.0
    _, held_back = split([quiet, wild], Settings(), rng)
    errors = errors_of(pooled_model().graph, held_back)
    for row in (0, 1):
        own = errors[held_back.series == row]
        assert np.sqrt(np.mean(own**2)) == pytest.approx(1.0)


def test_a_model_is_read_as_it_was_saved(tmp_path: Path) -> None:
    model = pooled_model()
    save(tmp_path / "new" / "folder", model)
    assert read_model(tmp_path / "new" / "folder") == model
    save(tmp_path / "new" / "folder", model)  # replaces what was there
    files = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert files == ["model.json", "model.onnx"]


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        TrainingError, match=r"no torch; .* pip install 'anomaly-exporter\[train\]'"
    ):
        train(history([noise(2000)]), Settings(), NOW)


def test_a_number_is_a_number() -> None:
    with pytest.raises(SystemExit):
        main(["train", "--output=x", "--epochs=-3"])
