"""All forecasts together: what ends when they are stopped."""

import asyncio
import threading
from collections.abc import Iterator

import numpy as np

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.loops.forecasting import Forecasting
from exporter.settings.calendars import CalendarConfig
from promkit.clock import ManualClock
from promkit.strictyaml import load_model
from tests.exporter.adapters.rawserver import raw_server
from tests.exporter.arraysource import ArraySource


async def at_once(*_: str) -> None:
    pass


async def test_stopping_waits_for_no_further_calendar() -> None:
    """One that hangs holds the exit for its timeout; all of them one after the other must not."""
    asked, begun, is_open = [], threading.Event(), threading.Event()

    def hangs(request: bytes) -> Iterator[bytes]:
        asked.append(request)
        begun.set()
        is_open.wait(60)
        yield b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    forecasting = Forecasting(ManualClock(), SelfMetrics("1"))
    with raw_server(hangs) as url:
        calendars = [
            load_model(f"{{name: {name}, ics: '{url}/{name}'}}", "exporter.yml", CalendarConfig)
            for name in ("a", "b")
        ]
        forecasting.take({}, ArraySource(np.ones((1, 1))), {}, calendars)
        forecasting.start(asyncio.create_task(at_once()), at_once)
        await asyncio.to_thread(begun.wait, 60)
        await forecasting.stop()
        is_open.set()
        await asyncio.get_running_loop().shutdown_default_executor()
    forecasting.dismiss()
    assert [request.split()[1] for request in asked] == [b"/a"]
