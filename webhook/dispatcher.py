"""The outbox loop: claim what is due, send it, write down how it ended.

One task per channel, so that a channel that hangs delays nobody else. All state is in the store: a
task that stops anywhere leaves rows that become due again.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from promkit.clock import Clock
from promkit.log import trace_id
from webhook.adapters.exposition import Metrics
from webhook.adapters.outbox import LONGEST_PAUSE, Claimed, Outcome, next_due
from webhook.adapters.store import Store
from webhook.channels.base import Channel, Send, attempt
from webhook.core.message import Message
from webhook.core.retry import next_attempt
from webhook.errors import ChannelError, StoreUnavailable

log = logging.getLogger(__name__)

# Sent at the same time to one channel: one slow answer then does not hold up the next alert.
CONCURRENCY = 4
# A fallback only: new notifications wake the channel, and due ones are waited for.
LONGEST_WAIT = 30.0
SHORTEST_WAIT = 0.05
# After a failed commit or a failure of ours, so that the loop does not spin.
STORE_RETRY_SECONDS = 2.0


@dataclass(slots=True)
class _Worker:
    channel: Channel
    stop: asyncio.Event
    wake: asyncio.Event
    task: "asyncio.Task[None]"


class Dispatcher:
    """Sends what is in the outbox through the channels.

    Parameters
    ----------
    store : the outbox
    clock : time, for due times and waiting
    metrics : counts attempts
    message_of : makes the message of a claimed notification
    uniform : draws the jitter of retries
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        message_of: Callable[[Claimed], Awaitable[Message]],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._message_of = message_of
        self._uniform = uniform
        self._workers: dict[str, _Worker] = {}

    async def use(self, channels: Sequence[Channel]) -> None:
        """Send through exactly these channels from now on; unchanged ones are not disturbed.

        Returns when removed and changed channels have finished what they were sending.
        """
        wanted = {channel.name: channel for channel in channels}
        leaving = [
            worker for name, worker in self._workers.items() if wanted.get(name) != worker.channel
        ]
        for worker in leaving:
            worker.stop.set()
            worker.wake.set()
        if leaving:
            await asyncio.wait([worker.task for worker in leaving])
        for worker in leaving:
            del self._workers[worker.channel.name]
        self._metrics.expect_channels(wanted)
        for name, channel in wanted.items():
            if name not in self._workers:
                stop, wake = asyncio.Event(), asyncio.Event()
                task = asyncio.create_task(self._serve(channel, stop, wake), name=f"send {name}")
                self._workers[name] = _Worker(channel, stop, wake, task)

    def wake(self) -> None:
        """Look into the outbox now: something was put in."""
        for worker in self._workers.values():
            worker.wake.set()

    async def close(self, grace: float) -> None:
        """Finish what is being sent, within `grace` seconds, and stop; the rest stays stored.

        What is cut off here is sent again after the next start.
        """
        try:
            async with asyncio.timeout(grace):
                await self.use(())
        except TimeoutError:
            for worker in self._workers.values():
                worker.task.cancel()
            await asyncio.wait([worker.task for worker in self._workers.values()])

    async def _serve(self, channel: Channel, stop: asyncio.Event, wake: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async with channel.connect(self._clock) as send:
                    # After a failure we may hold leases that we do not know of.
                    await self._store.give_back(channel.name)
                    while not stop.is_set():
                        wake.clear()
                        await self._pause(*await self._round(channel, send, stop, wake))
            except StoreUnavailable as error:
                log.warning("the outbox is not available", extra={"problem": str(error)})
                await self._pause(STORE_RETRY_SECONDS, stop)
            except Exception:
                # One of the two loops that must never end: the defect is logged, the rest goes on,
                # and what was claimed becomes due again when its lease runs out.
                log.exception("sending failed", extra={"channel": channel.name})
                await self._pause(STORE_RETRY_SECONDS, stop)

    async def _pause(self, seconds: float, event: asyncio.Event) -> None:
        """Wait for the event, at most that long."""
        if seconds <= 0:
            return
        waits = {
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()

    async def _round(
        self, channel: Channel, send: Send, stop: asyncio.Event, wake: asyncio.Event
    ) -> tuple[float, asyncio.Event]:
        """Send what is due; return how long to wait before the next look, and what ends the wait.

        Where the channel must not be used yet, new notifications do not end it.
        """
        now = self._clock.now()
        claim = await self._store.claim(channel.name, now, CONCURRENCY, channel.pace)
        for reason, count in claim.suppressed.items():
            self._metrics.suppressed(reason, count)
        if claim.claimed:
            await asyncio.gather(*(self._deliver(send, item, stop) for item in claim.claimed))
            return 0.0, stop
        if claim.suppressed:
            return 0.0, stop
        if claim.not_before > now:
            return claim.not_before - self._clock.now(), stop
        due_at = await self._store.read(lambda connection: next_due(connection, channel.name))
        if due_at is None:
            return LONGEST_WAIT, wake
        # Never 0: a row may be due and yet held by a lease.
        return min(max(due_at - self._clock.now(), SHORTEST_WAIT), LONGEST_WAIT), wake

    async def _deliver(self, send: Send, item: Claimed, stop: asyncio.Event) -> None:
        """Send one and write down how it ended.

        Each is written at once: what hangs beside it must not make it be sent again after a kill.
        """
        trace_id.set(item.trace)
        began = self._clock.monotonic()
        outcome = await self._try(send, item)
        seconds = self._clock.monotonic() - began
        await self._settle(replace(outcome, seconds=seconds), stop)

    async def _settle(self, outcome: Outcome, stop: asyncio.Event) -> None:
        """Write the outcome, however long the store takes: else it would be sent again."""
        while True:
            try:
                return await self._store.settle([outcome], self._clock.now())
            except StoreUnavailable as error:
                log.warning("cannot write down what was sent", extra={"problem": str(error)})
                if stop.is_set():
                    return None
                await self._pause(STORE_RETRY_SECONDS, stop)

    async def _try(self, send: Send, item: Claimed) -> Outcome:
        """Make one attempt; return how it ended."""
        try:
            receipt = await attempt(send, await self._message_of(item))
        except ChannelError as error:
            return self._failed(item, error)
        except Exception as error:
            log.exception("a channel failed", extra={"channel": item.channel})
            return self._failed(item, ChannelError("internal", f"{type(error).__name__}, see log"))
        now = self._clock.now()
        self._metrics.sent(item.channel, now - item.created_at)
        return Outcome(item.id, receipt.detail, is_sent=True, handle=receipt.handle)

    def _failed(self, item: Claimed, error: ChannelError) -> Outcome:
        now = self._clock.now()
        due_at = None
        if not error.is_permanent:
            due_at = next_attempt(
                item.created_at, item.attempts, now, error.retry_after, self._uniform
            )
        self._metrics.failed(item.channel, error.reason, is_dead=due_at is None)
        log.log(
            logging.ERROR if due_at is None else logging.WARNING,
            "notification given up" if due_at is None else "notification failed, trying again",
            extra={
                "channel": item.channel,
                "incident": item.incident_id,
                "kind": item.kind,
                "attempt": item.attempts,
                "reason": error.reason,
                "problem": str(error),
            },
        )
        pause = min(error.retry_after, LONGEST_PAUSE)
        return Outcome(item.id, str(error), due_at, reason=error.reason, pause=pause)
