"""What keeps the store in order while the daemon runs?"""

import contextlib
import logging
from collections.abc import Callable

from promkit.clock import Clock
from webhook.adapters.archive import Archive
from webhook.adapters.store import Store
from webhook.config import WebhookConfig
from webhook.errors import StoreError

log = logging.getLogger(__name__)

DAY = 86_400.0
# How soon a store that failed is found to work again when no alert comes.
PROBE_SECONDS = 5.0


async def probe_store(store: Store, clock: Clock) -> None:
    """Find out for ever whether a store that failed works again."""
    while True:
        await clock.sleep(PROBE_SECONDS)
        if store.failure is not None:
            # The writer logs what comes of it, and readiness shows it.
            with contextlib.suppress(StoreError):
                await store.probe()


async def clean_daily(store: Store, clock: Clock, config: Callable[[], WebhookConfig]) -> None:
    """Delete every day, for ever, what is older than the retention in force."""
    while True:
        settings = config().store
        archive = None if settings.archive is None else Archive(settings.archive)
        channels = tuple(channel.name for channel in config().channels)
        try:
            deleted = await store.clean(channels, settings.retention, clock.now(), archive)
            if deleted:
                log.info("old incidents deleted", extra={"rows": deleted})
        except StoreError as error:
            log.warning("cannot delete old incidents", extra={"problem": str(error)})
        await clock.sleep(DAY)
