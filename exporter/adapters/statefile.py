"""How does what was learned survive a restart?

One zip file of .npy entries, whose comment is the SHA-256 of every byte before it. So numpy.load
and unzip open it, and no flipped bit or lost tail goes unnoticed, wherever it is. Nothing in it
is ever unpickled.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from exporter.core.series import Keys
from exporter.errors import StateCorrupt, StateError, StateTooNew
from promkit.atomicfile import write_atomically

VERSION: Final = 1
"""Of what this module writes; older ones are read as long as they can be understood."""

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_CONTENTS = "contents.json"
_DIGEST_BYTES = 64  # SHA-256 in hexadecimal
_PIECE = 1 << 20


class SavedState(NamedTuple):
    """What a state file holds.

    Parameters
    ----------
    manifest : whatever JSON can say
    arrays : name -> array of numbers
    keys : name -> series identities
    """

    manifest: dict[str, Any]
    arrays: Arrays
    keys: Mapping[str, Keys]


def save(path: Path, manifest: dict[str, Any], arrays: Arrays, keys: Mapping[str, Keys]) -> int:
    """Replace the state file by one that `load` reads back; return its size in bytes.

    Raises
    ------
    StateError
        If it cannot be written; the old file is untouched then.
    """
    written = 0

    def counted() -> Iterator[bytes]:
        nonlocal written
        for piece in _pieces(SavedState(manifest, arrays, keys)):
            written += len(piece)
            yield piece

    try:
        write_atomically(path, counted())
    except OSError as error:
        raise StateError(
            f"cannot write the state file {path}: {error.strerror}; the last one stays. Check "
            "the folder's permissions and free space, or name another file"
        ) from error
    return written


def load(path: Path) -> SavedState:
    """Read a state file.

    Raises
    ------
    StateTooNew
        If a newer version of the exporter wrote it.
    StateCorrupt
        If it is damaged, or something else altogether.
    StateError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            _check_digest(path, file)
            return _read(path, file)
    except OSError as error:
        raise StateError(f"cannot read the state file {path}: {error.strerror}") from error


def set_aside(path: Path, error: StateCorrupt) -> dict[str, object]:
    """Move a damaged file away, to be looked at and not to come back; return what to log of it."""
    place = aside(path)
    try:
        path.replace(place)
    except OSError as refusal:  # a read-only folder
        return {"error": error, "not_moved": refusal}
    return {"error": error, "moved_to": place}


def aside(path: Path) -> Path:
    """Return where a damaged file is moved to."""
    return path.with_name(path.name + ".corrupt")


class _Pipe(io.RawIOBase):
    """Takes what an archive writes, until someone takes it away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece


def _pieces(state: SavedState) -> Iterator[bytes]:
    """Yield the file's bytes, holding no more than one array's at a time."""
    digest = hashlib.sha256()
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.comment = b"0" * _DIGEST_BYTES
        for name, content in _entries(state):
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                if isinstance(content, bytes):
                    entry.write(content)
                else:
                    np.lib.format.write_array(entry, content, allow_pickle=False)
            piece = pipe.take()
            digest.update(piece)
            yield piece
    tail = pipe.take()[:-_DIGEST_BYTES]
    digest.update(tail)
    yield tail + digest.hexdigest().encode()


def _entries(state: SavedState) -> Iterator[tuple[str, bytes | npt.NDArray[Any]]]:
    """Yield the entries; names stand in the first one, since those of a zip file are limited."""
    contents = {
        "version": VERSION,
        "manifest": state.manifest,
        "arrays": list(state.arrays),
        "keys": list(state.keys),
    }
    yield _CONTENTS, json.dumps(contents).encode()
    for number, array in enumerate(state.arrays.values()):
        yield f"arrays/{number}.npy", np.asarray(array)
    for number, keys in enumerate(state.keys.values()):
        ends = np.cumsum([len(key) for key in keys], dtype=np.int64)
        yield f"keys/{number}.ends.npy", ends
        yield f"keys/{number}.npy", np.frombuffer(b"".join(keys), dtype=np.uint8)


def _check_digest(path: Path, file: BinaryIO) -> None:
    left = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
    if left != 0 or file.read() != digest.hexdigest().encode():
        raise StateCorrupt(f"the state file {path} is damaged: its content and checksum differ")


def _read(path: Path, file: BinaryIO) -> SavedState:
    try:
        with zipfile.ZipFile(file) as archive:
            contents = json.loads(archive.read(_CONTENTS))
            if (version := int(contents["version"])) > VERSION:
                raise StateTooNew(
                    f"the state file {path} has version {version}, this exporter reads up to "
                    f"{VERSION}; install the newer exporter again, or move the file away to "
                    "start cold"
                )
            return SavedState(
                manifest=contents["manifest"],
                arrays={
                    name: _array(archive, f"arrays/{number}.npy")
                    for number, name in enumerate(contents["arrays"])
                },
                keys={name: _keys(archive, number) for number, name in enumerate(contents["keys"])},
            )
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise StateCorrupt(f"the state file {path} is not one of ours: {error!r}") from error


def _array(archive: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    with archive.open(name) as entry:
        array: npt.NDArray[Any] = np.lib.format.read_array(entry, allow_pickle=False)
        return array


def _keys(archive: zipfile.ZipFile, number: int) -> Keys:
    blob = _array(archive, f"keys/{number}.npy").tobytes()
    ends = _array(archive, f"keys/{number}.ends.npy").tolist()
    return tuple(blob[start:end] for start, end in zip([0, *ends], ends, strict=False))
