"""Where does what retention deletes go? Into files that any tool can read.

One file per month of archiving, JSON lines in gzip: docs/webhook-store.md, "The archive". Each
append is one gzip member; members that follow each other are one gzip file.
"""

import gzip
import os
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from webhook.adapters.rowjson import line_of
from webhook.errors import ArchiveError

FORMAT = {"format": "anomaly-webhook-archive", "version": 1}
_PIECE = 2**20


class Archive:
    """The files in a folder.

    Parameters
    ----------
    folder : is made when the first rows come
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The size at which we left a file; where it differs, somebody may have died in a write.
        self._left: dict[Path, int] = {}

    def append(
        self, rows: Iterable[tuple[str, Mapping[str, Any]]], revision: str, now: float
    ) -> Path:
        """Write rows so that they survive a power failure; return the file.

        Parameters
        ----------
        rows : name of a table and a row of it
        revision : of the schema that they have
        now : unix seconds

        Raises
        ------
        ArchiveError
            If they cannot be written; then nothing of them is in the file.
        """
        month = datetime.fromtimestamp(now, UTC).strftime("%Y-%m")
        path = self._folder / f"webhook-{month}.jsonl.gz"
        header = {**FORMAT, "schema": revision, "archived_at": now}
        lines = [line_of(header), *(line_of({"table": name, "row": row}) for name, row in rows)]
        member = gzip.compress(b"".join(lines), mtime=int(now))
        try:
            self._write(path, member)
        except OSError as error:
            raise ArchiveError(
                f"cannot write {path}: {error.strerror}; what it should hold stays in the store "
                "until it can"
            ) from error
        return path

    def _write(self, path: Path, member: bytes) -> None:
        is_new = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if size != self._left.get(path, 0):
                size = _whole(descriptor)
            os.ftruncate(descriptor, size)
            try:
                written = os.pwrite(descriptor, member, size)
                if written < len(member):
                    raise OSError(0, f"{written} of {len(member)} bytes were written")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
            self._left[path] = size + len(member)
        finally:
            os.close(descriptor)
        if is_new:
            _sync(path.parent)


def _whole(descriptor: int) -> int:
    """Return where the last complete member ends: a kill may have cut the next one off."""
    end = position = 0
    reader = zlib.decompressobj(wbits=31)
    while piece := os.pread(descriptor, _PIECE, position):
        position += len(piece)
        while piece:
            try:
                reader.decompress(piece)
            except zlib.error:
                return end
            piece = reader.unused_data
            if reader.eof:
                end = position - len(piece)
                reader = zlib.decompressobj(wbits=31)
    return end


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
