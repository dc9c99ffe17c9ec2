"""How do log lines get into files without that a disk can ever stop or slow the daemon?

Whoever logs puts the line into a queue; one thread writes. What does not fit into the queue, or
could not be written, is counted; the line stands on standard error all the same.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from promkit.errors import FileInUse
from promkit.log import Logs, setup_logging
from promkit.rotating import DAY, RotatingFile

log = logging.getLogger(__name__)

RETENTION: Final = 30 * DAY
_MOST_WAITING = 20_000
_MOST_AT_ONCE = 1_000
# How often files are looked after while nothing is logged.
_IDLE_SECONDS = 600.0
# A disk that hangs must not keep the daemon from stopping.
_CLOSE_SECONDS = 3.0


class LogFiles:
    """Writes lines to ``NAME.log``, and errors to ``NAME-errors.log`` as well.

    Parameters
    ----------
    folder : where they are
    name : of the program
    retention : seconds for which rotated files are kept
    max_bytes : of one file
    now : unix seconds

    Attributes
    ----------
    lost : lines that are missing in a file
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        retention: float = RETENTION,
        *,
        max_bytes: int = 64 * 2**20,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.lost = 0
        self._all = RotatingFile(folder, name, "log", retention, max_bytes)
        self._errors = RotatingFile(folder, f"{name}-errors", "log", retention, max_bytes)
        self._now = now
        self._queue: queue.Queue[tuple[bytes, bool] | None] = queue.Queue(_MOST_WAITING)
        self._failing: dict[RotatingFile, int] = {}
        self._tidying: threading.Thread | None = None
        self._thread = threading.Thread(target=self._serve, name="log-files", daemon=True)

    def start(self) -> None:
        """Begin to write; where that cannot be done now, it may become possible later.

        Raises
        ------
        FileInUse
            If another process writes to the same files.
        """
        for file in (self._all, self._errors):
            try:
                file.open()
            except FileInUse:
                self._all.close()
                raise
            except OSError as error:
                self._failed(file, error, 0)
        self._thread.start()

    def put(self, line: str, level: int) -> None:
        """Hand over a line without its end; never waits."""
        try:
            entry = line.encode("utf-8", "backslashreplace") + b"\n", level >= logging.ERROR
            self._queue.put_nowait(entry)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Write what was handed over, and stop."""
        with suppress(queue.Full):
            self._queue.put(None, timeout=_CLOSE_SECONDS)
        self._thread.join(_CLOSE_SECONDS)

    def _serve(self) -> None:
        self._tidy()
        is_open = True
        while is_open:
            entries: list[tuple[bytes, bool]] = []
            try:
                entry = self._queue.get(timeout=_IDLE_SECONDS)
                while entry is not None:
                    entries.append(entry)
                    if len(entries) >= _MOST_AT_ONCE or self._queue.empty():
                        break
                    entry = self._queue.get()
                is_open = entry is not None
            except queue.Empty:
                self._tidy()
            self._write(self._all, [line for line, _ in entries])
            self._write(self._errors, [line for line, is_error in entries if is_error])
        self._all.close()
        self._errors.close()

    def _write(self, file: RotatingFile, lines: Sequence[bytes]) -> None:
        now = self._now()
        try:
            # Of an earlier day, a file is compressed and deleted in time even if nothing is logged.
            has_rotated = file.append(b"".join(lines), now) if lines else file.roll(now)
        except OSError as error:
            self._failed(file, error, len(lines))
            return
        if file in self._failing:
            lost = self._failing.pop(file)
            log.info("log files work again", extra={"file": file.path, "lost": lost})
        if has_rotated:
            self._tidy()

    def _failed(self, file: RotatingFile, error: OSError, lines: int) -> None:
        """Count lines that were not written, and say so once until they are again."""
        self.lost += lines
        if file not in self._failing:
            log.error(
                "a log file cannot be written; lines stand on standard error alone until it can",
                extra={"file": file.path, "problem": error.strerror or str(error)},
            )
        self._failing[file] = self._failing.get(file, 0) + lines

    def _tidy(self) -> None:
        """Compress and delete in a thread of its own: large files take seconds."""
        if self._tidying is None or not self._tidying.is_alive():
            self._tidying = threading.Thread(target=self._tidy_now, name="log-tidy", daemon=True)
            self._tidying.start()

    def _tidy_now(self) -> None:
        for file in (self._all, self._errors):
            try:
                file.tidy(self._now())
            except OSError as error:
                # Tried again later. Where not even lines can be written, that was said already.
                if file not in self._failing:
                    extra = {"file": file.path, "problem": error.strerror or str(error)}
                    log.warning("old log files cannot be compressed or deleted", extra=extra)


@contextmanager
def logging_to(
    level: str, fmt: str, folder: Path | None, retention: float, name: str
) -> Iterator[Logs]:
    """Log to standard error and, with a folder, to files; stop writing these on leaving.

    Parameters
    ----------
    retention : seconds for which rotated files are kept
    name : of the program, and of its files

    Raises
    ------
    FileInUse
        If another process writes to the same files.
    """
    if folder is None:
        yield setup_logging(level, fmt)
        return
    setup_logging(level, fmt)
    files = LogFiles(folder, name, retention)
    files.start()
    try:
        yield setup_logging(level, fmt, sink=files)
    finally:
        setup_logging(level, fmt)
        files.close()
