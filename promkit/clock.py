"""What time is it, and wake me later: a clock that tests can turn by hand."""

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """Everything our daemons ask of time."""

    def now(self) -> float:
        """Return unix seconds; may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some fixed instant; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds (at once when not positive)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return unix seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep on the event loop."""
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until a test advances it; for one event loop.

    Parameters
    ----------
    start : unix seconds that ``now()`` begins with; ``monotonic()`` begins with 0
    """

    # A woken task that only awaits other coroutines goes to sleep again within a few
    # turns of the loop; what waits for a thread needs `until_sleeping`.
    _TURNS = 20

    def __init__(self, start: float = 0.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Return unix seconds."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        entry = (self._elapsed + seconds, next(self._order), woken)
        heapq.heappush(self._sleepers, entry)
        self._changed.set()
        try:
            await woken
        finally:
            if entry in self._sleepers:  # cancelled before its time
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Move time forward, waking each sleeper at its own instant, in order."""
        until = self._elapsed + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            self._elapsed, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
            await self._settle()
        self._elapsed = until

    async def until_sleeping(self, count: int = 1) -> None:
        """Wait until at least that many tasks sleep on this clock."""
        while len(self._sleepers) < count:
            self._changed.clear()
            await self._changed.wait()

    async def _settle(self) -> None:
        for _ in range(self._TURNS):
            await asyncio.sleep(0)
