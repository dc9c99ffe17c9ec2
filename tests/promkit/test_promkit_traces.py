import asyncio
import json
import re

import aiohttp
import pytest
from aiohttp import web

from promkit.log import trace_id
from promkit.traces import derived_trace_id, new_trace_id, trace_headers, trace_of
from promkit.web import serve

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    "header",
    [f"00-{TRACE}-00f067aa0ba902b7-01", f"cc-{TRACE}-00f067aa0ba902b7-01-what.comes.later"],
)
def test_the_id_of_a_valid_header_is_taken(header: str) -> None:
    assert trace_of(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        TRACE,
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01-more",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f"00-{TRACE}-0000000000000000-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-00f067aa0ba902b7-01\n",
        f"00-{TRACE[:-1]}\u0663-00f067aa0ba902b7-01",
    ],
)
def test_what_the_standard_forbids_is_not(header: str | None) -> None:
    assert trace_of(header) is None


def test_what_is_sent_along_can_be_read_again() -> None:
    assert trace_headers() == {}
    token = trace_id.set(new_trace_id())
    try:
        sent = trace_headers()["traceparent"]
        assert trace_of(sent) == trace_id.get()
        assert trace_headers()["traceparent"] != sent
    finally:
        trace_id.reset(token)
    assert re.fullmatch("[0-9a-f]{32}", derived_trace_id("a"))
    assert derived_trace_id("a") == derived_trace_id("a") != derived_trace_id("b")


async def test_each_request_is_in_its_senders_trace_or_in_a_new_one() -> None:
    async def show(request: web.Request) -> web.Response:
        # What is started meanwhile belongs to it.
        return web.json_response(await asyncio.create_task(_current()))

    async def _current() -> str | None:
        return trace_id.get()

    app = web.Application()
    app.router.add_get("/", show)
    async with serve(app, ["127.0.0.1:0"]) as (address,), aiohttp.ClientSession() as session:

        async def ask(header: str) -> str:
            async with session.get(
                f"http://{address}/", headers={"traceparent": header} if header else {}
            ) as answer:
                return str(json.loads(await answer.text()))

        assert await ask(f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE
        # Over the same connection.
        made = [await ask("garbage"), await ask(""), await ask("")]
    assert len({TRACE, *made}) == 4
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)
