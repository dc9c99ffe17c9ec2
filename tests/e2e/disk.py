"""A disk that really fills: somebody appends to a file at a steady pace."""

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Final, Self

CHUNK: Final = bytes(1 << 16)


class Disk:
    """A file system with enough room for the tests, and the folder there that they write to.

    Parameters
    ----------
    folder : taken where shared memory, a file system that hardly anybody writes to, has no room
    room : bytes
    """

    def __init__(self, folder: Path, room: int) -> None:
        memory = Path("/dev/shm")
        has_room = os.path.ismount(memory) and shutil.disk_usage(memory).free > 2 * room
        self.folder = memory if has_room else folder
        self.mount = next(one for one in (self.folder, *self.folder.parents) if one.is_mount())
        self.size = shutil.disk_usage(self.mount).total

    @property
    def used(self) -> int:
        """Bytes, as node_exporter's size minus free."""
        return shutil.disk_usage(self.mount).used


class Filling:
    """Appends to a file from construction until the disk is full enough, or `stop`.

    How much has been written depends on time alone: who is held up writes more after that. Goes
    on beyond the limit for a while, as a disk does that nobody looks after.

    Parameters
    ----------
    disk : where
    pace : bytes per second
    limit : bytes of the disk, used by whomever
    beyond : seconds for which it goes on at the limit

    Attributes
    ----------
    crossed : unix seconds when the limit was reached, None before
    """

    def __init__(self, disk: Disk, pace: float, limit: float, beyond: float = 10) -> None:
        self.began = time.time()
        self.crossed: float | None = None
        self._disk, self._pace, self._limit, self._beyond = disk, pace, limit, beyond
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, and make room."""
        self._is_stopped.set()
        self._thread.join()

    def _write(self) -> None:
        # The file has no name, so that it is gone however this process ends.
        with tempfile.TemporaryFile(dir=self._disk.folder, buffering=0) as file:
            written = 0
            while not self._is_stopped.wait(0.1):
                now = time.time()
                if self.crossed is None and self._disk.used >= self._limit:
                    self.crossed = now
                until = now if self.crossed is None else min(now, self.crossed + self._beyond)
                due = int(self._pace * (until - self.began)) - written
                while due > 0:
                    count = file.write(CHUNK[: min(due, len(CHUNK))])
                    written, due = written + count, due - count
                os.fsync(file.fileno())
