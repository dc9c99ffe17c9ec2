import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from promkit.errors import FileInUse
from promkit.log import Logs, setup_logging, trace_id
from promkit.logfiles import LogFiles, logging_to
from promkit.logmetrics import LogMetrics
from promkit.rotating import DAY

log = logging.getLogger("part")


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def entries(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_files_have_every_line_and_errors_apart(tmp_path: Path) -> None:
    with logging_to("info", "json", tmp_path, DAY, "thing") as logs:
        log.debug("unheard")
        log.info("näher\n", extra={"query": "cpu"})
        token = trace_id.set("abc")
        log.error("bad")
        trace_id.reset(token)
    log.error("after the files were closed")
    told = entries(tmp_path / "thing.log")
    assert [(one["msg"], one.get("trace_id")) for one in told] == [
        ("näher\n", None),
        ("bad", "abc"),
    ]
    assert entries(tmp_path / "thing-errors.log") == told[1:]
    assert logs.lines == {"debug": 0, "info": 1, "warning": 0, "error": 1}
    assert logs.lost == 0


def test_without_a_folder_there_are_no_files(tmp_path: Path) -> None:
    with logging_to("info", "logfmt", None, DAY, "thing") as logs:
        log.warning("said")
    assert logs.lines["warning"] == 1
    assert logs.lost == 0
    assert not list(tmp_path.iterdir())


def test_two_processes_cannot_share_them(tmp_path: Path) -> None:
    with logging_to("info", "json", tmp_path, DAY, "thing"):
        with (
            pytest.raises(FileInUse, match="another process writes to it"),
            logging_to("info", "json", tmp_path, DAY, "thing"),
        ):
            pytest.fail("it began")
        with logging_to("info", "json", tmp_path, DAY, "other"):
            log.info("another program may use the same folder")


def started(folder: Path, max_bytes: int = 2**20) -> tuple[LogFiles, Logs, io.StringIO]:
    files = LogFiles(folder, "thing", DAY, max_bytes=max_bytes)
    stream = io.StringIO()
    logs = setup_logging("info", "json", stream, files)
    files.start()
    return files, logs, stream


def test_what_cannot_be_written_is_said_once_counted_and_heals(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.touch()
    files, logs, stream = started(folder)
    for i in range(50):
        log.info("lost %d", i)
    until(lambda: logs.lost >= 50)
    folder.unlink()
    log.error("heard")
    until(lambda: stream.getvalue().count("log files work again") == 2)
    files.close()
    assert entries(folder / "thing-errors.log")[0]["msg"] == "heard"
    err = stream.getvalue()
    # Once for each of the two files.
    assert err.count("a log file cannot be written") == 2
    assert err.count("lost 49") == 1
    registry = CollectorRegistry()
    registry.register(LogMetrics("anomaly_thing", logs))
    page = generate_latest(registry).decode()
    assert f"anomaly_thing_log_lines_lost_total {float(logs.lost)}" in page
    assert 'anomaly_thing_log_lines_total{level="error"} 3.0' in page


def test_who_logs_never_waits_for_a_disk_that_hangs(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, "thing", DAY)
    # Nobody takes anything out, as while a write hangs.
    for _ in range(20_010):
        files.put("line", logging.INFO)
    assert files.lost == 10


def test_a_storm_rotates_and_is_compressed(tmp_path: Path) -> None:
    files, logs, _ = started(tmp_path, max_bytes=20_000)
    for i in range(3_000):
        log.info("line %d", i)
    until(lambda: len(list(tmp_path.glob("thing-2*.log.gz"))) >= 3)
    files.close()
    assert logs.lost == 0


def test_an_old_file_that_cannot_be_deleted_is_told_and_nothing_else_suffers(
    tmp_path: Path,
) -> None:
    (tmp_path / "thing-2020-01-01.0001.log").mkdir()
    files, logs, stream = started(tmp_path)
    until(lambda: "old log files cannot be compressed or deleted" in stream.getvalue())
    log.info("written")
    files.close()
    assert "written" in {one["msg"] for one in entries(tmp_path / "thing.log")}
    assert logs.lost == 0
