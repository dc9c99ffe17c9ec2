"""The commands about drift where nothing has to be asked of Prometheus."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from exporter.adapters import statefile
from exporter.adapters.baselinefile import load_baseline, save_baseline
from exporter.cli import main
from exporter.core.ring import Ring
from exporter.core.series import SeriesBatch
from exporter.drift.baselines import Baseline, cohort_of, retaken
from exporter.drift.ks import Ks
from exporter.drift.plan import DriftPlan
from exporter.errors import StateCorrupt, StateError

STEP = 300_000
ONE = "queries: [{name: a, expr: up, drift: {}}]\n"


def baseline() -> Baseline:
    plan = DriftPlan(query="a", tests=(Ks(),), step=STEP, reference=60, window=10)
    ring = Ring(STEP, 60)
    times = np.arange(1, 61, dtype=np.int64) * STEP
    ring.append(SeriesBatch((b'{"a":"1"}',), times, np.arange(60.0)[None], STEP))
    cohort = cohort_of(ring, plan, 1)
    assert cohort is not None
    return retaken(None, cohort, plan, 60 * STEP, "first run")


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("queries: [{name: a, expr: up}]\n", ["baselines"], "no query has `drift`; add it to one"),
        (ONE + "state: {path: null}\n", ["baselines"], "state.path: found null, so that no"),
        (
            ONE + "state: {path: exporter.state}\n",
            ["baselines", "--query", "a", "--number", "7"],
            "--number: found 7; allowed: 1",
        ),
    ],
)
def test_what_cannot_be_shown_is_said(
    text: str,
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "c.yml"
    config.write_text(text)
    save_baseline(tmp_path / "exporter.state.baselines" / "a.npz", "mark", baseline())
    assert main(["drift", *arguments, f"--config.file={config}"]) == 2
    assert said in capsys.readouterr().err


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    path, saved = tmp_path / "folder" / "a.npz", baseline()
    save_baseline(path, "mark", saved)
    mark, loaded = load_baseline(path)
    assert mark == "mark"
    assert loaded.newest.keys == saved.newest.keys
    assert loaded.known == saved.known == {b'{"a":"1"}'}
    for name in ("number", "taken", "reason", "first", "last", "is_short"):
        assert getattr(loaded.newest, name) == getattr(saved.newest, name)
    for name, array in saved.newest.summary.items():
        np.testing.assert_array_equal(loaded.newest.summary[name], array)
    rows, columns = np.arange(1), np.arange(60)
    values = loaded.cohorts[0].values(rows, columns)
    np.testing.assert_array_equal(values, np.arange(60.0)[None])
    np.testing.assert_array_equal(loaded.cohorts[0].times, saved.cohorts[0].times)


def test_a_file_of_another_form_is_no_baseline(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.npz", baseline()
    save_baseline(path, "mark", whole)
    good = statefile.load(path)
    facts = good.manifest["versions"][0]
    arrays = dict(good.arrays)
    forms: list[tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]] = [
        ({**good.manifest, "versions": []}, {}),
        ({**good.manifest, "versions": [{**facts, "reason": "whim"}]}, {}),
        ({**good.manifest, "cohorts": 2}, {}),
        ({}, {}),
        (good.manifest, {"cohort/0/rest": np.zeros((2, 60), dtype=np.float32)}),
        (good.manifest, {"version/1/mean": np.zeros(3)}),
    ]
    for manifest, other in forms:
        statefile.save(path, manifest, {**arrays, **other}, good.keys)
        with pytest.raises(StateCorrupt, match="is not one of ours"):
            load_baseline(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot make the folder"):
        save_baseline(tmp_path / "file" / "folder" / "a.npz", "mark", baseline())
