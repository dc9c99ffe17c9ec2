"""How a daemon stops and reloads: signals become events and callbacks on the loop."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_STOPPING = (signal.SIGTERM, signal.SIGINT)


async def run_until_signal(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run ``main(stop)``; the first SIGTERM or SIGINT sets ``stop``, a second one cancels it.

    SIGHUP does nothing until `on_hangup` says what it means.

    Raises
    ------
    SystemExit
        With status 1, if a second signal came before ``main`` returned.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(stop))

    def on_stop(number: signal.Signals) -> None:
        if stop.is_set():
            log.warning("second signal, stopping at once", extra={"signal": number.name})
            task.cancel()
        else:
            log.info("stopping", extra={"signal": number.name})
            stop.set()

    for number in _STOPPING:
        loop.add_signal_handler(number, on_stop, number)
    loop.add_signal_handler(signal.SIGHUP, lambda: log.info("SIGHUP ignored: not ready yet"))
    try:
        await task
    except asyncio.CancelledError:
        if stop.is_set():
            raise SystemExit(1) from None
        raise
    finally:
        for number in (*_STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(number)


def on_hangup(reload: Callable[[], Awaitable[None]]) -> None:
    """Call ``reload()`` on the running loop at every SIGHUP; its failure is logged, not raised."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    async def guarded() -> None:
        try:
            await reload()
        except Exception as error:
            # A signal has nobody to answer to, and a bad file must not stop the daemon.
            log.error("reload failed, keeping the old configuration", extra={"error": error})

    def on_signal() -> None:
        task = loop.create_task(guarded())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, on_signal)
