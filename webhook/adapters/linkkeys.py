"""Which secrets sign our links? Those of a file, else one that the store keeps."""

import asyncio
import secrets
from pathlib import Path

from sqlalchemy import Connection

from promkit.clock import Clock
from promkit.errors import SecretUnavailable
from promkit.secrets import read_secret
from webhook.adapters.factstore import get_fact, put_fact
from webhook.adapters.store import Store
from webhook.core.tokens import Key

SHORTEST = 16
_FACT = "feedback_secret"


class LinkKeys:
    """The keys in force, the one that signs first.

    Parameters
    ----------
    store : keeps a secret where no file is configured; every replica then has the same
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._stored: tuple[Key, ...] = ()

    async def keys(self, file: Path | None) -> tuple[Key, ...]:
        """Return the keys; a file is read now, so that its secrets can be rotated.

        Raises
        ------
        SecretUnavailable
            If the file cannot be used.
        StoreUnavailable
            If there is no file, and the store cannot be asked.
        """
        if file is not None:
            return await asyncio.to_thread(keys_of, file)
        if not self._stored:
            now = self._clock.now()
            text = await self._store.write(lambda connection: _kept(connection, now))
            self._stored = (Key(bytes.fromhex(text)),)
        return self._stored


def keys_of(file: Path) -> tuple[Key, ...]:
    """Return the keys of a file: the first line signs, a second one is still good.

    Raises
    ------
    SecretUnavailable
        If it cannot be read, is empty, or a line of it is too short to be a secret.
    """
    lines = [line.strip() for line in (read_secret(None, file) or "").splitlines() if line.strip()]
    if len(lines) > 2:
        raise SecretUnavailable(file, f"has {len(lines)} lines; allowed: one, and the one before")
    if any(len(line) < SHORTEST for line in lines):
        raise SecretUnavailable(file, f"has a secret of less than {SHORTEST} characters")
    return tuple(Key(line.encode()) for line in lines)


def _kept(connection: Connection, now: float) -> str:
    text = get_fact(connection, _FACT)
    if not isinstance(text, str):
        text = secrets.token_hex(32)
        put_fact(connection, _FACT, text, now)
    return text
