import asyncio
import time

import pytest

from promkit.clock import ManualClock, SystemClock


async def test_sleepers_wake_in_order_at_their_own_instants() -> None:
    clock = ManualClock(start=1000.0)
    woken: list[tuple[str, float]] = []

    async def nap(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        for name, seconds in (("late", 20), ("early", 5), ("also early", 5), ("now", 0)):
            group.create_task(nap(name, seconds))
        await clock.until_sleeping(3)
        await clock.advance(4)
        assert woken == [("now", 1000.0)]
        await clock.advance(16)
    assert woken[1:] == [("early", 1005.0), ("also early", 1005.0), ("late", 1020.0)]
    assert (clock.now(), clock.monotonic()) == (1020.0, 20.0)


async def test_a_loop_that_sleeps_runs_once_per_interval() -> None:
    clock = ManualClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(10)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(tick())
    await clock.advance(35)
    assert ticks == [10, 20, 30]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_sleeper_no_longer_counts() -> None:
    clock = ManualClock()
    tasks = [asyncio.create_task(clock.sleep(seconds)) for seconds in (1, 2)]
    await clock.until_sleeping(2)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    waiting = asyncio.create_task(clock.until_sleeping(2))
    await clock.advance(0)
    assert not waiting.done()
    third = asyncio.create_task(clock.sleep(3))
    await waiting
    await clock.advance(3)
    await asyncio.gather(tasks[1], third)


async def test_the_system_clock_is_the_systems() -> None:
    clock = SystemClock()
    before = time.monotonic()
    await clock.sleep(-1)
    assert before <= clock.monotonic() <= time.monotonic()
    assert clock.now() == pytest.approx(time.time(), abs=60)
