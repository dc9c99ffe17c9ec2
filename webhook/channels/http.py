"""How does a channel post something, and what does each answer mean for the notification?

One table for all that speak HTTP (docs/webhook-channels.md, "What is tried again"): an answer that
cannot get better is permanent, everything else is tried again, after `Retry-After` if there is one.
Redirects are not followed, since they would carry a token to another host.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp

from promkit.clock import Clock
from promkit.errors import FieldProblem, SecretUnavailable
from promkit.secrets import Secret, read_secret
from promkit.traces import trace_headers
from webhook.core.text import storable
from webhook.errors import ChannelError, FailureReason

# The longest answer that is read; an endless one costs no more than this.
LONGEST_ANSWER = 1024 * 1024
_EXCERPT_BYTES = 512
_EXCERPT_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
# A shorter part of a URL's path is a word rather than a token.
_SHORTEST_TOKEN = 8
# Answers that Standard Webhooks and RFC 9110 name as "try again later", besides 5xx.
TEMPORARY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer and as much of its body as was asked for.

    Parameters
    ----------
    hidden : what must not be shown of it
    """

    status: int
    body: bytes
    hidden: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body as one line that can be stored and shown."""
        return one_line(self.body.decode("utf-8", "replace"), hidden=self.hidden)


class Poster:
    """Posts over connections that stay open.

    Parameters
    ----------
    session : see `posting`
    clock : for `Retry-After` with a date
    """

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        secrets: tuple[str, ...] = (),
        read: int = 0,
    ) -> Answer:
        """Post once, with the trace that is worked on, and return an answer of 2xx.

        Parameters
        ----------
        secrets : what must not be shown of an answer that repeats it, besides the URL
        read : bytes of the body that matter, at most LONGEST_ANSWER; the rest is not waited for

        Raises
        ------
        ChannelError
            Whatever else happens.
        """
        try:
            async with self._session.post(
                url,
                data=io.BytesIO(body),
                headers={**headers, **trace_headers()},
                allow_redirects=False,
            ) as response:
                hidden = (*secrets, *_parts(url))
                if 200 <= response.status < 300:
                    return Answer(response.status, await _start(response, read), hidden)
                message = f"HTTP {response.status}"
                if excerpt := await _excerpt(response, hidden):
                    message += f": {excerpt}"
                raise refusal(
                    response.status,
                    message,
                    retry_after(response.headers.get("Retry-After", ""), self._clock.now()),
                )
        except aiohttp.ClientSSLError as error:
            raise ChannelError("tls", f"TLS with {host(url)} failed: {_why(error)}") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ChannelError("unreachable", f"cannot reach {host(url)}: {_why(error)}") from None


@asynccontextmanager
async def posting(clock: Clock) -> AsyncIterator[Poster]:
    """Hold connections open; blind to the environment's proxies, without cookies."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": "anomaly-webhook", "Accept-Encoding": "identity"},
    )
    async with session:
        yield Poster(session, clock)


def refusal(status: int, message: str, wait: float = 0.0) -> ChannelError:
    """Return the error that an HTTP status other than 2xx stands for.

    Parameters
    ----------
    message : free of secrets
    wait : seconds that the other side asked for
    """
    if 300 <= status < 400:
        message = f"HTTP {status}: redirects are not followed; configure the final URL"
        return ChannelError("redirected", message, is_permanent=True)
    if status >= 500 or status in TEMPORARY:
        reason: FailureReason = "rate_limited" if status == 429 else "server_error"
        return ChannelError(reason, message, retry_after=wait)
    return ChannelError("rejected", message, is_permanent=True)


def retry_after(value: str, now: float) -> float:
    """Return the seconds that a Retry-After header asks for; 0 when it says nothing readable."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)


def checked_url(url: str) -> str:
    """Return the URL if it is http or https; the ValueError does not quote it: it may be secret."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isprintable() or " " in url:
        raise ValueError("found something that is no URL; allowed: http://… or https://…")
    return url


def check_url_field(name: str, url: Secret | None, file: Path | None) -> None:
    """Check a channel's `name` and `name_file`, of which one has to be there.

    Raises
    ------
    FieldProblem
        If neither is, or the URL is none.
    """
    if url is None and file is None:
        raise FieldProblem((name,), f"found neither {name} nor {name}_file; set one of them")
    if url is not None:
        try:
            checked_url(url.get_secret_value())
        except ValueError as error:
            raise FieldProblem((name,), str(error)) from None


async def secret_of(value: Secret | None, file: Path | None) -> str:
    """Return a secret that has to be there, read now so that it can be rotated.

    Raises
    ------
    ChannelError
        If its file cannot be read.
    """
    try:
        return await asyncio.to_thread(read_secret, value, file) or ""
    except SecretUnavailable as error:
        raise ChannelError("secret", str(error)) from None


async def secret_url(value: Secret | None, file: Path | None) -> str:
    """Return a URL that is a secret; as `secret_of`, and checked."""
    try:
        return checked_url(await secret_of(value, file))
    except ValueError as error:
        raise ChannelError("secret", str(error)) from None


def host(url: str) -> str:
    """Return host and port of a URL, which is all of it that may be shown."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def one_line(text: str, longest: int = 200, hidden: tuple[str, ...] = ()) -> str:
    """Return foreign text as one short line, each of `hidden` replaced."""
    for secret in hidden:
        if len(secret) > 1:
            text = text.replace(secret, "<hidden>")
    return " ".join(storable(text).split())[:longest]


async def _start(response: aiohttp.ClientResponse, wanted: int) -> bytes:
    """Read a body up to that many bytes."""
    raw = bytearray()
    while len(raw) < wanted and (chunk := await response.content.read(wanted - len(raw))):
        raw += chunk
    return bytes(raw)


async def _excerpt(response: aiohttp.ClientResponse, hidden: tuple[str, ...]) -> str:
    """Return the start of an error page, without anything that may hold a token of ours."""
    try:
        async with asyncio.timeout(_EXCERPT_SECONDS):
            raw = await response.content.read(_EXCERPT_BYTES)
    except (TimeoutError, aiohttp.ClientError):
        return ""
    return one_line(raw.decode("utf-8", "replace"), hidden=hidden)


def _parts(url: str) -> tuple[str, ...]:
    """Return the forms in which an answer may repeat our URL, the longest first."""
    parts = urlsplit(url)
    words = [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    tokens = sorted((word for word in words if len(word) >= _SHORTEST_TOKEN), key=len, reverse=True)
    return url, f"{parts.path}?{parts.query}", parts.path, parts.query, *tokens


def _why(error: Exception) -> str:
    """Say what failed without the URL that aiohttp's own texts may carry."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(error.certificate_error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
