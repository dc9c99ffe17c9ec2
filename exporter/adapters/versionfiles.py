"""Where do the versions of a query's model stay? In files of their own, in a folder per query.

`7.npz` is what version 7 knew when it was in force last, and `7.before.npz` what it knew some hours
earlier, while it is in force: the two between which the tail begins. `life.npz` says which version
is, and what is known of every fit. All are in the format of the state file; every array's own
checksum is in the manifest as well, so that what is read is what was fitted.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from exporter.adapters import statefile
from exporter.adapters.checkpoint import arrays_of, facts_of, state_in
from exporter.core.series import Keys
from exporter.errors import StateCorrupt, StateError
from exporter.lifecycle.versions import Life, Manifest
from exporter.pipeline import QueryState
from exporter.plan import Plan

log = logging.getLogger(__name__)

_STATE: Final = "state"
_LIFE: Final = "life.npz"


@dataclass(frozen=True)
class Version:
    """One version as it is in its file."""

    manifest: Manifest
    state: QueryState


class VersionFolder:
    """The files of one query.

    Parameters
    ----------
    path : need not exist yet
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def life(self, *, mend: bool = True) -> Life:
        """Return what is known of the query's model.

        mend : move a damaged file aside, and put together what the versions say

        Raises
        ------
        StateCorrupt
            It is damaged, and not to be mended.
        StateTooNew
            A newer version of the exporter wrote it.
        StateError
            It cannot be read.
        """
        path = self.path / _LIFE
        if not path.exists():
            return Life()
        try:
            return msgspec.convert(statefile.load(path).manifest["life"], Life, strict=False)
        except (KeyError, msgspec.ValidationError) as error:
            damage = StateCorrupt(f"the file {path} is not one of ours: {error!r}")
        except StateCorrupt as error:
            damage = error
        if not mend:
            raise damage
        about = statefile.set_aside(path, damage)
        log.error("what is known of a model is damaged, taking what its versions say", extra=about)
        return self._found()

    def keep_life(self, life: Life) -> None:
        """Write what is known.

        Raises
        ------
        StateError
            It cannot be written; the old one is intact.
        """
        self._make()
        statefile.save(self.path / _LIFE, {"life": msgspec.to_builtins(life)}, {}, {})

    def file(self, number: int, *, before: bool = False) -> Path:
        """Return where a version is, or what it knew before."""
        return self.path / (f"{number}.before.npz" if before else f"{number}.npz")

    def save(self, manifest: Manifest, state: QueryState) -> None:
        """Write what a version knows, in the place of what it knew.

        Raises
        ------
        StateError
            It cannot be written; the old file is intact.
        """
        self._make()
        arrays = arrays_of(state, _STATE)
        keys = {_STATE: state.keys}
        contents = {
            "manifest": msgspec.to_builtins(manifest),
            "state": facts_of(state),
            "arrays": _described(arrays, keys),
        }
        statefile.save(self.file(manifest.number), contents, arrays, keys)

    def move_before(self, number: int) -> None:
        """Let what a version knows now be what it knew before.

        Raises
        ------
        StateError
            The file cannot be moved.
        """
        try:
            self.file(number).replace(self.file(number, before=True))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"cannot move {self.file(number)}: {error.strerror}") from error

    def load(self, path: Path, plan: Plan) -> Version | None:
        """Read a version from its file; None if it is of arrays that this exporter does not have.

        Raises
        ------
        StateCorrupt
            It is damaged, or an array is not what was written.
        StateTooNew
            A newer version of the exporter wrote it.
        StateError
            It cannot be read.
        """
        saved = statefile.load(path)
        manifest = _manifest_in(path, saved)
        state = state_in(saved, _STATE, saved.manifest["state"], plan)
        return None if state is None else Version(manifest, state)

    def first_good(self, paths: Sequence[Path], plan: Plan) -> tuple[Version | None, int]:
        """Return the first of some files that is whole, and how many before it are damaged.

        Damaged ones are moved aside.
        """
        damaged = 0
        for path in paths:
            if not path.exists():
                continue
            try:
                version = self.load(path, plan)
            except StateCorrupt as error:
                about = statefile.set_aside(path, error)
                log.error("a version of a model is damaged, trying another", extra=about)
                damaged += 1
            except StateError as error:
                log.error("a version of a model cannot be read", extra={"error": error})
            else:
                if version is not None:
                    return version, damaged
        return None, damaged

    def files_of(self, numbers: Sequence[int]) -> list[Path]:
        """Return all files of some versions, in the order of preference."""
        return [self.file(number, before=before) for number in numbers for before in (False, True)]

    def retire(self, number: int) -> None:
        """Forget what a version knew before, which is not in force any more."""
        self.file(number, before=True).unlink(missing_ok=True)

    def prune(self, kept: Sequence[int]) -> None:
        """Remove the files of all other versions."""
        for path in self.path.glob("*.npz"):
            number = path.name.partition(".")[0]
            if number.isdigit() and int(number) not in kept:
                path.unlink(missing_ok=True)

    def described(self, number: int) -> dict[str, Any] | None:
        """Return dtype, shape and checksum of every array of a version; None if there is none.

        Raises
        ------
        StateError
            The file cannot be used.
        """
        path = self.file(number)
        if not path.exists():
            return None
        saved = statefile.load(path)
        _manifest_in(path, saved)
        arrays: dict[str, Any] = saved.manifest["arrays"]
        return arrays

    def _make(self) -> None:
        try:  # that of the state file is the user's to make
            self.path.parent.mkdir(exist_ok=True)
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise StateError(f"cannot make the folder {self.path}: {error.strerror}") from error

    def _found(self) -> Life:
        """Return what the files say; who has learned last is taken for the champion."""
        life = Life()
        found = sorted(int(one.stem) for one in self.path.glob("*.npz") if one.stem.isdigit())
        for number in found:
            path = self.file(number)
            try:
                life = life.with_fit(_manifest_in(path, statefile.load(path)))
            except StateError as error:
                log.error("a version of a model cannot be read", extra={"error": error})
        last = max(life.manifests, key=lambda one: (one.until, one.number), default=None)
        return life if last is None else replace(life, champion=last.number)


