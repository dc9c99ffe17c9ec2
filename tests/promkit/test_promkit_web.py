import asyncio
import socket

import pytest
import requests
from aiohttp import web

from promkit.errors import ConfigProblems
from promkit.web import lifecycle_routes, parse_listen_address, render_page, serve


class Daemon:
    """Counts reloads; not ready while it has a reason."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.problem: str | None = None
        self.reloads = 0

    async def reload(self) -> None:
        if self.problem is not None:
            raise ConfigProblems([self.problem])
        self.reloads += 1

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(lifecycle_routes(lambda: self.reason, self.reload))
        app.add_routes([web.get("/", self.page)])
        return app

    async def page(self, _: web.Request) -> web.Response:
        return render_page("a < b", "<p>hello")


async def ask(method: str, address: str, path: str) -> requests.Response:
    url = f"http://{address}{path}"
    return await asyncio.to_thread(requests.request, method, url, timeout=10)


async def test_health_readiness_and_reload() -> None:
    daemon = Daemon()
    async with serve(daemon.app(), ["127.0.0.1:0"]) as (address,):
        assert (await ask("GET", address, "/-/healthy")).status_code == 200
        assert (await ask("HEAD", address, "/-/healthy")).status_code == 200
        assert (await ask("HEAD", address, "/-/ready")).status_code == 200

        daemon.reason = "no evaluation yet"
        answer = await ask("GET", address, "/-/ready")
        assert (answer.status_code, answer.text) == (503, "Not ready: no evaluation yet\n")
        assert (await ask("GET", address, "/-/healthy")).status_code == 200

        assert (await ask("POST", address, "/-/reload")).status_code == 200
        assert (await ask("PUT", address, "/-/reload")).status_code == 200
        assert (await ask("GET", address, "/-/reload")).status_code == 405
        assert daemon.reloads == 2

        daemon.problem = "c.yml:3: step: found 0"
        answer = await ask("POST", address, "/-/reload")
        assert answer.status_code == 500
        assert "c.yml:3: step: found 0" in answer.text


async def test_the_page_needs_nothing_from_elsewhere_and_allows_nothing() -> None:
    async with serve(Daemon().app(), ["127.0.0.1:0"]) as (address,):
        answer = await ask("GET", address, "/")
    assert "<h1>a &lt; b</h1><p>hello" in answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_every_address_is_served_and_freed() -> None:
    async with serve(Daemon().app(), ["127.0.0.1:0", ":0"]) as addresses:
        for address in addresses:
            port = address.rpartition(":")[2]
            assert (await ask("GET", f"127.0.0.1:{port}", "/-/healthy")).status_code == 200
    for address in addresses:
        freed = int(address.rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", freed), timeout=5)


async def test_a_taken_address_is_an_error_that_frees_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="Address already in use"):
            async with serve(Daemon().app(), ["127.0.0.1:0", f"127.0.0.1:{port}"]):
                pass


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_addresses_are_bracketed() -> None:
    async with serve(Daemon().app(), ["[::1]:0"]) as (address,):
        assert address.startswith("[::1]:")
        assert (await ask("GET", address, "/-/healthy")).status_code == 200


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (":9853", ("", 9853)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("localhost:1", ("localhost", 1)),
        ("[::1]:9853", ("::1", 9853)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_parse_listen_address(text: str, parts: tuple[str, int]) -> None:
    assert parse_listen_address(text) == parts


@pytest.mark.parametrize(
    "text", ["", "9853", "::1:9853", "host:", "host:x", ":65536", "[::1:1", ":-1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: host:port, :port or \[ipv6\]:port") as caught:
        parse_listen_address(text)
    assert repr(text) in str(caught.value)
