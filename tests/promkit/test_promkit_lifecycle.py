import asyncio
import logging
import os
import signal

import pytest

from promkit.lifecycle import on_hangup, run_until_signal


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_main_to_stop(number: signal.Signals) -> None:
    async def main(stop: asyncio.Event) -> None:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        await stop.wait()

    before = signal.getsignal(number)
    await run_until_signal(main)
    # Whatever stood before, the loop's handler is gone.
    assert signal.getsignal(number) in (before, signal.SIG_DFL, signal.default_int_handler)


async def test_a_second_signal_stops_at_once() -> None:
    cleaned_up = False

    async def main(stop: asyncio.Event) -> None:
        nonlocal cleaned_up
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up = True

    with pytest.raises(SystemExit) as caught:
        await run_until_signal(main)
    assert caught.value.code == 1
    assert cleaned_up


async def test_what_main_raises_comes_out() -> None:
    async def failing(_: asyncio.Event) -> None:
        raise RuntimeError("broken")

    async def cancelled(_: asyncio.Event) -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="broken"):
        await run_until_signal(failing)
    with pytest.raises(asyncio.CancelledError):
        await run_until_signal(cancelled)


async def test_sighup_is_harmless_then_reloads_and_survives_failures(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: asyncio.Queue[int] = asyncio.Queue()
    ignored = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            ignored.set()

    async def reload() -> None:
        calls.put_nowait(1)
        raise ValueError("bad file")

    async def main(_: asyncio.Event) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await ignored.wait()
        on_hangup(reload)
        for _attempt in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            await calls.get()

    logger = logging.getLogger("promkit.lifecycle")
    logger.addHandler(listener := Listener())
    with caplog.at_level(logging.INFO):
        await run_until_signal(main)
    logger.removeHandler(listener)
    assert caplog.messages[0] == "SIGHUP ignored: not ready yet"
    assert caplog.messages.count("reload failed, keeping the old configuration") == 2
