import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from promkit.clock import ManualClock
from promkit.errors import ConfigProblems
from promkit.reload import ConfigWatcher


class Daemon:
    """Takes any text but "bad" into use."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(start=1000.0)
        self.watcher = ConfigWatcher(path, self.apply, self.clock, interval=30.0)
        self.text = ""
        self.attempts = 0

    async def apply(self, text: str) -> None:
        self.attempts += 1
        if text == "bad":
            raise ConfigProblems(["c.yml:1: x: found bad"])
        self.text = text

    @asynccontextmanager
    async def polling(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watcher.run())
        await self.clock.until_sleeping()
        yield
        task.cancel()
        await asyncio.wait([task])

    async def poll(self) -> None:
        await self.clock.advance(30)
        await self.clock.until_sleeping()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "c.yml"
    path.write_text("one")
    return path


async def test_reload_applies_the_file_and_dates_the_success(path: Path) -> None:
    daemon = Daemon(path)
    assert not daemon.watcher.last_reload_successful
    await daemon.watcher.reload()
    assert daemon.text == "one"
    assert daemon.watcher.last_reload_successful
    assert daemon.watcher.last_reload_success_timestamp == 1000.0


async def test_a_refused_file_leaves_the_old_values_and_shows(path: Path) -> None:
    daemon = Daemon(path)
    await daemon.watcher.reload()
    path.write_text("bad")
    with pytest.raises(ConfigProblems, match="found bad"):
        await daemon.watcher.reload()
    assert daemon.text == "one"
    assert not daemon.watcher.last_reload_successful
    assert daemon.watcher.last_reload_success_timestamp == 1000.0


async def test_polling_follows_the_content_and_reports_each_change_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = Daemon(path)
    await daemon.watcher.reload()
    async with daemon.polling():
        await daemon.poll()
        assert daemon.attempts == 1  # unchanged

        path.write_text("bad")
        with caplog.at_level(logging.ERROR):
            await daemon.poll()
            await daemon.poll()
        assert daemon.attempts == 2
        assert len(caplog.records) == 1
        assert not daemon.watcher.last_reload_successful

        path.write_text("two")
        await daemon.poll()
        assert daemon.text == "two"
        assert daemon.watcher.last_reload_successful
        assert daemon.watcher.last_reload_success_timestamp == 1120.0


async def test_a_swapped_symlink_is_a_change(tmp_path: Path) -> None:
    # The way Kubernetes updates a ConfigMap: c.yml -> ..data/c.yml, ..data -> a dated folder.
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "c.yml").write_text(version)
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "c.yml").symlink_to("data/c.yml")
    daemon = Daemon(tmp_path / "c.yml")
    await daemon.watcher.reload()
    async with daemon.polling():
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").rename(tmp_path / "data")
        await daemon.poll()
    assert daemon.text == "two"


async def test_a_missing_file_is_a_problem_reported_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    daemon = Daemon(path)
    await daemon.watcher.reload()
    path.unlink()
    with pytest.raises(ConfigProblems, match=r"c\.yml:1: cannot be read: No such file"):
        await daemon.watcher.reload()
    async with daemon.polling():
        with caplog.at_level(logging.ERROR):
            await daemon.poll()
        assert not caplog.records
        path.write_text("one")
        await daemon.poll()
    assert daemon.watcher.last_reload_successful


async def test_bytes_that_are_no_text_are_a_problem_with_a_line(path: Path) -> None:
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigProblems, match=r"c\.yml:2: found bytes that are not UTF-8"):
        await Daemon(path).watcher.reload()
