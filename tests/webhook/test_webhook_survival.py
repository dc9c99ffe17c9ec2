"""What was answered with 200 survives: kill -9, SIGTERM and a full disk, under load."""

import asyncio
import resource
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.webhook.daemon import daemon
from tests.webhook.load import UNLIMITED, Load, stored, until_all_sent
from tests.webhook.receiver import receiving
from webhook.dispatcher import CONCURRENCY

MIB = 2**20


def write_config(folder: Path, channels: str) -> Path:
    path = folder / "webhook.yml"
    path.write_text(
        f"store: {{url: 'sqlite:///{folder}/webhook.db'}}\n{UNLIMITED}\nchannels: {channels}\n"
    )
    return path


@pytest.mark.parametrize(("how", "rounds"), [(signal.SIGKILL, 2), (signal.SIGTERM, 1)])
async def test_every_accepted_alert_is_stored_and_notified(
    tmp_path: Path, how: signal.Signals, rounds: int
) -> None:
    load = Load()
    async with receiving() as receiver:
        config = write_config(tmp_path, f"[{{kind: webhook, url: '{receiver.url}'}}]")
        for round_number in range(1, rounds + 1):
            async with daemon(config) as running:
                posting = asyncio.create_task(load.run(running))
                await load.until_accepted(round_number * 150)
                code = await running.stop(how)
                await posting
            assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)

        async with daemon(config) as running:
            assert load.accepted <= await stored(running)
            await until_all_sent(running, receiver)

    told = [headers["webhook-id"].split("-")[0] for headers, _ in receiver.requests]
    assert load.accepted <= set(told)
    # Only what was on its way when the process died may be told twice.
    assert len(told) - len(set(told)) <= rounds * CONCURRENCY


async def test_a_full_disk_refuses_alerts_and_loses_none(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk: it works for every user."""
    load = Load()
    config = write_config(tmp_path, "[{kind: log, severities: [info]}]")
    async with daemon(config) as running:
        pid = running.process.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (MIB, hard))
        posting = asyncio.create_task(load.run(running, size=8_000))
        await load.until_refused()
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{running.url}/-/healthy") as healthy,
        ):
            assert healthy.status == 200, "it lives, and says why not"
        before = len(load.accepted)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await load.until_accepted(before + 100)
        posting.cancel()
        await asyncio.wait([posting])
        assert load.accepted <= await stored(running)
        await running.stop(signal.SIGKILL)

    async with daemon(config) as running:
        assert load.accepted <= await stored(running)
    assert load.statuses == {200, 503}
