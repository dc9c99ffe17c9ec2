import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import requests
from aiohttp import web
from urllib3.exceptions import InsecureRequestWarning

from promkit.errors import ConfigProblems, SecretUnavailable
from promkit.httpconfig import HttpConfig, requests_session
from promkit.strictyaml import load_model
from promkit.web import serve


async def mirror(request: web.Request) -> web.Response:
    """Answer with the request's own headers, and the URL asked for."""
    return web.json_response({"url": request.raw_path, **request.headers})


@asynccontextmanager
async def mirrored() -> AsyncIterator[str]:
    app = web.Application()

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    app.add_routes([web.get("/away", away), web.get("/{path:.*}", mirror)])
    async with serve(app, ["127.0.0.1:0"]) as (address,):
        yield f"http://{address}"


def session(text: str, folder: Path = Path()) -> requests.Session:
    return requests_session(load_model(text, str(folder / "c.yml"), HttpConfig))


async def get(session: requests.Session, url: str) -> dict[str, str]:
    with session:  # closes its connections; it can be used again
        answer = await asyncio.to_thread(session.get, url, timeout=10)
    headers: dict[str, str] = answer.json()
    return headers


async def test_without_settings_nothing_is_sent_and_the_environment_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password canary")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with mirrored() as url:
        seen = await get(session("{}"), url)
    assert "Authorization" not in seen


async def test_basic_auth_in_utf_8() -> None:
    async with mirrored() as url:
        seen = await get(session("basic_auth: {username: änn, password: pä}"), url)
    assert seen["Authorization"] == "Basic w6Rubjpww6Q="


async def test_a_credentials_file_is_read_for_each_request(tmp_path: Path) -> None:
    async with mirrored() as url:
        client = session("authorization: {credentials_file: token}", tmp_path)
        with pytest.raises(SecretUnavailable, match="No such file"):
            await get(client, url)
        for token in ("first", "second"):
            (tmp_path / "token").write_text(token + "\n")
            assert (await get(client, url))["Authorization"] == f"Bearer {token}"


async def test_headers_and_another_authorization_type() -> None:
    text = "authorization: {type: ApiKey, credentials: x}\nheaders: {X-Scope-OrgID: team}"
    async with mirrored() as url:
        seen = await get(session(text), url)
    assert (seen["Authorization"], seen["X-Scope-OrgID"]) == ("ApiKey x", "team")


async def test_a_proxy_gets_the_whole_url() -> None:
    async with mirrored() as proxy:
        seen = await get(session(f"proxy_url: {proxy}"), "http://prometheus.invalid/x")
    assert seen["url"] == "http://prometheus.invalid/x"


CERTS = Path(__file__).parent / "certs"


@pytest.fixture
async def tls_address(tmp_path: Path) -> AsyncIterator[str]:
    (tmp_path / "web.yml").write_text(
        f"tls_server_config: {{cert_file: {CERTS}/server.crt, key_file: {CERTS}/server.key}}"
    )
    app = web.Application()
    app.add_routes([web.get("/", mirror)])
    async with serve(app, ["127.0.0.1:0"], tmp_path / "web.yml") as (address,):
        yield address


async def test_an_unknown_server_is_refused_unless_told_otherwise(tls_address: str) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        await get(session("{}"), f"https://{tls_address}/")
    known = session(f"tls_config: {{ca_file: {CERTS}/ca.crt, server_name: localhost}}")
    assert (await get(known, f"https://{tls_address}/"))["url"] == "/"
    careless = session("tls_config: {insecure_skip_verify: true}")
    with pytest.warns(InsecureRequestWarning):
        assert (await get(careless, f"https://{tls_address}/"))["url"] == "/"


@asynccontextmanager
async def tunnelling() -> AsyncIterator[str]:
    """Run a proxy that knows CONNECT and nothing else."""

    connections: set[asyncio.Task[None] | None] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        method, target, *_ = (await reader.readuntil(b"\r\n\r\n")).decode().split()
        assert method == "CONNECT"
        host, _, port = target.rpartition(":")
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        await asyncio.gather(*(task for task in connections if task is not None))


async def test_tls_settings_hold_through_a_proxy(tls_address: str) -> None:
    async with tunnelling() as proxy:
        tls = f"ca_file: {CERTS}/ca.crt, server_name"
        client = session(f"proxy_url: {proxy}\ntls_config: {{{tls}: localhost}}")
        assert (await get(client, f"https://{tls_address}/"))["url"] == "/"
        wrong = session(f"proxy_url: {proxy}\ntls_config: {{{tls}: other.example}}")
        with pytest.raises(requests.exceptions.SSLError, match=r"other\.example"):
            await get(wrong, f"https://{tls_address}/")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "basic_auth: {username: a}\nauthorization: {credentials: x}",
            "c.yml:2: authorization: found beside basic_auth; keep one of them",
        ),
        ("basic_auth: {username: a, password: b, password_file: c}", "found both password and"),
        ("authorization: {}", "c.yml:1: authorization: found no credentials; set credentials or"),
        ("authorization: {type: basic, credentials: x}", "type: found Basic; write a basic_auth"),
        ("authorization: {type: 'a b', credentials: x}", "allowed: text of the form"),
        ("tls_config: {cert_file: a}", "tls_config.cert_file: found cert_file alone; it needs key"),
        ("tls_config: {key_file: a}", "tls_config.key_file: found key_file alone; it needs cert"),
        ("tls_config: {min_version: TLS10}", "allowed: 'TLS12' or 'TLS13'"),
        ("headers: {Host: a}", "c.yml:1: headers.Host: found a header that cannot be set here"),
        ('headers: {X-A: "canary\\r\\nX-B: c"}', "headers.X-A: found a control character"),
        ("headers: {'a b': c}", "headers.a b: found the text 'a b'; allowed: text of the form"),
        ("proxy_url: canary", "proxy_url: found no proxy URL; allowed: http://host:port"),
        ("proxy_url: socks5://u:canary@host", "proxy_url: found no proxy URL"),
        ("oauth2: {}", "c.yml:1: oauth2: found an unknown key"),
    ],
)
def test_bad_settings_are_refused_without_showing_secrets(text: str, message: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        session(text)
    assert message in str(caught.value)
    assert "canary" not in str(caught.value)
