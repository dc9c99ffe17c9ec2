import gzip
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from promkit.errors import FileInUse
from promkit.rotating import DAY, RotatingFile

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
TODAY = "2026-09-21"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def content(folder: Path, name: str) -> list[str]:
    """Every line that any file of that name holds, the oldest file first."""
    found: list[str] = []
    rotated = sorted(folder.glob(f"{name}-*.log*"))
    for path in [*rotated, folder / f"{name}.log"]:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
        assert not text or text.endswith("\n")
        found += text.splitlines()
    return found


def opened(folder: Path, max_bytes: int = 64) -> RotatingFile:
    return RotatingFile(folder, "part", "log", 3 * DAY, max_bytes)


def test_a_full_file_and_a_new_day_rotate(tmp_path: Path) -> None:
    file = opened(tmp_path / "made" / "on the way", 10)
    folder = file.path.parent
    assert file.append(b"12345\n", NOW) is False
    assert file.append(b"678\n", NOW) is False
    assert file.append(b"9\n", NOW) is True
    assert file.append(b"next day\n", NOW + DAY) is True
    assert names(folder) == [f"part-{TODAY}.0001.log", f"part-{TODAY}.0002.log", "part.log"]
    file.tidy(NOW + DAY)
    assert names(folder) == [f"part-{TODAY}.0001.log.gz", f"part-{TODAY}.0002.log.gz", "part.log"]
    assert content(folder, "part") == ["12345", "678", "9", "next day"]
    # A number is not given twice, although the file that had it is compressed by now.
    file.append(b"1\n", NOW + DAY)
    assert file.roll(NOW + 2 * DAY) is True
    assert file.roll(NOW + 2 * DAY) is False


def test_what_is_older_than_the_retention_goes_and_nothing_else(tmp_path: Path) -> None:
    file = opened(tmp_path)
    for day in range(6):
        file.append(f"day {day}\n".encode(), NOW + day * DAY)
    for other in ("part-errors-2020-01-01.0001.log", "party-2020-01-01.0001.log", "part-old.log"):
        (tmp_path / other).touch()
    file.tidy(NOW + 5 * DAY)
    assert [name for name in names(tmp_path) if name.endswith(".gz")] == [
        "part-2026-09-23.0001.log.gz",
        "part-2026-09-24.0001.log.gz",
        "part-2026-09-25.0001.log.gz",
    ]
    assert len(names(tmp_path)) == 3 + 3 + 1


def test_a_file_from_before_a_restart_keeps_its_day(tmp_path: Path) -> None:
    (tmp_path / "part.log").write_text("old\n")
    os.utime(tmp_path / "part.log", (NOW, NOW))
    opened(tmp_path).append(b"new\n", NOW + DAY)
    assert (tmp_path / f"part-{TODAY}.0001.log").read_text() == "old\n"


def test_half_a_line_that_a_kill_left_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "part.log").write_bytes(b"whole\n" + b"half" * 600_000)
    os.utime(tmp_path / "part.log", (NOW, NOW))
    file = opened(tmp_path, 1_000)
    file.open()
    assert (tmp_path / "part.log").read_text() == "whole\n"
    os.utime(tmp_path / "part.log", (NOW, NOW))
    file.close()
    file.append(b"next\n", NOW)
    assert (tmp_path / "part.log").read_text() == "whole\nnext\n"
    (tmp_path / "other.log").write_bytes(b"nothing but half a line")
    other = RotatingFile(tmp_path, "other", "log", DAY)
    other.open()
    assert (tmp_path / "other.log").read_bytes() == b""


def test_what_a_kill_left_undone_is_done_by_the_next_tidying(tmp_path: Path) -> None:
    name = f"part-{TODAY}.0001.log"
    # Killed after the compressed file got its name, before the plain one was deleted; and another
    # time in the middle of compressing.
    (tmp_path / name).write_text("line\n")
    (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b"line\n"))
    (tmp_path / f"part-{TODAY}.0002.log").write_text("more\n")
    (tmp_path / f".part-{TODAY}.0002.log.gz.tmp").write_bytes(b"half")
    file = opened(tmp_path)
    file.append(b"newest\n", NOW)
    file.tidy(NOW)
    assert names(tmp_path) == [f"{name}.gz", f"part-{TODAY}.0002.log.gz", "part.log"]
    assert content(tmp_path, "part") == ["line", "more", "newest"]


