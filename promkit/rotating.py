"""How do lines get into files that rotate by day and size, whatever happens in the middle of it?

Lines go to ``NAME.SUFFIX``. When the day (UTC) is over or the file is full it is renamed to
``NAME-2026-11-21.0001.SUFFIX``, compressed to the same with ``.gz``, and deleted once that day is
older than the retention. Each step leaves whole files behind: what a kill left undone is done by
the next `tidy`, and half a line at the end of a file, which nobody was told is written, is cut off.
"""

import contextlib
import errno
import fcntl
import gzip
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from promkit.errors import FileInUse

DAY: Final = 86_400.0
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Rotated:
    path: Path
    day: str
    number: int
    is_compressed: bool


class RotatingFile:
    """One file of lines, which no other process writes to meanwhile.

    After a failure the next append begins anew, so that it heals by itself: a folder may be
    missing, full or read-only for a while. Not for several threads at once, but that `tidy` may run
    beside `append`.

    Parameters
    ----------
    folder : is made when it is missing
    name, suffix : of the file, as ``name.suffix``
    retention : seconds for which rotated files are kept
    max_bytes : a file that would grow beyond is rotated; one append is never divided
    """

    def __init__(
        self, folder: Path, name: str, suffix: str, retention: float, max_bytes: int = 64 * 2**20
    ) -> None:
        self.path = folder / f"{name}.{suffix}"
        self.retention = retention
        self._folder = folder
        self._name = name
        self._suffix = suffix
        self._max_bytes = max_bytes
        self._form = re.compile(
            rf"{re.escape(name)}-(\d{{4}}-\d\d-\d\d)\.(\d+)\.{re.escape(suffix)}(\.gz)?"
        )
        self._lock: int | None = None
        self._file: int | None = None
        self._size = 0
        self._day = ""

    def open(self) -> None:
        """Open the file now rather than at the first append.

        Raises
        ------
        FileInUse
            If another process writes to it.
        OSError
            If it cannot be opened.
        """
        with self._closed_on_failure():
            self._ensure_open()

    def append(self, data: bytes, now: float, *, durably: bool = False) -> bool:
        """Write whole lines, all of them or none; return whether there is something to `tidy`.

        Parameters
        ----------
        now : unix seconds
        durably : return only once a power failure cannot take them back

        Raises
        ------
        FileInUse
            If another process writes to the file.
        OSError
            If they cannot be written.
        """
        with self._closed_on_failure():
            has_rotated = self._roll(now, len(data))
            file = self._ensure_open()
            try:
                if os.write(file, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if durably:
                    os.fsync(file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(file, self._size)
                raise
            self._size += len(data)
            self._day = _day(now)
        return has_rotated

    def roll(self, now: float) -> bool:
        """Rotate a file of an earlier day; return whether there is something to `tidy`.

        Raises
        ------
        OSError
            If that cannot be done.
        """
        with self._closed_on_failure():
            return self._roll(now, 0)

    def tidy(self, now: float) -> None:
        """Delete rotated files that are too old and compress the others; `now` in unix seconds.

        Raises
        ------
        OSError
            If that cannot be done; what was done is whole.
        """
        # The old ones first: that makes room.
        oldest = _day(now - self.retention)
        for rotated in self._rotated():
            if rotated.day < oldest:
                rotated.path.unlink(missing_ok=True)
        for left in self._folder.glob(f".{self._name}-*.{self._suffix}.gz.tmp"):
            left.unlink(missing_ok=True)
        for rotated in self._rotated():
            if not rotated.is_compressed:
                _compress(rotated.path)

    def close(self) -> None:
        """Let go of the file; a later append opens it again."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None

    @contextlib.contextmanager
    def _closed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.close()
            raise

    def _ensure_open(self) -> int:
        """Return the descriptor of the file; opens it when it is not, or not under its name."""
        if self._file is not None and not _is_at(self._file, self.path):
            self.close()
        if self._file is None:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._take_lock()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            self._size = _cut_to_whole_lines(self._file)
            self._day = _day(os.fstat(self._file).st_mtime)
            _sync(self._folder)
        return self._file

    def _take_lock(self) -> None:
        path = self._folder / f".{self._name}.lock"
        if self._lock is not None:
            return
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FileInUse(
                f"{self.path}: another process writes to it; give each process a folder of its own"
            ) from None
        except OSError:
            os.close(lock)
            raise
        self._lock = lock

    def _roll(self, now: float, more: int) -> bool:
        file = self._ensure_open()
        is_due = self._day != _day(now) or self._size + more > self._max_bytes
        if not self._size or not is_due:
            return False
        numbers = [one.number for one in self._rotated() if one.day == self._day]
        number = max(numbers, default=0) + 1
        os.fsync(file)
        self.path.rename(self._folder / f"{self._name}-{self._day}.{number:04}.{self._suffix}")
        os.close(file)
        self._file = None
        self._ensure_open()
        return True

    def _rotated(self) -> Iterator[_Rotated]:
        for path in sorted(self._folder.iterdir()):
            if found := self._form.fullmatch(path.name):
                day, number, compressed = found.groups()
                yield _Rotated(path, day, int(number), compressed is not None)


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether a file that is open still has that name: somebody may have moved it away."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _cut_to_whole_lines(descriptor: int) -> int:
    """Cut off half a line at the end; return the size."""
    size = end = os.fstat(descriptor).st_size
    while end:
        begin = max(0, end - _PIECE)
        if newline := os.pread(descriptor, end - begin, begin).rfind(b"\n") + 1:
            end = begin + newline
            break
        end = begin
    if end < size:
        os.ftruncate(descriptor, end)
    return end


def _compress(path: Path) -> None:
    """Replace a file by its compressed form; at every moment one of the two is there, and whole."""
    temporary = path.with_name(f".{path.name}.gz.tmp")
    try:
        with path.open("rb") as plain, temporary.open("wb") as file:
            with gzip.GzipFile("", "wb", 6, file, int(path.stat().st_mtime)) as packed:
                shutil.copyfileobj(plain, packed, _PIECE)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o640)
        temporary.replace(path.with_name(f"{path.name}.gz"))
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
