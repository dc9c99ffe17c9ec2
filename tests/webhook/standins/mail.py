"""A real SMTP server on the loopback, with TLS and login, that refuses what it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Literal

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATES = Path(__file__).parents[2] / "promkit" / "certs"
USER, PASSWORD = "alerts", "s3cr3t-password"
Step = Literal["MAIL", "RCPT", "DATA"]


@dataclass
class MailServer:
    """What arrived, and what to say instead of 250 at each step."""

    port: int = 0
    replies: dict[Step, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Recipient -> reply."""
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    heard: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self.refused.get(address) or self.replies.get("RCPT")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.replies:
            return self.replies["DATA"]
        assert isinstance(envelope.content, bytes)
        self.envelopes.append(envelope)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.heard.put_nowait(self.mails[-1]["Message-ID"])
        return "250 2.0.0 queued as 4F2A"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)


def server_tls(name: str = "server") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / f"{name}.crt", CERTIFICATES / f"{name}.key")
    return context


@asynccontextmanager
async def mail_server(
    tls: Literal["starttls", "implicit", "none"] = "none",
    certificate: str = "server",
    *,
    needs_login: bool = False,
) -> AsyncIterator[MailServer]:
    standin = MailServer()
    context = None if tls == "none" else server_tls(certificate)

    def protocol() -> SMTP:
        return SMTP(
            standin,
            hostname="mail.test",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            authenticator=standin.authenticate if needs_login else None,
            auth_required=needs_login,
            auth_require_tls=False,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if tls == "implicit" else None
    )
    standin.port = server.sockets[0].getsockname()[1]
    async with server:
        yield standin
