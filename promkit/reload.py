"""Did the configuration file change, and did the change succeed?

A poll of the content, a SIGHUP and a POST all end in the same `ConfigWatcher.reload`. Content
and not inotify, because Kubernetes swaps a ConfigMap by a symlink two folders up.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from promkit.clock import Clock
from promkit.errors import ConfigProblems

log = logging.getLogger(__name__)


class ConfigWatcher:
    """Reads a file and hands its text to ``apply``; a failure leaves things as they were.

    Parameters
    ----------
    path : the configuration file
    apply : parses the text and takes it into use as a whole, or raises ConfigProblems
    clock : paces the polling and dates the successes
    interval : seconds between two looks at the content

    Attributes
    ----------
    last_reload_successful : False after a failed reload, until one succeeds
    last_reload_success_timestamp : unix seconds; 0 before the first success
    """

    def __init__(
        self,
        path: Path,
        apply: Callable[[str], Awaitable[None]],
        clock: Clock,
        interval: float = 30.0,
    ) -> None:
        self._path = path
        self._apply = apply
        self._clock = clock
        self._interval = interval
        self._lock = asyncio.Lock()
        self._seen = b""
        self.last_reload_successful = False
        self.last_reload_success_timestamp = 0.0

    async def reload(self) -> None:
        """Read and apply the file now, changed or not.

        Raises
        ------
        ConfigProblems
            If the file cannot be read or was refused.
        """
        async with self._lock:
            await self._load(await self._read())

    async def run(self) -> None:
        """Look at the content every interval, for ever; a failed reload is logged once a change."""
        while True:
            await self._clock.sleep(self._interval)
            async with self._lock:
                content = await self._read()
                if _digest(content) == self._seen:
                    continue
                try:
                    await self._load(content)
                except ConfigProblems as error:
                    extra = {"problems": str(error)}
                    log.error("reload failed, keeping the old configuration", extra=extra)

    async def _read(self) -> bytes | OSError:
        try:
            return await asyncio.to_thread(self._path.read_bytes)
        except OSError as error:
            return error

    async def _load(self, content: bytes | OSError) -> None:
        self._seen = _digest(content)
        self.last_reload_successful = False
        if isinstance(content, OSError):
            raise ConfigProblems([f"{self._path}:1: cannot be read: {content.strerror}"])
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            message = f"{self._path}:{line}: found bytes that are not UTF-8; save it as UTF-8"
            raise ConfigProblems([message]) from None
        await self._apply(text)
        self.last_reload_successful = True
        self.last_reload_success_timestamp = self._clock.now()
        log.info("configuration loaded", extra={"file": self._path})


def _digest(content: bytes | OSError) -> bytes:
    # An unreadable file is a content of its own: reported when it starts and when it changes.
    if isinstance(content, OSError):
        content = f"errno {content.errno}".encode()
    return hashlib.sha256(content).digest()
