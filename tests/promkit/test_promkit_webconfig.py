import asyncio
import logging
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import bcrypt
import pytest
import requests
from aiohttp import web

from promkit.errors import ConfigProblems
from promkit.httpconfig import HttpConfig, TlsConfig, requests_session
from promkit.web import serve
from promkit.webconfig import load_web_config

CERTS = Path(__file__).parent / "certs"
HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
CLIENT_CA = "  client_ca_file: ca.crt\n  client_auth_type: RequireAndVerifyClientCert\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for file in CERTS.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


@asynccontextmanager
async def served(folder: Path, text: str) -> AsyncIterator[str]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.add_routes([web.get("/", hello)])
    (folder / "web.yml").write_text(text)
    async with serve(app, ["127.0.0.1:0"], folder / "web.yml") as (address,):
        yield address


async def get(
    url: str, password: str | None = None, tls: TlsConfig | None = None
) -> requests.Response:
    # A session of its own for each call, so that each has its own handshake.
    with requests_session(HttpConfig(tls_config=tls or TlsConfig())) as session:
        if password is not None:
            session.auth = ("ann", password)
        return await asyncio.to_thread(session.get, url, timeout=10)


def trusting(**more: str) -> TlsConfig:
    files = {name: CERTS / file for name, file in more.items()}
    return TlsConfig.model_validate({"ca_file": CERTS / "ca.crt", **files})


AS_CLIENT = trusting(cert_file="client.crt", key_file="client.key")
AS_STRANGER = trusting(cert_file="stranger.crt", key_file="stranger.key")


async def test_an_empty_file_changes_nothing(folder: Path) -> None:
    async with served(folder, "") as address:
        assert (await get(f"http://{address}/")).text == "hello"


async def test_basic_auth_guards_everything_and_follows_the_file(folder: Path) -> None:
    async with served(folder, f"basic_auth_users: {{ann: {HASH}}}") as address:
        url = f"http://{address}/"
        answer = await get(url)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Basic")
        assert (await get(url, "wrong")).status_code == 401
        assert (await get(url + "missing")).status_code == 401
        assert (await get(url, "right")).status_code == 200

        other = bcrypt.hashpw(b"new", bcrypt.gensalt(4)).decode()
        (folder / "web.yml").write_text(f"basic_auth_users: {{ann: {other}}}")
        assert (await get(url, "right")).status_code == 401
        assert (await get(url, "new")).status_code == 200


async def test_a_bad_change_keeps_the_former_file_and_complains_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(folder, f"basic_auth_users: {{ann: {HASH}}}") as address:
        for break_it in (
            lambda: (folder / "web.yml").write_text("basic_auth_users: 1"),
            (folder / "web.yml").unlink,
        ):
            caplog.clear()
            break_it()
            with caplog.at_level(logging.ERROR):
                assert (await get(f"http://{address}/")).status_code == 401
                assert (await get(f"http://{address}/", "right")).status_code == 200
            assert len(caplog.records) == 1


async def test_headers_stand_on_every_answer(folder: Path) -> None:
    text = (
        "http_server_config: {headers: {X-Frame-Options: deny}}\n"
        f"basic_auth_users: {{ann: {HASH}}}\n"
    )
    async with served(folder, text) as address:
        for answer in (await get(f"http://{address}/"), await get(f"http://{address}/no", "right")):
            assert answer.status_code in (401, 404)
            assert answer.headers["X-Frame-Options"] == "deny"


