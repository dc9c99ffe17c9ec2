"""A channel that posts each notification as JSON to a URL, signed if a secret is given.

The signature follows Standard Webhooks (https://www.standardwebhooks.com), so that receivers can
verify it with an existing library.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem, SecretUnavailable
from promkit.secrets import Secret, read_secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.core.message import Message
from webhook.core.text import storable
from webhook.errors import ChannelError

_SECRET_PREFIX = "whsec_"
_SECRET_FORM = "allowed: whsec_ and 24 to 64 bytes in base64, e.g. from `openssl rand -base64 32`"
_EXCERPT_BYTES = 512
_EXCERPT_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
# Answers that Standard Webhooks and RFC 9110 name as "try again later", besides 5xx.
_TEMPORARY = {408, 425, 429}


class WebhookChannel(Channel):
    """Notifications as JSON to a URL.

    Parameters
    ----------
    url, url_file : where to POST; http or https. A URL may hold a token, so it is never shown.
    signing_secret, signing_secret_file : signs each request in the header `webhook-signature`
    """

    kind: Literal["webhook"] = "webhook"
    url: Secret | None = None
    url_file: ConfigPath | None = None
    signing_secret: Secret | None = None
    signing_secret_file: ConfigPath | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.url is None and self.url_file is None:
            raise FieldProblem(("url",), "found neither url nor url_file; set one of them")
        if self.url is not None:
            try:
                _checked_url(self.url.get_secret_value())
            except ValueError as error:
                raise FieldProblem(("url",), str(error)) from None
        if self.signing_secret is not None:
            try:
                _key(self.signing_secret.get_secret_value())
            except ValueError as error:
                raise FieldProblem(("signing_secret",), str(error)) from None
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender that keeps its connections open between notifications."""
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={
                "User-Agent": "anomaly-webhook",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
            },
        )

        async def send(message: Message) -> Receipt:
            return await self._send(session, clock, message)

        async with session:
            yield send

    async def _send(
        self, session: aiohttp.ClientSession, clock: Clock, message: Message
    ) -> Receipt:
        url, key = await asyncio.to_thread(self._secrets)
        body = json.dumps(message.as_json(), ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            **signed(message.key, clock.now(), body, key),
        }
        try:
            async with session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return Receipt(f"HTTP {response.status}")
                raise await _refusal(response, url, clock.now())
        except aiohttp.ClientSSLError as error:
            raise ChannelError("tls", f"TLS with {_host(url)} failed: {_why(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ChannelError("unreachable", f"cannot reach {_host(url)}: {_why(error)}") from None

    def _secrets(self) -> tuple[str, bytes | None]:
        try:
            url = _checked_url(read_secret(self.url, self.url_file) or "")
            secret = read_secret(self.signing_secret, self.signing_secret_file)
            return url, None if secret is None else _key(secret)
        except (SecretUnavailable, ValueError) as error:
            raise ChannelError("secret", str(error)) from None


def signed(key: str, now: float, body: bytes, secret: bytes | None) -> dict[str, str]:
    """Return the headers of Standard Webhooks: id, timestamp and, with a secret, signature.

    Parameters
    ----------
    key : the notification's key, the same at every attempt
    now : unix seconds
    """
    timestamp = str(int(now))
    headers = {"webhook-id": key, "webhook-timestamp": timestamp}
    if secret is not None:
        digest = hmac.digest(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers


def retry_after(value: str, now: float) -> float:
    """Return the seconds that a Retry-After header asks for; 0 when it says nothing readable."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)


async def _refusal(response: aiohttp.ClientResponse, url: str, now: float) -> ChannelError:
    status = response.status
    message = f"HTTP {status}"
    if excerpt := await _excerpt(response, url):
        message += f": {excerpt}"
    wait = retry_after(response.headers.get("Retry-After", ""), now)
    if 300 <= status < 400:
        message = f"HTTP {status}: redirects are not followed; configure the final URL"
        return ChannelError("redirected", message, is_permanent=True)
    if status == 429:
        return ChannelError("rate_limited", message, retry_after=wait)
    if status >= 500 or status in _TEMPORARY:
        return ChannelError("server_error", message, retry_after=wait)
    return ChannelError("rejected", message, is_permanent=True)


async def _excerpt(response: aiohttp.ClientResponse, url: str) -> str:
    """Return the start of an error page as one line, without anything that may hold our token."""
    try:
        async with asyncio.timeout(_EXCERPT_SECONDS):
            raw = await response.content.read(_EXCERPT_BYTES)
    except (TimeoutError, aiohttp.ClientError):
        return ""
    text = storable(raw.decode("utf-8", "replace"))
    parts = urlsplit(url)
    for secret in (url, f"{parts.path}?{parts.query}", parts.path, parts.query):
        if len(secret) > 1:
            text = text.replace(secret, "<url>")
    return " ".join(text.split())[:200]


def _checked_url(url: str) -> str:
    # The text is not quoted: it may hold a token.
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isprintable() or " " in url:
        raise ValueError("found something that is no URL; allowed: http://… or https://…")
    return url


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"found a secret that is not base64; {_SECRET_FORM}") from None
    if not 24 <= len(key) <= 64:
        raise ValueError(f"found a secret of {len(key)} bytes; {_SECRET_FORM}")
    return key


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _why(error: Exception) -> str:
    """Say what failed without the URL that aiohttp's own texts may carry."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
