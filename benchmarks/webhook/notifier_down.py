"""Every channel is down while alerts pour in, and then comes back: is each alert accounted for?

Run `python -m benchmarks.webhook.notifier_down`. The store, the gate and the outbox loop are the
real ones; the clock is turned by hand, so that ten minutes take as long as their work does.
"""

import argparse
import asyncio
import logging
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, func, select

from promkit.clock import Clock, ManualClock
from webhook.adapters import queries
from webhook.adapters.exposition import Metrics
from webhook.adapters.gatemetrics import GateMetrics
from webhook.adapters.outbox import Claimed
from webhook.adapters.recording import Recording
from webhook.adapters.schema import notifications
from webhook.adapters.store import Store, open_store
from webhook.channels.base import Channel, Receipt, Send
from webhook.config import WebhookConfig
from webhook.core.alerts import Alert, Delivery
from webhook.core.facts import Links
from webhook.core.message import Message
from webhook.core.routing import Routing, Target
from webhook.dispatcher import Dispatcher
from webhook.errors import ChannelError
from webhook.gatekeeper import Gatekeeper

_START = 1_800_000_000.0
_CHANNELS = ("chat", "pager")
_SEVERITIES = ("critical", "warning", "warning", "info")
_QUERIES = 200
# After the channels are back: long enough for the last digest and the longest retry.
_AFTERWARDS = 3_600


@dataclass
class Outside:
    """The other side of the channels."""

    is_down: bool = True
    received: Counter[str] = field(default_factory=Counter)


_OUTSIDE = Outside()


class DownChannel(Channel):
    """Answers 503 for as long as the outside is down."""

    kind: Literal["down"] = "down"

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield how to send."""

        async def send(message: Message) -> Receipt:
            if _OUTSIDE.is_down:
                raise ChannelError("server_error", "HTTP 503")
            _OUTSIDE.received[message.key] += 1
            return Receipt("ok")

        yield send


async def _message_of(item: Claimed) -> Message:
    return Message(
        key=f"{item.kind}-{item.id}",
        incident=item.incident_id or 0,
        status="resolved" if item.kind == "resolved" else "firing",
        severity="",
        alertname="",
        query="",
        labels={},
        annotations={},
        starts_at=0.0,
        ends_at=None,
        generator_url="",
        links=Links(""),
    )


async def _measure(store: Store, rate: int, seconds: int) -> bool:
    clock = ManualClock(_START)
    metrics = Metrics("", lambda: store.read_here(queries.counts), lambda: (True, 0), clock.now)
    dispatcher = Dispatcher(store, clock, metrics, _message_of)
    rules = WebhookConfig().gate_rules
    gate = GateMetrics(metrics.registry, clock.now)
    keeper = Gatekeeper(store, clock, metrics, gate, lambda: (rules, ""), dispatcher.wake)
    await dispatcher.use([DownChannel(name=name) for name in _CHANNELS])
    task = asyncio.create_task(keeper.run())
    routing = Routing(tuple(Target(name) for name in _CHANNELS))

    began, memory = time.perf_counter(), _memory()
    commits = []
    for second in range(seconds):
        delivery = Delivery(_alerts(rate, second, clock.now()), (), "", "", "", 0)
        before = time.perf_counter()
        await store.record(Recording(delivery, routing, clock.now()))
        commits.append(time.perf_counter() - before)
        keeper.wake()
        await clock.advance(1.0)
    poured, grown = time.perf_counter() - began, _memory() - memory

    _OUTSIDE.is_down = False
    for _ in range(_AFTERWARDS):
        await clock.until_sleeping(1)
        await clock.advance(1.0)
        waiting = await store.read(queries.counts)
        if waiting.pending == waiting.held == 0:
            break
    task.cancel()
    await dispatcher.close(1.0)
    states = await store.read(_states)
    _report(rate * seconds, commits, poured, grown, clock.now() - _START - seconds, states)
    firing = {state: count for (kind, state), count in states.items() if kind == "firing"}
    return set(firing) == {"sent", "digested"} and sum(firing.values()) == 2 * rate * seconds


def _alerts(rate: int, second: int, now: float) -> tuple[Alert, ...]:
    return tuple(
        Alert(
            f"{second}-{i}",
            "firing",
            {
                "alertname": "AnomalyDetected",
                "query": f"q{(second * rate + i) % _QUERIES}",
                "severity": _SEVERITIES[i % len(_SEVERITIES)],
                "instance": f"host{second}-{i}",
            },
            {"summary": "It is outside of what is normal for it."},
            now,
            None,
            "",
        )
        for i in range(rate)
    )


def _states(connection: Connection) -> dict[tuple[str, str], int]:
    table = notifications.c
    statement = select(table.kind, table.state, func.count()).group_by(table.kind, table.state)
    return {(kind, state): count for kind, state, count in connection.execute(statement)}


def _memory() -> float:
    """Return the highest resident size so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _report(
    incidents: int,
    commits: Sequence[float],
    poured: float,
    grown: float,
    caught_up: float,
    states: dict[tuple[str, str], int],
) -> None:
    ordered = sorted(commits)
    print(f"incidents                  {incidents}, each for {len(_CHANNELS)} channels")
    for (kind, state), count in sorted(states.items()):
        print(f"  {kind} {state:<18} {count}")
    print(f"messages delivered         {sum(_OUTSIDE.received.values())}")
    print(f"all told after             {caught_up:.0f} s from when the channels were back")
    print(f"commit of a delivery       p50 {1e3 * ordered[len(ordered) // 2]:.1f} ms,", end=" ")
    print(f"p99 {1e3 * ordered[int(0.99 * len(ordered))]:.1f} ms, longest {1e3 * ordered[-1]:.0f}")
    print(f"wall clock while pouring   {poured:.1f} s")
    print(f"memory                     {grown:.0f} MiB more than before")


def main() -> int:
    """Measure and print; 1 if an alert is not accounted for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=100, help="new incidents per second")
    parser.add_argument("--seconds", type=int, default=600, help="how long the channels are down")
    options = parser.parse_args()
    # A line for every failed attempt, of which there are thousands.
    logging.getLogger("webhook").setLevel(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(Path(folder) / "webhook.db") as store,
    ):
        return 0 if asyncio.run(_measure(store, options.rate, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