def test_one_process_has_it_alone(tmp_path: Path) -> None:
    first, second = opened(tmp_path), opened(tmp_path)
    first.append(b"mine\n", NOW)
    with pytest.raises(FileInUse, match=r"part\.log: another process writes to it; give each"):
        second.open()
    first.close()
    second.append(b"theirs\n", NOW)
    assert content(tmp_path, "part") == ["mine", "theirs"]


def test_it_heals_once_the_folder_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.touch()
    file = opened(folder)
    with pytest.raises(OSError, match="logs"):
        file.append(b"lost\n", NOW)
    folder.unlink()
    file.append(b"first\n", NOW)
    # Somebody moved the file away under us, and then the whole folder.
    file.path.rename(tmp_path / "kept.log")
    file.append(b"second\n", NOW)
    folder.rename(tmp_path / "gone")
    file.append(b"third\n", NOW)
    assert (tmp_path / "gone" / "part.log").read_text() == "second\n"
    assert file.path.read_text() == "third\n"


_FILLED = """
import resource, sys, time
from pathlib import Path
from promkit.rotating import RotatingFile
# The kernel writes up to the limit and then refuses, as on a disk that fills up.
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
file = RotatingFile(Path(sys.argv[1]), "part", "log", 86400.0)
written = 0
for i in range(5):
    try:
        file.append(b"x" * 39 + b"\\n", time.time(), durably=True)
        written += 1
    except OSError:
        pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
file.append(b"healed\\n", time.time())
print(written)
"""


def test_a_line_that_only_fits_in_part_leaves_no_trace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILLED, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n"
    assert content(tmp_path, "part") == ["x" * 39, "x" * 39, "healed"]


_BUSY = """
import sys, time
from pathlib import Path
from promkit.rotating import RotatingFile
file = RotatingFile(Path(sys.argv[1]), "part", "log", 864000.0, 400)
i = int(sys.argv[2])
while True:
    if file.append(b"%d\\n" % i, time.time()):
        file.tidy(time.time())
    sys.stdout.write("%d\\n" % i)
    sys.stdout.flush()
    i += 1
"""


def test_kills_in_the_middle_of_rotating_and_compressing_lose_no_line(tmp_path: Path) -> None:
    told: list[int] = []
    for round_ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _BUSY, str(tmp_path), str(len(told))],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for _ in range(150 + 37 * round_):
                told.append(int(process.stdout.readline()))
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout if line.endswith("\n")]
        file = RotatingFile(tmp_path, "part", "log", 10 * DAY, 400)
        file.open()
        file.tidy(time.time())
        file.close()
        lines = [int(line) for line in content(tmp_path, "part")]
        # The last one may have been written without that it could still be told.
        assert lines[: len(told)] == told == list(range(len(told)))
        assert len(lines) <= len(told) + 1
        told = lines
    assert all(name.endswith(".gz") for name in names(tmp_path)[:-1])


def test_the_limit_of_open_files_is_not_reached_by_failures(tmp_path: Path) -> None:
    file = opened(tmp_path)
    (tmp_path / "part.log").mkdir()
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(min(50, most)):
        with pytest.raises(IsADirectoryError):
            file.append(b"x\n", NOW)
    assert len(os.listdir("/proc/self/fd")) <= before


def test_what_cannot_be_compressed_leaves_no_half_of_it(tmp_path: Path) -> None:
    file = opened(tmp_path)
    file.append(b"line\n", NOW)
    (tmp_path / f"part-{TODAY}.0001.log").mkdir()
    with pytest.raises(IsADirectoryError):
        file.tidy(NOW)
    assert names(tmp_path) == [f"part-{TODAY}.0001.log", "part.log"]
    assert file.append(b"goes on\n", NOW) is False
