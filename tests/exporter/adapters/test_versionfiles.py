"""The files of a model's versions: what is read is what was written, or nothing."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exporter.adapters import statefile
from exporter.adapters.versionfiles import VersionFolder, version_folder
from exporter.errors import StateCorrupt, StateError
from exporter.lifecycle.versions import Life
from exporter.pipeline import QueryState
from exporter.plan import Plan
from tests.exporter.adapters.test_statefile import sealed
from tests.exporter.arraysource import ArraySource
from tests.exporter.lifecycle.test_versions import fit, lived
from tests.exporter.loops.test_runner import SECONDS, runner_of


def learned() -> tuple[Plan, QueryState]:
    runner = runner_of(ArraySource(np.random.default_rng(5).normal(10.0, 1.0, (3, 200))))
    runner.run(100 * SECONDS)
    runner.number(1)
    return runner.plan, runner.state


@pytest.fixture
def folder(tmp_path: Path) -> VersionFolder:
    folder = version_folder(tmp_path / "exporter.state", "q")
    assert folder is not None
    assert folder.path == tmp_path / "exporter.state.models" / "q"
    return folder


def test_what_is_loaded_is_what_was_saved(folder: VersionFolder) -> None:
    plan, state = learned()
    folder.save(fit(1, "first"), state)
    version = folder.load(folder.file(1), plan)
    assert version is not None
    assert version.manifest == fit(1, "first")
    loaded = version.state
    assert (loaded.keys, loaded.until, loaded.model) == (state.keys, state.until, 1)
    assert loaded.quality == state.quality
    for name, array in state.latest.items():
        np.testing.assert_array_equal(loaded.latest[name], array)
    for kind, arrays in state.detectors.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(loaded.detectors[kind][name], array)
    described = folder.described(1)
    assert described is not None
    assert described["state/latest/seen"]["shape"] == [3]
    assert folder.described(2) is None


def test_a_bit_flipped_in_any_entry_is_noticed(folder: VersionFolder) -> None:
    plan, state = learned()
    folder.save(fit(1, "first"), state)
    path = folder.file(1)
    whole = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        entries = archive.infolist()
    assert len(entries) > 20
    for entry in entries:
        broken = bytearray(whole)
        name = len(entry.filename.encode())
        broken[entry.header_offset + 30 + name + 20 + entry.file_size // 2] ^= 1
        path.write_bytes(broken)
        with pytest.raises(StateCorrupt):
            folder.load(path, plan)


def test_an_array_that_was_exchanged_is_noticed_by_its_own_checksum(folder: VersionFolder) -> None:
    """The file's checksum fits: whoever wrote it knew the format."""
    plan, state = learned()
    folder.save(fit(1, "first"), state)
    good = statefile.load(folder.file(1))
    for name, array in good.arrays.items():
        changed = array.copy()
        flat = changed.reshape(-1).view(np.uint8)
        if not len(flat):
            continue
        flat[0] ^= 1
        statefile.save(folder.file(1), good.manifest, {**good.arrays, name: changed}, good.keys)
        with pytest.raises(StateCorrupt, match=f"checksum of {name} differ"):
            folder.load(folder.file(1), plan)
    keys = {"state": (*good.keys["state"][:-1], b'{"row":"9"}')}
    statefile.save(folder.file(1), good.manifest, good.arrays, keys)
    with pytest.raises(StateCorrupt, match="state/keys"):
        folder.load(folder.file(1), plan)


def test_a_damaged_version_is_moved_aside_and_the_next_one_taken(folder: VersionFolder) -> None:
    plan, state = learned()
    for number in (1, 2, 3):
        folder.save(fit(number), state)
    folder.move_before(3)
    folder.save(fit(3), state)
    folder.file(3).write_bytes(b"nonsense" * 100)
    files = folder.files_of((3, 2))
    version, damaged = folder.first_good(files, plan)
    assert version is not None
    assert (version.manifest.number, damaged) == (3, 1)
    assert folder.file(3).with_name("3.npz.corrupt").exists()
    sealed(folder.file(3, before=True), {"version": 99})
    version, damaged = folder.first_good(files, plan)
    assert version is not None
    assert (version.manifest.number, damaged) == (2, 0)
    assert folder.file(3, before=True).exists(), "a newer exporter wants it back"
    assert folder.first_good([folder.file(9)], plan) == (None, 0)


def test_versions_of_other_detectors_are_of_no_use(folder: VersionFolder) -> None:
    _, state = learned()
    folder.save(fit(1), state)
    other = runner_of(ArraySource(np.empty((0, 1))), more=", detectors: [{kind: ewma}]").plan
    assert folder.load(folder.file(1), other) is None
    assert folder.first_good(folder.files_of((1,)), other) == (None, 0)


def test_a_file_of_another_form_is_no_version(folder: VersionFolder) -> None:
    plan, state = learned()
    folder.save(fit(1), state)
    good = statefile.load(folder.file(1))
    for key in ("manifest", "arrays"):
        rest = {name: value for name, value in good.manifest.items() if name != key}
        statefile.save(folder.file(1), rest, good.arrays, good.keys)
        with pytest.raises(StateCorrupt, match="not one of ours"):
            folder.load(folder.file(1), plan)


def test_only_versions_to_keep_stay(folder: VersionFolder) -> None:
    _, state = learned()
    for number in (1, 2, 3):
        folder.save(fit(number), state)
        folder.move_before(number)
        folder.save(fit(number), state)
    folder.keep_life(Life())
    folder.retire(2)
    folder.prune((3, 2))
    left = sorted(path.name for path in folder.path.iterdir())
    assert left == ["2.npz", "3.before.npz", "3.npz", "life.npz"]
    folder.move_before(9)


def test_the_life_is_kept_and_put_together_anew_when_damaged(
    folder: VersionFolder, caplog: pytest.LogCaptureFixture
) -> None:
    _, state = learned()
    assert folder.life() == Life()
    life = lived(fit(1, "first"), fit(2), fit(3, "refused"))
    for number in (1, 2):
        folder.save(fit(number, "first" if number == 1 else "promoted"), state)
    folder.keep_life(life)
    assert folder.life() == life
    statefile.save(folder.path / "life.npz", {"life": {"champion": "x"}}, {}, {})
    folder.file(1).write_bytes(b"")
    assert folder.life() == lived(fit(2))
    (folder.path / "life.npz").write_bytes(b"nonsense" * 100)
    assert folder.life().champion == 2
    assert "is damaged" in caplog.text


def test_who_learned_last_is_taken_for_the_champion_when_nobody_knows(
    folder: VersionFolder,
) -> None:
    """Somebody went back from 2 to 1."""
    _, state = learned()
    folder.save(replace(fit(1, "first"), until=9), state)
    folder.save(fit(2), state)
    (folder.path / "life.npz").write_bytes(b"nonsense" * 100)
    assert folder.life().champion == 1


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = VersionFolder(tmp_path / "file" / "q")
    with pytest.raises(StateError, match="cannot make the folder"):
        folder.keep_life(Life())
    with pytest.raises(StateError, match="cannot move"):
        folder.move_before(1)
    assert version_folder(None, "q") is None
