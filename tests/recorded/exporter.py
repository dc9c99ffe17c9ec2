"""An exporter that runs in this process, by its pages."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from exporter.service import Options, Service
from promkit.clock import SystemClock


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Exporter:
    """A running exporter, by its pages."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        async with self._session.request(method, self.url + path) as answer:
            return answer.status, await answer.text()

    async def page(self) -> dict[str, float]:
        """Return sample -> value of the metrics page."""
        _, text = await self.ask("/metrics")
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    async def until(self, sample: str) -> dict[str, float]:
        """Return the first page on which the sample is not zero."""
        async with asyncio.timeout(60):
            while True:
                page = await self.page()
                if page.get(sample):
                    return page
                await asyncio.sleep(0.05)

    async def until_without(self, start: str) -> None:
        """Return once no line of the metrics page begins so."""
        async with asyncio.timeout(60):
            while True:
                if not any(name.startswith(start) for name in await self.page()):
                    return
                await asyncio.sleep(0.05)

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    if (await self.ask("/-/ready"))[0] == 200:
                        return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[Exporter]:
    port = free_port()
    stop = asyncio.Event()
    service = Service(Options(config, [f"127.0.0.1:{port}"]), SystemClock())
    task = asyncio.create_task(service.run(stop))
    async with aiohttp.ClientSession() as session:
        exporter = Exporter(f"http://127.0.0.1:{port}", session)
        try:
            await exporter.until_ready()
            yield exporter
        finally:
            stop.set()
            await task


def row_of(overview: str, query: str) -> list[str]:
    """Return the cells of a query on the page for people: state, series, models, ..., verdicts."""
    found = re.search(rf'<th scope="row" role="rowheader"><b>{query}</b></th>(.*?)</tr>', overview)
    assert found, f"{query} is not on the page"
    cells = re.findall(r"<td[^>]*><span>(.*?)</span></td>", found[1])
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]
