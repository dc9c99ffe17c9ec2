"""The real daemon in a process of its own, to be killed."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LISTENING = re.compile(rb"msg=listening addresses=(\S+)")


class Daemon:
    """A running `python -m webhook run`."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.url = f"http://{address}"
        assert process.stderr is not None
        self._log = asyncio.create_task(process.stderr.read())

    async def stop(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        await self._log
        return await self.process.wait()


@asynccontextmanager
async def daemon(config: Path, address: str = "127.0.0.1:0") -> AsyncIterator[Daemon]:
    """Start the daemon and wait until it takes alerts; kill it at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "webhook", "run", "--config.file", str(config)),
        *("--web.listen-address", address),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    log = b""
    while not (found := LISTENING.search(log)):
        line = await process.stderr.readline()
        assert line, log.decode()
        log += line
    started = Daemon(process, found[1].decode())
    try:
        yield started
    finally:
        if process.returncode is None:
            await started.stop(signal.SIGKILL)
