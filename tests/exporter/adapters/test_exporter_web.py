import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp.plugin import AiohttpClient

from exporter.adapters.anomalies import Anomalies
from exporter.adapters.exposition import CONTENT_TYPE
from exporter.adapters.pagerows import Overview, QueryRow
from exporter.adapters.web import create_app

Render = Callable[[], Iterator[bytes]]


def app_of(
    render: Render = lambda: iter([b"up 1\n"]),
    rows: Sequence[QueryRow] = (),
    scrape_seconds: float = 60.0,
) -> web.Application:
    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="fine")

    lifecycle = [web.get("/-/healthy", healthy)]
    told = Overview(version="1.2.3", now=1_763_700_000.0, rows=rows)
    return create_app(
        render, lambda: told, lambda _: Anomalies(0, ()), lifecycle, scrape_seconds=scrape_seconds
    )


async def test_metrics_are_all_pieces_of_the_page(aiohttp_client: AiohttpClient) -> None:
    pieces = [b"piece %d\n" % number for number in range(100)]
    client = await aiohttp_client(app_of(lambda: iter(pieces)))
    response = await client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert response.status == 200
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert await response.read() == b"".join(pieces)
    head = await client.head("/metrics")
    assert (head.status, await head.read()) == (200, b"")


async def test_rendering_blocks_nobody(aiohttp_client: AiohttpClient) -> None:
    went_on = threading.Event()

    def render() -> Iterator[bytes]:
        assert threading.current_thread() is not threading.main_thread()
        assert went_on.wait(10)
        yield b"late 1\n"

    client = await aiohttp_client(app_of(render))
    scrape = asyncio.create_task(client.get("/metrics"))
    healthy = await client.get("/-/healthy")  # answered while the page is being rendered
    assert await healthy.text() == "fine"
    went_on.set()
    assert await (await scrape).text() == "late 1\n"


async def test_a_failure_to_render_is_an_honest_500(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    def render() -> Iterator[bytes]:
        yield b"up 1\n"
        raise ZeroDivisionError

    client = await aiohttp_client(app_of(render))
    assert (await client.get("/metrics")).status == 500
    assert "ZeroDivisionError" in caplog.text


async def test_a_failure_on_the_way_does_not_pass_for_a_whole_page(
    aiohttp_client: AiohttpClient,
) -> None:
    def render() -> Iterator[bytes]:
        yield from [b"up 1\n"] * 100
        raise ZeroDivisionError

    client = await aiohttp_client(app_of(render))
    response = await client.get("/metrics")
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()


async def test_a_client_that_does_not_read_is_cut_off(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    is_closed = threading.Event()

    def render() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 1_000_000
        finally:
            is_closed.set()

    client = await aiohttp_client(app_of(render, scrape_seconds=0.2))
    response = await client.get("/metrics")
    with pytest.raises(aiohttp.ClientError):
        await response.read()
    assert "cut off a client" in caplog.text
    assert await asyncio.to_thread(is_closed.wait, 10)


async def test_a_client_that_leaves_is_no_error(
    aiohttp_client: AiohttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    is_closed = threading.Event()

    def render() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 50_000
        finally:
            is_closed.set()

    client = await aiohttp_client(app_of(render))
    response = await client.get("/metrics")
    response.close()
    assert await asyncio.to_thread(is_closed.wait, 10)
    assert await (await client.get("/-/healthy")).text() == "fine"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_the_page_for_people(aiohttp_client: AiohttpClient) -> None:
    rows = [QueryRow(query="<b>", state="ok", series=12)]
    client = await aiohttp_client(app_of(rows=rows))
    response = await client.get("/")
    page = await response.text()
    assert "<b>&lt;b&gt;</b>" in page
    assert 'href="metrics"' in page
    assert page.count("<h1>") == page.count("<main>") == 1
    assert response.headers["Refresh"] == "30"
    assert 'href="?refresh=off"' in page


async def test_the_page_can_be_told_not_to_refresh(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(app_of())
    response = await client.get("/?refresh=off")
    assert "Refresh" not in response.headers
    assert 'href="./"' in await response.text()
