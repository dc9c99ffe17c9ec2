"""Does a forecast loop say why it has nothing to say?"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.exporter.loops.test_forecastloop import INTERVAL, Bench, at_once
from tests.exporter.loops.test_forecastrunner import Limits


async def test_what_would_be_silence_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Limits(np.ones((3, 400)), {b'{"row":"7"}': 5.0})
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(source, pool, ", limit: limit", ", max_series: 2")
        bench.loop.start(at_once)
        await bench.until_sleeping()
        await bench.clock.advance(INTERVAL)
        await bench.until_sleeping()
        assert bench.count('forecast_series_dropped{query="q"}') == 1
        assert bench.count('forecast_series_without_limit{query="q"}') == 2
        messages = [record.message.partition(",")[0] for record in caplog.records]
        assert messages == [
            "more series than max_series",
            "the limit has no answer for any series",
        ]
        source.limits = {b'{"__name__":"size"}': 5.0}
        await bench.clock.advance(INTERVAL)
        await bench.until_sleeping()
        await bench.loop.stop()
        assert bench.count('forecast_series_without_limit{query="q"}') == 0
        assert len(caplog.records) == 2


async def test_what_is_withdrawn_lacks_no_limit() -> None:
    source = Limits(np.ones((3, 400)), {b'{"row":"1"}': 5.0})
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(source, pool, ", limit: limit")
        bench.loop.start(at_once)
        await bench.until_sleeping()
        assert bench.count('forecast_series_without_limit{query="q"}') == 2
        source.is_down = True
        while bench.loop.outlook is not None:
            await bench.clock.advance(INTERVAL)
            await bench.until_sleeping()
        await bench.loop.stop()
        assert bench.count('forecast_series_without_limit{query="q"}') == 0
