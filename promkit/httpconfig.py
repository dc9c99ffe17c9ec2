"""How do we call somebody else's HTTP endpoint? Prometheus' ``http_config``, for requests."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator, Field, model_validator
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from promkit.errors import FieldProblem
from promkit.secrets import Secret, SecretModel, read_secret
from promkit.strictyaml import ConfigPath, StrictModel
from promkit.webconfig import TLS_VERSIONS, TlsVersion

# Set by the client or by a section of its own; a second source would win or lose by accident.
_RESERVED_HEADERS = {
    "authorization": "authorization or basic_auth",
    "connection": "nothing, the client sets it",
    "content-encoding": "nothing, the client sets it",
    "content-length": "nothing, the client sets it",
    "content-type": "nothing, the client sets it",
    "host": "the url",
    "transfer-encoding": "nothing, the client sets it",
}


def _proxy(value: Secret) -> Secret:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("found no proxy URL; allowed: http://host:port or https://host:port")
    return value


def _header_value(value: Secret) -> Secret:
    if not value.get_secret_value().isprintable():
        raise ValueError("found a control character in a header; allowed: printable text")
    return value


class BasicAuth(SecretModel):
    """User name and password."""

    username: str
    password: Secret | None = None
    password_file: ConfigPath | None = None


class Authorization(SecretModel):
    """An Authorization header, by default a bearer token."""

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_|~-]+$")] = "Bearer"
    credentials: Secret | None = None
    credentials_file: ConfigPath | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type.lower() == "basic":
            raise FieldProblem(("type",), "found Basic; write a basic_auth section instead")
        if self.credentials is None and self.credentials_file is None:
            raise FieldProblem((), "found no credentials; set credentials or credentials_file")
        return self


class TlsConfig(StrictModel):
    """How to verify the server, and how to prove who we are."""

    ca_file: ConfigPath | None = None
    cert_file: ConfigPath | None = None
    key_file: ConfigPath | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
    min_version: TlsVersion = "TLS12"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            given, missing = "cert_file", "key_file"
            if self.cert_file is None:
                given, missing = missing, given
            raise FieldProblem((given,), f"found {given} alone; it needs {missing}")
        return self


class HttpConfig(StrictModel):
    """Prometheus' spelling of an HTTP client's settings."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls_config: TlsConfig = TlsConfig()
    headers: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_|~-]+$")],
        Annotated[Secret, AfterValidator(_header_value)],
    ] = Field(default_factory=dict)
    proxy_url: Annotated[Secret, AfterValidator(_proxy)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.basic_auth is not None and self.authorization is not None:
            raise FieldProblem(("authorization",), "found beside basic_auth; keep one of them")
        for name in self.headers:
            if name.lower() in _RESERVED_HEADERS:
                instead = _RESERVED_HEADERS[name.lower()]
                message = f"found a header that cannot be set here; use {instead}"
                raise FieldProblem(("headers", name), message)
        return self


def requests_session(config: HttpConfig) -> requests.Session:
    """Return a session with these settings, blind to the environment's proxies and netrc.

    Credential files are read for each request and certificates for each connection, so that
    both can be rotated. Pass with every call what a session cannot hold: a timeout, and
    `allow_redirects=False`, since a redirect would carry the headers to another host.

    Raises
    ------
    SecretUnavailable
        From each request, while a credentials file cannot be read.
    """
    session = requests.Session()
    session.trust_env = False
    session.auth = _Credentials(config)
    tls = config.tls_config
    session.verify = str(tls.ca_file) if tls.ca_file is not None else True
    if tls.insecure_skip_verify:
        session.verify = False
    if tls.cert_file is not None and tls.key_file is not None:
        session.cert = (str(tls.cert_file), str(tls.key_file))
    session.mount("https://", _TlsAdapter(tls))
    for name, value in config.headers.items():
        session.headers[name] = value.get_secret_value()
    if config.proxy_url is not None:
        proxy = config.proxy_url.get_secret_value()
        session.proxies = {"http": proxy, "https": proxy}
    return session


class _Credentials(AuthBase):
    def __init__(self, config: HttpConfig) -> None:
        self._config = config

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        basic, other = self._config.basic_auth, self._config.authorization
        if basic is not None:
            password = read_secret(basic.password, basic.password_file) or ""
            # As bytes, since requests would encode text as Latin-1.
            HTTPBasicAuth(basic.username.encode(), password.encode())(request)
        elif other is not None:
            secret = read_secret(other.credentials, other.credentials_file)
            request.headers["Authorization"] = f"{other.type} {secret}"
        return request


class _TlsAdapter(HTTPAdapter):
    """Adds to requests what it has no setting for: lowest TLS version and server name."""

    def __init__(self, config: TlsConfig) -> None:
        self._options: Mapping[str, Any] = {
            "ssl_minimum_version": TLS_VERSIONS[config.min_version],
            **({"server_hostname": config.server_name} if config.server_name else {}),
        }
        super().__init__()

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs, **self._options)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        untyped: Any = super()
        return untyped.proxy_manager_for(proxy, **proxy_kwargs, **self._options)