async def test_tls_takes_new_certificates_without_a_restart(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(folder, TLS) as address:
        url = f"https://{address}/"
        renewed = TlsConfig(ca_file=CERTS / "ca.crt", server_name="renewed.example")
        assert (await get(url, tls=trusting())).text == "hello"
        with pytest.raises(requests.exceptions.SSLError):
            await get(url, tls=renewed)

        # Half of the change has arrived: the key does not fit, the old pair goes on.
        shutil.copy(CERTS / "renewed.crt", folder / "server.crt")
        with caplog.at_level(logging.ERROR):
            assert (await get(url, tls=trusting())).text == "hello"
            assert (await get(url, tls=trusting())).text == "hello"
        assert len(caplog.records) == 1

        shutil.copy(CERTS / "renewed.key", folder / "server.key")
        assert (await get(url, tls=renewed)).text == "hello"

        # Whether TLS is spoken is settled at the start.
        (folder / "web.yml").write_text("")
        assert (await get(url, tls=renewed)).text == "hello"


async def test_client_certificates_are_asked_for_and_their_names_checked(folder: Path) -> None:
    names = "  client_allowed_sans: [prober.example]\n"
    async with served(folder, TLS + CLIENT_CA + names) as address:
        url = f"https://{address}/"
        assert (await get(url, tls=AS_CLIENT)).text == "hello"
        assert (await get(url, tls=AS_STRANGER)).status_code == 403
        with pytest.raises(requests.exceptions.ConnectionError):
            await get(url, tls=trusting())


async def test_a_client_certificate_may_be_optional(folder: Path) -> None:
    optional = CLIENT_CA.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    async with served(folder, TLS + optional) as address:
        assert (await get(f"https://{address}/", tls=trusting())).text == "hello"
        assert (await get(f"https://{address}/", tls=AS_STRANGER)).text == "hello"


async def test_versions_and_cipher_suites_are_limited(folder: Path) -> None:
    suites = "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n  max_version: TLS12\n"
    async with served(folder, TLS + suites) as address:
        host, _, port = address.rpartition(":")
        context = ssl.create_default_context(cafile=str(CERTS / "ca.crt"))
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        cipher = writer.get_extra_info("cipher")
        writer.close()
        await writer.wait_closed()
        assert cipher[:2] == ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2")
        newest = TlsConfig(ca_file=CERTS / "ca.crt", min_version="TLS13")
        with pytest.raises(requests.exceptions.SSLError):
            await get(f"https://{address}/", tls=newest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rate_limit: {}",
            "web.yml:1: rate_limit: found an unknown key; allowed: basic_auth_users",
        ),
        (
            "basic_auth_users:\n  ann: canary",
            "web.yml:2: basic_auth_users.ann: found no bcrypt hash",
        ),
        (
            "http_server_config: {headers: {X-Other: 1}}",
            "web.yml:1: http_server_config.headers.X-Other: found the text 'X-Other'; allowed: "
            "'Content-Security-Policy'",
        ),
        (
            'http_server_config: {headers: {X-Frame-Options: "a\\nb"}}',
            r"web.yml:1: http_server_config.headers.X-Frame-Options: found the text 'a\nb'",
        ),
        ("tls_server_config: {}", "web.yml:1: tls_server_config.cert_file: found nothing"),
        (
            TLS + "  client_auth_type: RequestClientCert",
            "web.yml:4: tls_server_config.client_auth_type: found the text 'RequestClientCert'; "
            "allowed: 'NoClientCert', ",
        ),
        (
            TLS + "  client_auth_type: VerifyClientCertIfGiven",
            "web.yml:1: tls_server_config.client_ca_file: found nothing, but VerifyClient",
        ),
        (
            TLS + "  client_ca_file: ca.crt",
            "web.yml:1: tls_server_config.client_auth_type: found NoClientCert beside",
        ),
        (
            TLS + "  client_allowed_sans: [x]",
            "web.yml:4: tls_server_config.client_allowed_sans: found names, but only Require",
        ),
        (
            TLS + "  min_version: TLS13\n  max_version: TLS12",
            "web.yml:4: tls_server_config.min_version: found TLS13; TLS12 (max_version) or lower",
        ),
        (
            TLS + "  cipher_suites: [RC4]",
            "web.yml:4: tls_server_config.cipher_suites[0]: found the cipher suite 'RC4'; allowed",
        ),
        (TLS.replace("server.key", "client.key"), "server.crt:1: cannot be used with the key"),
        (TLS.replace("server.crt", "missing"), "missing:1: cannot be used with the key"),
        (TLS + CLIENT_CA.replace("ca.crt", "README.md"), "README.md:1: cannot be used as the cli"),
    ],
)
def test_a_bad_file_is_refused(folder: Path, text: str, message: str) -> None:
    (folder / "web.yml").write_text(text)
    with pytest.raises(ConfigProblems) as caught:
        load_web_config(folder / "web.yml")
    assert f"{folder}/{message}" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"web\.yml:1: cannot be read: No such file"):
        load_web_config(tmp_path / "web.yml")


async def test_both_settings_an_operator_shares_with_other_exporters_are_accepted(
    folder: Path,
) -> None:
    (folder / "web.yml").write_text(
        TLS + "  prefer_server_cipher_suites: true\nhttp_server_config: {http2: true}\n"
    )
    assert load_web_config(folder / "web.yml").tls_server_config is not None
