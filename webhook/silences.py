"""Which silences does Alertmanager know? Asked every minute; the last answer holds without one."""

import asyncio
import logging

from prometheus_client import CollectorRegistry

from promkit.clock import Clock
from webhook.adapters.alertmanager import Alertmanager
from webhook.adapters.silencemetrics import Known, SilenceMetrics
from webhook.core.silences import publishable
from webhook.errors import LookupFailed

log = logging.getLogger(__name__)

READ_SECONDS = 60.0


class Silences:
    """What was read last.

    Parameters
    ----------
    registry : takes metrics
    clock : time
    """

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._known: Known | None = None
        self._metrics = SilenceMetrics(registry, lambda: self._known)

    async def run(self, alertmanager: Alertmanager | None) -> None:
        """Read once; failures are counted and logged, never raised.

        Parameters
        ----------
        alertmanager : None where none is configured: then nothing is known
        """
        if alertmanager is None:
            self._known = None
            return
        try:
            found = await asyncio.to_thread(alertmanager.silences)
        except LookupFailed as error:
            self._metrics.failed(error.reason)
            log.warning(
                "silences cannot be read, those read last hold",
                extra={"reason": error.reason, "problem": str(error)},
            )
            return
        now = self._clock.now()
        kept, left_out = publishable(found, now)
        self._known = Known(tuple(kept), left_out, now)
