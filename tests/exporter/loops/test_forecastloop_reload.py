"""When is a query forecast after a reload?"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.exporter.arraysource import ArraySource
from tests.exporter.loops.test_forecastloop import INTERVAL, Bench, at_once


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


async def test_after_a_reload_an_unchanged_query_waits_until_it_is_due(
    pool: ThreadPoolExecutor,
) -> None:
    source = ArraySource(np.ones((2, 4000)))
    bench = Bench(source, pool)

    async def reload(more: str = "", seconds: float = 0.0) -> float:
        await bench.until_sleeping()
        before = bench.loop
        await before.stop()
        await bench.clock.advance(seconds)
        bench.configure(more)
        bench.loop.succeed(before)
        bench.loop.start(at_once)
        await bench.until_sleeping()
        return bench.count('forecasts_total{query="q"}')

    bench.loop.start(at_once)
    assert await reload() == 1
    assert bench.loop.outlook is not None
    await bench.clock.advance(INTERVAL)
    await bench.until_sleeping()
    assert bench.count('forecasts_total{query="q"}') == 2
    assert await reload() == 2
    assert await reload(seconds=INTERVAL) == 3  # the reload took so long that it was due
    assert await reload(", limit: 5") == 4  # which is shown only after a cycle
    assert await reload(", limit: 5") == 4
    source.is_down = True
    while bench.loop.state == "ok":
        await bench.clock.advance(INTERVAL)
        await bench.until_sleeping()
    source.is_down = False
    before = bench.count('forecasts_total{query="q"}')
    assert await reload(", limit: 5") == before + 1
    await bench.loop.stop()
