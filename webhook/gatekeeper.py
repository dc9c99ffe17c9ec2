"""The gate's loop: decide on what is new as soon as it comes, and make digests when they are due.

It is woken by whoever stores something, and wakes the channels when there is something to send.
"""

import asyncio
import logging
from collections.abc import Callable

from promkit.clock import Clock
from webhook.adapters.exposition import Metrics
from webhook.adapters.gate import Look, look
from webhook.adapters.gatemetrics import GateMetrics
from webhook.adapters.store import Store
from webhook.core.throttle import Rules
from webhook.errors import StoreError

log = logging.getLogger(__name__)

# A fallback only: what is stored wakes the gate. Another replica's gate decides for ours, too.
LONGEST_WAIT = 30.0
# A digest that is due and not made: the limits or a clock that went back.
SHORTEST_WAIT = 0.05
STORE_RETRY_SECONDS = 2.0
LONGEST_BREATH = 1.0


class Gatekeeper:
    """Decides what is sent at once and what waits for a digest.

    Parameters
    ----------
    store : what is new, and what went out before
    metrics, gate_metrics : count what got no message of its own, and digests
    settings : returns the rules in force and what links start with
    admitted : called when there is something to send
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        gate_metrics: GateMetrics,
        settings: Callable[[], tuple[Rules, str]],
        admitted: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._gate_metrics = gate_metrics
        self._settings = settings
        self._admitted = admitted
        self._rules: Rules | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look now: something was stored, or the rules have changed."""
        self._news.set()

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            self._news.clear()
            try:
                wait = await self._look()
            except StoreError as error:
                log.warning("the gate cannot decide", extra={"problem": str(error)})
                # News are a sign that the store works again.
                await self._wait(STORE_RETRY_SECONDS)
            except Exception:
                # Like the outbox's loop it must never end: without it nobody hears of anything.
                log.exception("the gate failed")
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                await self._wait(wait)

    async def _look(self) -> float:
        """Look once; return how long to wait for the next one unless something comes."""
        rules, external_url = self._settings()
        is_new, now = rules != self._rules, self._clock.now()
        began = asyncio.get_running_loop().time()
        found = await self._store.write(
            lambda connection: look(connection, rules, external_url, now, is_new=is_new)
        )
        self._rules = rules
        self._count(found)
        # In a storm, as much time for those who store as for the gate: the machine's time, whatever
        # the clock says that it is.
        spent = asyncio.get_running_loop().time() - began
        await asyncio.sleep(min(spent, LONGEST_BREATH))
        if found.is_more:
            return 0.0
        due = [at for at in (found.next_at, found.lapses_at) if at is not None]
        if not due:
            return LONGEST_WAIT
        return min(max(min(due) - self._clock.now(), SHORTEST_WAIT), LONGEST_WAIT)

    def _count(self, found: Look) -> None:
        for reason, count in found.not_sent.items():
            self._metrics.suppressed(reason, count)
        self._gate_metrics.looked(found.digests, found.next_at)
        if found.digests:
            log.info("held back alerts are named in a digest", extra={"digests": found.digests})
        if found.is_admitting:
            self._admitted()

    async def _wait(self, seconds: float) -> None:
        if seconds <= 0:
            return
        waits = {
            asyncio.ensure_future(self._news.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
