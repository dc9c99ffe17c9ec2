"""How does a job run again and again for as long as the daemon lives?"""

import logging
from collections.abc import Awaitable, Callable

from promkit.clock import Clock
from promkit.log import trace_id
from promkit.traces import new_trace_id

log = logging.getLogger(__name__)


async def run_every(
    what: str, seconds: Callable[[], float], job: Callable[[], Awaitable[None]], clock: Clock
) -> None:
    """Run `job` now and then so many seconds after it ended, for ever; each run is a trace.

    Parameters
    ----------
    what : for the log
    seconds : asked before each wait, so that a reload counts
    """
    while True:
        trace_id.set(new_trace_id())
        try:
            await job()
        except Exception:
            # A defect of one job must not end the daemon, nor this job for good.
            log.exception("a job failed, it is tried again", extra={"job": what})
        await clock.sleep(seconds())
