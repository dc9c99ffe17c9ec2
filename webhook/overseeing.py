"""How is everything now? Found out part by part, all at once, for everybody who looks."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection

from promkit.clock import Clock
from webhook.adapters.currentmetrics import conversion, drifted, models, watched
from webhook.adapters.digests import due_at
from webhook.adapters.factstore import get_fact
from webhook.adapters.lately import groups_since, lately
from webhook.adapters.prometheus import Prometheus, PrometheusError
from webhook.adapters.queries import ChannelState, channel_states, counts, quarantined
from webhook.adapters.store import Store
from webhook.asking import Asking
from webhook.config import WebhookConfig
from webhook.core.quality import Quality
from webhook.core.severity import LEVELS
from webhook.errors import StoreUnavailable
from webhook.heartbeat import HEARD_AT
from webhook.reconciler import COVERED
from webhook.web.overview import DAY, ChannelKind, Lately, Ourselves, Overview, Part

log = logging.getLogger(__name__)

T = TypeVar("T")

PARTS_SECONDS = 2.5
KEPT_SECONDS = 15.0
# A storm must not make a page that no browser can show.
_MOST = 1_000
_UNCONFIGURED = "No Prometheus is configured: prometheus.url says which to ask."


@dataclass(frozen=True, slots=True)
class _Kept:
    until: float
    overview: "asyncio.Task[Overview]"


class Overseer:
    """Finds out, and remembers for some seconds, how everything is.

    Parameters
    ----------
    config : returns what is in force
    not_ready : None, or why the daemon cannot take alerts now
    quality : returns what is known by query and window
    seconds : that a reader waits
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: Callable[[], WebhookConfig],
        not_ready: Callable[[], str | None],
        quality: Callable[[], Mapping[tuple[str, str], Quality]],
        version: str,
        seconds: float = PARTS_SECONDS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._not_ready = not_ready
        self._quality = quality
        self._version = version
        self._seconds = seconds
        self._asking = Asking(config)
        self._kept: _Kept | None = None

    def close(self) -> None:
        """Let go of the threads."""
        self._asking.close()

    def channels(self) -> Sequence[ChannelKind]:
        """Return the channels that are configured."""
        return [
            ChannelKind(
                channel.name,
                channel.kind,
                channel.pace,
                [level for level in LEVELS if level in (channel.levels or ())],
                sorted(channel.severities or ()),
            )
            for channel in self._config().channels
        ]

    async def look(self) -> Overview:
        """Return how everything is, or was some seconds ago."""
        now = self._clock.monotonic()
        if self._kept is None or self._kept.until <= now:
            self._kept = _Kept(now + KEPT_SECONDS, asyncio.create_task(self._look()))
        # A reader who leaves must not take the answer from the others.
        return await asyncio.shield(self._kept.overview)

    async def _look(self) -> Overview:
        now = self._clock.now()
        async with asyncio.TaskGroup() as tasks:
            ourselves = tasks.create_task(self._stored(self._ourselves))
            happened = tasks.create_task(
                self._stored(lambda connection: Lately(*lately(connection, now - DAY, _MOST)))
            )
            groups = tasks.create_task(
                self._stored(lambda connection: groups_since(connection, now - DAY))
            )
            seen = tasks.create_task(self._asked(watched, now))
            changed = tasks.create_task(self._asked(drifted, now))
            own = tasks.create_task(self._asked(models, now))
            share = tasks.create_task(self._asked(conversion, now))
        return Overview(
            at=now,
            version=self._version,
            not_ready=self._not_ready(),
            ourselves=ourselves.result(),
            lately=happened.result(),
            groups=groups.result(),
            watched=seen.result(),
            drifted=changed.result(),
            models=own.result(),
            conversion=share.result(),
            quality=self._quality(),
        )

    def _ourselves(self, connection: Connection) -> Ourselves:
        config, states = self._config(), channel_states(connection)
        switch = config.dead_mans_switch
        names = (*(channel.name for channel in config.channels), *states)
        heard_at, covered = get_fact(connection, HEARD_AT), get_fact(connection, COVERED)
        return Ourselves(
            counts=counts(connection),
            named_at=due_at(connection),
            quarantined=quarantined(connection),
            channels={
                name: states.get(name, ChannelState({}, None, "")) for name in dict.fromkeys(names)
            },
            heard_at=float(heard_at) if heard_at else None,
            silent_after=None if switch is None else switch.after,
            compared_at=float(covered) if covered else None,
            compares=config.alertmanager is not None,
        )

    async def _stored(self, read: Callable[[Connection], T]) -> Part[T]:
        try:
            async with asyncio.timeout(self._seconds):
                return Part(await self._store.read(read))
        except StoreUnavailable as error:
            return Part(problem=f"The store cannot be read: {error}.")
        except TimeoutError:
            return Part(problem=f"The store has not answered within {self._seconds:g} s.")

    async def _asked(
        self, ask: Callable[[Prometheus, float, float], Awaitable[T]], now: float
    ) -> Part[T]:
        prometheus = self._asking.prometheus()
        if prometheus is None:
            return Part(problem=_UNCONFIGURED)
        try:
            return Part(await ask(prometheus, now, self._seconds))
        except PrometheusError as error:
            log.info("Prometheus tells nothing", extra={"problem": str(error)})
            return Part(problem=f"Prometheus does not answer: {error}.")
