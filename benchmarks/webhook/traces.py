"""What does it cost to work on a request in a trace?: python -m benchmarks.webhook.traces."""

import asyncio
import time

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from promkit.traces import traced

REQUESTS = 200_000
_HEADERS = {"Host": "localhost:9854", "Content-Type": "application/json"}
_PARENT = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


async def _answer(_: web.Request) -> web.StreamResponse:
    return _OK


_OK = web.Response()


async def _cost(headers: dict[str, str]) -> float:
    """Return microseconds of CPU that a request takes longer."""
    request = make_mocked_request("POST", "/api/v1/alerts", headers)
    began = time.process_time()
    for _ in range(REQUESTS):
        await _answer(request)
    between = time.process_time()
    for _ in range(REQUESTS):
        await traced(request, _answer)
    return (time.process_time() - between - (between - began)) / REQUESTS * 1e6


def main() -> None:
    """Print it with and without the header."""
    for name, headers in (("without", _HEADERS), ("with", _HEADERS | _PARENT)):
        print(f"{name} traceparent: {asyncio.run(_cost(headers)):.2f} µs per request")


if __name__ == "__main__":
    main()
