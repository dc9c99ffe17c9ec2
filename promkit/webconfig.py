"""Who may connect, and over what? exporter-toolkit's web configuration file.

The same file serves Prometheus, node_exporter and us. It and its certificates are read again
when their content changes; a bad change is logged and the former one stays in force.
"""

import hashlib
import logging
import os
import re
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import AfterValidator, Field, model_validator

from promkit.errors import ConfigProblems, FieldProblem
from promkit.guard import Guard, protect
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath, StrictModel, load_model

log = logging.getLogger(__name__)

TlsVersion = Literal["TLS12", "TLS13"]
TLS_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}

# Go's names, as the file has them, to OpenSSL's; TLS 1.3 has no choice to make.
_CIPHER_SUITES = {
    f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}"
    for key in ("ECDSA", "RSA")
    for go, openssl in {
        "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
        "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
        "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    }.items()
}
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")

HeaderName = Literal[
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
]


def _cipher_suite(name: str) -> str:
    if name not in _CIPHER_SUITES:
        allowed = ", ".join(_CIPHER_SUITES)
        raise ValueError(f"found the cipher suite {name!r}; allowed: {allowed}")
    return name


def _bcrypt_hash(value: Secret) -> Secret:
    if not _BCRYPT.fullmatch(value.get_secret_value()):
        raise ValueError("found no bcrypt hash; make one with: htpasswd -nBC 10 USER")
    return value


class TlsServerConfig(StrictModel):
    """How to serve HTTPS."""

    cert_file: ConfigPath
    key_file: ConfigPath
    # Go also knows two types that ask for a certificate and do not verify it; Python does not.
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_ca_file: ConfigPath | None = None
    client_allowed_sans: tuple[str, ...] = ()
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"
    cipher_suites: tuple[Annotated[str, AfterValidator(_cipher_suite)], ...] = ()
    prefer_server_cipher_suites: bool = True  # accepted for the sake of shared files; no effect

    @model_validator(mode="after")
    def _check(self) -> Self:
        verifies = self.client_auth_type != "NoClientCert"
        if verifies and self.client_ca_file is None:
            message = f"found nothing, but {self.client_auth_type} needs the clients' CA"
            raise FieldProblem(("client_ca_file",), message)
        if not verifies and self.client_ca_file is not None:
            message = "found NoClientCert beside client_ca_file; set RequireAndVerifyClientCert"
            raise FieldProblem(("client_auth_type",), message)
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            message = "found names, but only RequireAndVerifyClientCert makes clients show one"
            raise FieldProblem(("client_allowed_sans",), message)
        if self.min_version > self.max_version:
            message = f"found {self.min_version}; {self.max_version} (max_version) or lower"
            raise FieldProblem(("min_version",), message)
        return self


class HttpServerConfig(StrictModel):
    """What to put on every answer."""

    http2: bool = True  # accepted for the sake of shared files; we speak HTTP/1.1
    headers: dict[HeaderName, Annotated[str, Field(pattern=r"^[\x20-\x7e]*$")]] = Field(
        default_factory=dict
    )


class WebConfig(StrictModel):
    """The whole file; an empty one changes nothing."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = HttpServerConfig()
    basic_auth_users: dict[str, Annotated[Secret, AfterValidator(_bcrypt_hash)]] = Field(
        default_factory=dict
    )


def load_web_config(path: Path) -> WebConfig:
    """Read the file, and try its certificates.

    Raises
    ------
    ConfigProblems
        If anything in it, or a certificate it names, is unusable.
    """
    config = _parse(path, _content(path))
    if config.tls_server_config is not None:
        server_context(config.tls_server_config)
    return config


def server_context(config: TlsServerConfig) -> ssl.SSLContext:
    """Build the TLS settings of a server.

    Raises
    ------
    ConfigProblems
        If a certificate or key cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = TLS_VERSIONS[config.min_version]
    context.maximum_version = TLS_VERSIONS[config.max_version]
    if config.cipher_suites:
        context.set_ciphers(":".join(_CIPHER_SUITES[name] for name in config.cipher_suites))
    try:
        context.load_cert_chain(config.cert_file, config.key_file)
    except OSError as error:  # SSLError is one too
        problem = f"{config.cert_file}:1: cannot be used with the key {config.key_file}: {error}"
        raise ConfigProblems([problem]) from error
    if config.client_ca_file is not None:
        try:
            context.load_verify_locations(config.client_ca_file)
        except OSError as error:
            problem = f"{config.client_ca_file}:1: cannot be used as the clients' CA: {error}"
            raise ConfigProblems([problem]) from error
        required = config.client_auth_type == "RequireAndVerifyClientCert"
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


