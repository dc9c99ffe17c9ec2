"""Two daemons share a PostgreSQL database: what one promises holds though the other dies."""

import asyncio
import random
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psycopg
import pytest

from tests.webhook.daemon import Daemon, daemon
from tests.webhook.deliveries import alert_json, body
from tests.webhook.load import UNLIMITED, Load, pages, stored, until_all_sent
from tests.webhook.postgres import PostgresServer, running_postgres
from tests.webhook.receiver import receiving
from webhook.dispatcher import CONCURRENCY

KILLS = 2


@pytest.fixture
def config(tmp_path: Path, postgres_url: str) -> Path:
    path = tmp_path / "webhook.yml"
    path.write_text(f"store: {{url: '{postgres_url}'}}\n")
    return path


def add(config: Path, text: str) -> None:
    with config.open("a") as file:
        file.write(f"{text}\n")


async def test_kills_and_a_restart_of_the_server_lose_nothing(tmp_path: Path) -> None:
    """What died with a lease is due a minute later; here that minute is written down."""
    config = tmp_path / "webhook.yml"
    load = Load(pause=0.1)
    chance = random.Random(14)
    with running_postgres() as server:
        url = server.new_database()
        config.write_text(f"store: {{url: '{url}'}}\n{UNLIMITED}\n")
        async with receiving() as receiver:
            add(config, f"channels: [{{kind: webhook, url: '{receiver.url}'}}]")
            async with AsyncExitStack() as stack:
                # Both at once: one of them makes the tables, the other waits for it.
                starting = (stack.enter_async_context(daemon(config)) for _ in range(2))
                replicas = list(await asyncio.gather(*starting))
                posting = [asyncio.create_task(load.run(each, clients=4)) for each in replicas]
                for _ in range(KILLS):
                    await load.until_accepted(len(load.accepted) + 40)
                    which = chance.randrange(2)
                    await replicas[which].stop(signal.SIGKILL)
                    await posting[which]
                    replicas[which] = await stack.enter_async_context(daemon(config))
                    posting[which] = asyncio.create_task(load.run(replicas[which], clients=4))
                await restarted(server, load)
                await load.until_accepted(len(load.accepted) + 40)
                for each in replicas:
                    assert await each.stop(signal.SIGTERM) == 0
                await asyncio.gather(*posting)
            with psycopg.connect(url) as connection:
                connection.execute("UPDATE notifications SET leased_until = 0")
            async with daemon(config) as last:
                assert load.accepted <= await stored(last)
                await until_all_sent(last, receiver)

    told = [headers["webhook-id"].split("-")[0] for headers, _ in receiver.requests]
    assert load.accepted <= set(told)
    assert load.statuses <= {200, 503}
    # Only what was on its way when a process died may be told twice.
    assert len(told) - len(set(told)) <= KILLS * CONCURRENCY


async def restarted(server: PostgresServer, load: Load) -> None:
    """Pull the server's plug under load, and plug it in again once that was noticed."""
    load.statuses.clear()
    await asyncio.to_thread(server.stop, "immediate")
    await load.until_refused()
    await asyncio.to_thread(server.start)


async def test_limits_hold_over_all_replicas(config: Path) -> None:
    async with receiving() as receiver, AsyncExitStack() as stack:
        add(config, "correlation: null")
        add(config, f"channels: [{{kind: webhook, url: '{receiver.url}'}}]")
        starting = (stack.enter_async_context(daemon(config)) for _ in range(2))
        replicas = await asyncio.gather(*starting)
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(
                *(post(session, replicas[i % 2], f"f{i}") for i in range(40)),
            )
            decided: list[str] = ["new"]
            while {"new", "pending"} & set(decided):
                found = await pages(session, replicas[0], "notifications")
                decided = [item["state"] for item in found]

    assert sorted(set(decided)) == ["held", "sent"]
    # One place of the ten is kept for the digest.
    assert decided.count("sent") == len(receiver.requests) == 9


async def post(session: aiohttp.ClientSession, daemon: Daemon, name: str) -> None:
    labels = {"alertname": name, "severity": "critical", "query": name}
    raw = body(alert_json(fingerprint=name, labels=labels))
    async with session.post(f"{daemon.url}/api/v1/alerts", data=raw) as answer:
        assert answer.status == 200
