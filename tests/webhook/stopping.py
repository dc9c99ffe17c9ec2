"""Ask the daemon to stop under load, again and again: how long does it take, and what is lost?"""

import asyncio
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from tests.e2e.programs import free_ports
from tests.webhook.daemon import daemon
from tests.webhook.receiver import receiving
from tests.webhook.sender import Sender
from webhook.adapters.schema import incidents
from webhook.config import load_config


@dataclass(frozen=True)
class Stops:
    """What became of it.

    Parameters
    ----------
    seconds : of each stop, from the signal to the end of the process
    codes : exit codes
    accepted, lost : alerts that were answered with 200, and those of them that are not stored
    answers : what the sender was answered
    """

    seconds: list[float]
    codes: set[int]
    accepted: int
    lost: int
    answers: Counter[int | str]


async def stop_again_and_again(folder: Path, stops: int, *, pace: float, alerts: int) -> Stops:
    """Stop under load, every other time while messages hang on their way.

    Parameters
    ----------
    pace : deliveries of one alert per second
    alerts : how many are taken before each stop
    """
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    seconds, codes = [], set()
    async with receiving() as people:
        config = folder / "webhook.yml"
        config.write_text(
            f"store: {{url: 'sqlite:///{folder}/webhook.db'}}\n"
            "throttle: {total: null, bypass: [critical], digest: 1s}\n"
            f"channels: [{{kind: webhook, url: '{people.url}'}}]\n"
        )
        sender = Sender(address, pace, 1, {20: "critical"})
        posting = asyncio.create_task(sender.run())
        for number in range(stops):
            async with daemon(config, address) as running:
                await sender.until_accepted(alerts)
                if number % 2:
                    people.misbehaviour = "hang"
                    people.arrived.clear()
                    await people.arrived.wait()
                began = time.monotonic()
                codes.add(await running.stop(signal.SIGTERM))
                seconds.append(time.monotonic() - began)
                people.misbehaviour = ""
                people.released.set()
                people.released = asyncio.Event()
        sender.finish()
        async with daemon(config, address):
            await posting
    engine = load_config(config.read_text(), str(config)).store.database.reading_engine()
    with engine.connect() as connection:
        stored = set(connection.execute(select(incidents.c.fingerprint)).scalars())
    engine.dispose()
    lost = len(sender.accepted.keys() - stored)
    return Stops(seconds, codes, len(sender.accepted), lost, sender.answers)