class WebConfigFile:
    """The file in use: follows its content, and guards an application with it.

    Whether TLS is spoken at all, and whether client certificates are asked for, is settled
    at the start; everything else follows the file.

    Raises
    ------
    ConfigProblems
        From the constructor, if the file is bad.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = _stamp(path)
        self._seen = _content(path)
        self._config = _parse(path, self._seen)
        self._certificates = b""
        self._context: ssl.SSLContext | None = None
        self._complaints: set[str] = set()
        if self._config.tls_server_config is not None:
            self._context = server_context(self._config.tls_server_config)

    def current(self) -> WebConfig:
        """Return the settings, having looked whether the file changed."""
        try:
            # Asked at every request, and reading costs more than all else that is done here.
            stamp = _stamp(self._path)
            content = self._seen if stamp == self._stamp else _content(self._path)
            self._stamp = stamp
            if content != self._seen:
                self._seen = content
                self._config = _parse(self._path, content)
                self._complaints.clear()
                log.info("web configuration loaded", extra={"file": self._path})
        except ConfigProblems as error:
            self._complain(error)
        return self._config

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return a context that takes the newest certificates at each handshake; None: no TLS."""
        outer = self._newest_context()
        if outer is not None:
            outer.sni_callback = self._on_handshake
        return outer

    def protect(self, app: web.Application) -> None:
        """Add client checks and headers to an application that has not started yet."""

        async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
            for name, value in self._config.http_server_config.headers.items():
                response.headers[name] = value

        protect(app, Guard(self._users, lambda it: _is_allowed_client(self.current(), it)))
        app.on_response_prepare.append(add_headers)

    def _users(self) -> dict[str, str]:
        users = self.current().basic_auth_users
        return {name: hashed.get_secret_value() for name, hashed in users.items()}

    def _newest_context(self) -> ssl.SSLContext | None:
        tls = self.current().tls_server_config
        if tls is None or self._context is None:
            return self._context
        try:
            files = [tls.cert_file, tls.key_file, tls.client_ca_file]
            digests = [hashlib.sha256(_content(file)).digest() for file in files if file]
            certificates = hashlib.sha256(tls.model_dump_json().encode() + b"".join(digests))
            if certificates.digest() != self._certificates:
                self._certificates = certificates.digest()
                self._context = server_context(tls)
                self._complaints.clear()
        except ConfigProblems as error:
            self._complain(error)
        return self._context

    def _on_handshake(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext
    ) -> None:
        newest = self._newest_context()
        if newest is not None:
            connection.context = newest

    def _complain(self, error: ConfigProblems) -> None:
        # Asked at every request and handshake, so each complaint is made once.
        if str(error) not in self._complaints:
            self._complaints.add(str(error))
            extra = {"file": self._path, "problems": str(error)}
            log.error("web configuration refused, keeping the former one", extra=extra)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _stamp(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a file is written or replaced."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _unreadable(path: Path, error: OSError) -> ConfigProblems:
    return ConfigProblems([f"{path}:1: cannot be read: {error.strerror}"])


def _parse(path: Path, content: bytes) -> WebConfig:
    return load_model(content.decode("utf-8", "replace"), str(path), WebConfig)


def _is_allowed_client(config: WebConfig, request: web.Request) -> bool:
    tls = config.tls_server_config
    if tls is None or not tls.client_allowed_sans:
        return True
    certificate = request.get_extra_info("peercert") or {}
    names = {name for _, name in certificate.get("subjectAltName", ())}
    return not names.isdisjoint(tls.client_allowed_sans)
