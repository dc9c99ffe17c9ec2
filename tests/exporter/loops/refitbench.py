"""The loops that look after one query's model, on a clock turned by hand."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from exporter.adapters.selfmetrics import SelfMetrics
from exporter.adapters.versionfiles import version_folder
from exporter.config import QueryConfig
from exporter.core.source import Source
from exporter.loops.refitting import Refitting
from exporter.loops.runner import QueryRunner
from promkit.clock import ManualClock
from tests.exporter.loops.refitstage import FIRST, SECONDS, query_of


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.01)


class Bench:
    """A query, its evaluations, and the loops that look after its model."""

    def __init__(self, folder: Path, source: Source, more: str = "") -> None:
        self.state = folder / "exporter.state"
        self.source = source
        self.query: QueryConfig = query_of(more)
        self.clock = ManualClock(FIRST * SECONDS)
        self.metrics = SelfMetrics("1")
        self.retaken: list[str] = []
        self.refitting = Refitting(self.clock, self.metrics, self.retaken.append)
        self.runner = self.new_runner()
        self.folder = version_folder(self.state, "q")

    def new_runner(self) -> QueryRunner:
        return QueryRunner(self.query, self.source, None, lambda phase, seconds: None, lambda: 0.0)

    def take(self) -> None:
        self.refitting.take({"q": self.query}, {"q": self.runner}, self.source, self.state)

    def start(self) -> None:
        async def at_once(name: str) -> None:
            pass

        self.refitting.start(at_once)

    def evaluate(self) -> None:
        while self.runner.run(self.clock.now()).is_behind:
            pass

    async def move(self, columns: int) -> None:
        """Let time pass, with an evaluation before the loops look again."""
        column = round(self.clock.now() / SECONDS) + columns
        while self.runner.run(column * SECONDS).is_behind:
            pass
        await self.clock.advance(columns * SECONDS)

    def value(self, sample: str) -> float:
        for line in self.metrics.render().decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == f"anomaly_exporter_{sample}":
                return float(value)
        return float("nan")

    async def until(self, sample: str, value: float) -> None:
        await until(lambda: self.value(sample) == value)
