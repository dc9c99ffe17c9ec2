"""What was answered with 200 survives: kill -9, SIGTERM and a full disk, under load."""

import asyncio
import random
import resource
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.webhook.daemon import daemon
from tests.webhook.killing import kill_again_and_again, people
from tests.webhook.load import UNLIMITED, Load, stored
from tests.webhook.stopping import stop_again_and_again
from webhook.dispatcher import CONCURRENCY

MIB = 2**20


@pytest.fixture(params=["sqlite", "postgresql"])
def any_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/webhook.db"
    return str(request.getfixturevalue("postgres_url"))


def write_config(folder: Path, channels: str) -> Path:
    path = folder / "webhook.yml"
    path.write_text(
        f"store: {{url: 'sqlite:///{folder}/webhook.db'}}\n{UNLIMITED}\nchannels: {channels}\n"
    )
    return path


async def test_nothing_is_lost_by_kills_and_nobody_is_paged_twice(
    tmp_path: Path, any_store_url: str
) -> None:
    chance = random.Random(4)
    async with people() as told:
        found = await kill_again_and_again(
            tmp_path, any_store_url, told, chance, kills=3, longest_life=0.5, pace=50
        )

    assert found.accepted > 100
    assert (found.lost, found.opened_twice, found.untold, found.damage) == (0, 0, 0, "ok")
    assert set(found.answers) <= {200, 503, "refused", "broken"}
    # Only what was on its way when a process died may be told twice, and then it can be seen.
    assert all(count <= 3 * CONCURRENCY for count in found.twice.values())
    assert found.twice["chat"] > 0, "no kill came between sending and writing it down"
    assert (found.pages_twice, found.mail_ids_astray) == (0, 0)
    assert found.digests > 0


async def test_stops_are_quick_under_load_and_lose_nothing(tmp_path: Path) -> None:
    found = await stop_again_and_again(tmp_path, 2, pace=300, alerts=150)

    assert found.codes == {0}
    assert max(found.seconds) < 10
    assert found.lost == 0
    # A connection that nobody answers is closed or refused, which Alertmanager takes for a 503.
    assert set(found.answers) <= {200, 503, "refused", "broken"}


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