def version_folder(state: Path | None, query: str) -> VersionFolder | None:
    """Return the folder of a query's versions, None where nothing is kept.

    state : the state file
    """
    return None if state is None else VersionFolder(models_path(state) / query)


def models_path(state: Path) -> Path:
    """Return the folder of all queries' versions, beside the state file."""
    return state.with_name(f"{state.name}.models")


def _manifest_in(path: Path, saved: statefile.SavedState) -> Manifest:
    """Return the manifest of a version's file, whose arrays are what it says."""
    try:
        described = saved.manifest["arrays"]
        manifest = msgspec.convert(saved.manifest["manifest"], Manifest, strict=False)
    except (KeyError, msgspec.ValidationError) as error:
        raise StateCorrupt(f"the version {path} is not one of ours: {error!r}") from error
    found = _described(saved.arrays, saved.keys)
    wrong = sorted(
        name for name in described.keys() | found if described.get(name) != found.get(name)
    )
    if wrong:
        names = ", ".join(wrong[:3]) + (", ..." if len(wrong) > 3 else "")
        raise StateCorrupt(f"the version {path} is damaged: content and checksum of {names} differ")
    return manifest


def _described(
    arrays: Mapping[str, npt.NDArray[Any]], keys: Mapping[str, Keys]
) -> dict[str, dict[str, Any]]:
    described = {
        name: {
            "dtype": array.dtype.str,
            "shape": list(array.shape),
            "sha256": hashlib.sha256(np.ascontiguousarray(array).data).hexdigest(),
        }
        for name, array in arrays.items()
    }
    for name, series in keys.items():
        digest = hashlib.sha256()
        for key in series:
            digest.update(hashlib.sha256(key).digest())
        described[f"{name}/keys"] = {
            "dtype": "bytes",
            "shape": [len(series)],
            "sha256": digest.hexdigest(),
        }
    return described
