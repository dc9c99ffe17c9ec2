"""A channel for everything else: the hundred services that Apprise knows (extra `apprise`).

Apprise only says whether it worked, so each failure is tried again, and it cannot be interrupted,
so it works in threads of its own.
"""

import asyncio
import importlib.util
import logging
import re
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Literal, Self

from pydantic import model_validator

from promkit.clock import Clock
from promkit.errors import FieldProblem
from promkit.secrets import Secret
from promkit.strictyaml import ConfigPath
from webhook.channels.base import Channel, Receipt, Send
from webhook.channels.http import secret_of
from webhook.channels.present import Sheet, present
from webhook.core.message import Message
from webhook.errors import ChannelError

log = logging.getLogger(__name__)

_THREADS = 4
_MENTION = re.compile("@|<(?=[!#])")
_TYPES = {"critical": "failure", "high": "failure", "medium": "warning", "low": "info"}
_STATES = {"resolved": "success", "digest": "info"}


class AppriseChannel(Channel):
    """Notifications through services that Apprise supports.

    Parameters
    ----------
    urls : Apprise's addresses, e.g. ntfys://topic; they hold tokens, so they are never shown
    urls_file : the same, one per line; # begins a comment
    """

    kind: Literal["apprise"] = "apprise"
    urls: tuple[Secret, ...] | None = None
    urls_file: ConfigPath | None = None

    @property
    def pace(self) -> float:
        """One second: most chat services limit at that."""
        return 1.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if importlib.util.find_spec("apprise") is None:
            raise FieldProblem(
                ("kind",),
                "found apprise, which needs: pip install 'anomaly-exporter[apprise]'",
            )
        if not self.urls and self.urls_file is None:
            raise FieldProblem(("urls",), "found neither urls nor urls_file; set one of them")
        return self

    @asynccontextmanager
    async def connect(self, clock: Clock) -> AsyncIterator[Send]:
        """Yield a sender with threads of its own: a service that hangs holds up nobody else."""
        # Its log lines may hold what came back from a service, and so a token.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"apprise {self.name}")

        async def send(message: Message) -> Receipt:
            urls = await self._urls()
            sheet = present(message, clock.now())
            loop = asyncio.get_running_loop()
            failed = await loop.run_in_executor(threads, _deliver, urls, sheet)
            if len(failed) == len(urls):
                raise ChannelError("server_error", f"Apprise could not deliver to {_named(failed)}")
            if failed:
                log.warning("some services failed", extra={"channel": self.name, "to": failed})
                return Receipt(f"delivered, but not to {_named(failed)}")
            return Receipt(f"delivered to {len(urls)} of {len(urls)}")

        try:
            yield send
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    async def _urls(self) -> Sequence[str]:
        if self.urls is not None:
            return [url.get_secret_value() for url in self.urls]
        lines = (await secret_of(None, self.urls_file)).splitlines()
        urls = [text for line in lines if (text := line.strip()) and not text.startswith("#")]
        if not urls:
            raise ChannelError("secret", f"secret file {self.urls_file}: holds no address")
        return urls


def _deliver(urls: Sequence[str], sheet: Sheet) -> list[str]:
    """Send to each in turn; return which failed, by number and service."""
    import apprise

    kind = _STATES.get(sheet.state) or _TYPES.get(sheet.level, "info")
    failed = []
    for number, url in enumerate(urls, 1):
        service: Any = apprise.Apprise.instantiate(url)
        if service is None:
            failed.append(f"number {number}, which is no address that Apprise knows")
        elif not service.notify(title=_calm(sheet.title), body=_body(sheet), notify_type=kind):
            failed.append(f"number {number} ({service.service_name})")
    return failed


def _body(sheet: Sheet) -> str:
    _, _, text = sheet.text().partition("\n")
    links = "\n".join(f"{link.text}: {link.url}" for link in (*sheet.links, *sheet.verdicts))
    return f"{_calm(text)}\n{links}".strip()


def _calm(text: str) -> str:
    """Return text in which no service finds a mention: a label must not call people."""
    return _MENTION.sub("\\g<0>\N{ZERO WIDTH SPACE}", text)


def _named(failed: Sequence[str]) -> str:
    return "; ".join(failed)
