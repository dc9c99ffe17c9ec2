"""A channel that sends mail by SMTP.

A mail counts as sent once the server has answered 250 to its content. Each notification keeps its
Message-ID, so that one that is sent twice shows once in most mail programs, and what belongs to one
incident shares subject and thread.
"""

import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Literal, Self

import aiosmtplib
from pydantic import AfterValidator, Field, model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import DEADLINE_SECONDS, Channel, Receipt, Send
from webhook.channels.emailtext import Mail, mail
from webhook.channels.http import one_line, secret_of
from webhook.channels.present import present
from webhook.core.message import Message
from webhook.errors import ChannelError

Tls = Literal["starttls", "implicit", "none"]
_PORTS: Mapping[Tls, int] = {"starttls": 587, "implicit": 465, "none": 25}
_ADDRESS = r"^[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,255}$"
Address = Annotated[str, Field(pattern=_ADDRESS)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("found a control character; allowed: printable text")
    return text


def _some(addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise ValueError("found an empty list; write at least one address")
    return addresses


class EmailChannel(Channel):
    """Notifications as mail.

    Parameters
    ----------
    host, port : of the SMTP server; the port follows from `tls` when left out: 587, 465 or 25
    tls : starttls, implicit, or none, which sends everything in the clear and takes no password
    ca_file : whom to trust about the server's certificate, besides the system's own
    username, password, password_file : for the server, if it asks
    sender : the address in From
    sender_name : the name beside it
    recipients : the addresses in To
    """

    kind: Literal["email"] = "email"
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,255}$")]
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    tls: Tls = "starttls"
    ca_file: ConfigPath | None = None
    username: str | None = None
    password: Secret | None = None
    password_file: ConfigPath | None = None
    sender: Address
    sender_name: Annotated[str, AfterValidator(_printable)] = "Anomaly alerts"
    recipients: Annotated[tuple[Address, ...], AfterValidator(_some)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        has_password = self.password is not None or self.password_file is not None
        if has_password != (self.username is not None):
            given, missing = ("password", "username") if has_password else ("username", "password")
            raise FieldProblem((given,), f"found {given} alone; it needs {missing}")
        if has_password and self.tls == "none":
            raise FieldProblem(
                ("tls",), "found none beside a password; allowed: starttls or implicit"
            )
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender; each mail has a connection of its own."""

        async def send(message: Message) -> Receipt:
            password = None
            if self.username is not None:
                password = await secret_of(self.password, self.password_file)
            made = mail(
                message, present(message, clock.now()), self.sender, self.sender_name,
                self.recipients, clock.now(),
            )  # fmt: skip
            return await self._deliver(made, password)

        yield send

    async def _deliver(self, made: Mail, password: str | None) -> Receipt:
        server = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port or _PORTS[self.tls],
            username=self.username,
            password=password,
            # By default a lookup in the DNS that nothing bounds.
            local_hostname=_own_name(),
            timeout=DEADLINE_SECONDS,
            use_tls=self.tls == "implicit",
            start_tls=self.tls == "starttls",
            tls_context=None if self.tls == "none" else self._trust(),
        )
        hidden = () if password is None else _forms(self.username or "", password)
        try:
            await server.connect()
            refused, answer = await server.sendmail(self.sender, self.recipients, made.content)
        except (aiosmtplib.SMTPException, OSError, UnicodeError) as error:
            raise _failure(error, f"{self.host}:{server.port}", hidden) from None
        else:
            with suppress(aiosmtplib.SMTPException, OSError):
                await server.quit()
        finally:
            server.close()
        detail = f"250 {one_line(answer, hidden=hidden)}"
        if refused:
            names = "; ".join(
                f"{address} ({reply.code} {one_line(reply.message, 100, hidden)})"
                for address, reply in refused.items()
            )
            detail = f"{detail}, but refused: {names}"
        return Receipt(detail, made.handle)

    def _trust(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context()
            if self.ca_file is not None:
                context.load_verify_locations(self.ca_file)
        except OSError as error:
            raise ChannelError(
                "tls", f"ca_file {self.ca_file}: {error.strerror or 'holds no certificate'}"
            ) from None
        return context


def _forms(username: str, password: str) -> tuple[str, ...]:
    """Return the forms in which a server may repeat what we logged in with."""
    # AUTH PLAIN is RFC 4616, AUTH LOGIN says the password alone.
    sent = (f"\0{username}\0{password}", password)
    return (password, *(b64encode(form.encode()).decode() for form in sent))


def _own_name() -> str:
    """Return how we introduce ourselves: this host's name, if it can stand in a command."""
    name = socket.gethostname()
    return name if name and all(c.isalnum() or c in ".-" for c in name) else "localhost"


def _failure(error: Exception, server: str, hidden: tuple[str, ...]) -> ChannelError:
    """Return what a failure means: 4yz may get better, 5yz will not."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        replies = [(one.code, f"{one.recipient}: {one.message}") for one in error.recipients]
        words = "; ".join(f"{code} {one_line(text, 100, hidden)}" for code, text in replies)
        is_permanent = all(code >= 500 for code, _ in replies)
        return _refused(f"every recipient: {words}", is_permanent)
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code > 0:
        words = f"{error.code} {one_line(str(error.message), 200, hidden)}"
        return _refused(words, error.code >= 500)
    return _trouble(error, server, one_line(str(error), 200, hidden))


def _trouble(error: Exception, server: str, words: str) -> ChannelError:
    # The library has no class of its own for a server without STARTTLS or AUTH.
    if "extension" in words and "not supported" in words:
        return ChannelError("tls", f"{server} offers less than is configured: {words}")
    if isinstance(error, TimeoutError):
        return ChannelError("timeout", f"no answer from {server}")
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return ChannelError("tls", f"TLS with {server} failed: {words}")
    return ChannelError("unreachable", f"cannot reach {server}: {words}")


def _refused(words: str, is_permanent: bool) -> ChannelError:
    if is_permanent:
        return ChannelError("rejected", f"the server refused: {words}", is_permanent=True)
    return ChannelError("server_error", f"the server cannot take it now: {words}")
