"""A model's history on disk."""

from pathlib import Path

import numpy as np
import pytest

from exporter.adapters import statefile
from exporter.adapters.tallyfile import load_history, save_history, tally_path
from exporter.errors import StateCorrupt, StateError
from exporter.modelwatch.day import days_of
from exporter.modelwatch.history import History, Tally, taken_up
from exporter.modelwatch.pairs import Pairs
from tests.exporter.loops.modelsource import HOUR, ORIGIN, predicted


def history() -> History:
    scores, truths = predicted(5, 60, 0.1)
    times = ORIGIN + HOUR * np.arange(scores.shape[1], dtype=np.int64)
    first = Tally("1", "f").plus(int(times[-1]), list(days_of(Pairs(times, scores, truths), 0.5)))
    return taken_up(History((first,)), "2", "f")


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    path = tally_path(tmp_path / "exporter.state", "churn")
    assert path == tmp_path / "exporter.state.quality" / "churn.npz"
    saved = history()
    save_history(path, saved)
    loaded = load_history(path)
    assert len(loaded.versions) == 2
    for one, other in zip(loaded.versions, saved.versions, strict=True):
        for name in ("version", "fingerprint", "since", "until"):
            assert getattr(one, name) == getattr(other, name)
        assert list(one.known) == list(other.known)
        for number, day in one.known.items():
            known = other.known[number]
            assert (day.predictions, day.is_rounded) == (known.predictions, known.is_rounded)
            for name in ("confusion", "scores", "positives", "negatives"):
                np.testing.assert_array_equal(getattr(day, name), getattr(known, name))
    assert any(day.is_rounded for day in loaded.versions[0].known.values())
    assert tally_path(None, "churn") is None


def test_a_file_of_another_form_is_no_history(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    save_history(path, history())
    good = statefile.load(path)
    for manifest, other in (
        ({}, {}),
        ({"versions": []}, {}),
        ({"versions": [{"version": "1"}]}, {}),
        (good.manifest, {"version/0/scores": np.zeros(3)}),
        (good.manifest, {"version/0/confusion": np.zeros((5, 3), dtype=np.int64)}),
        (good.manifest, {"version/0/lengths": np.zeros(4, dtype=np.int64)}),
    ):
        statefile.save(path, manifest, {**good.arrays, **other}, {})
        with pytest.raises(StateCorrupt, match="is not one of ours"):
            load_history(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot make the folder"):
        save_history(tmp_path / "file" / "folder" / "m.npz", history())
