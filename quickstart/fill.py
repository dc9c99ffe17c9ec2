"""Fill a folder at a steady pace, and say what should happen meanwhile.

Safe on any disk: a file of 70 MiB at most, in a folder whose size is an invented one.
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from promkit.atomicfile import write_atomically
from quickstart.stack import ROOT

SIZE = 64 * 2**20
PACE = 100 * 2**10
"""Bytes per second: full after eleven minutes."""

SECONDS = SIZE // PACE + 60
"""It goes on for a minute beyond the limit."""


def publish(run_folder: Path) -> None:
    """Have node_exporter tell how full the folder is, and what its size is said to be."""
    used = sum(file.stat().st_size for file in (run_folder / "fill").glob("*"))
    (run_folder / "textfile").mkdir(parents=True, exist_ok=True)
    lines = [
        "# HELP quickstart_folder_used_bytes Size of the files that `make fill` writes.",
        "# TYPE quickstart_folder_used_bytes gauge",
        f"quickstart_folder_used_bytes {used}",
        "# HELP quickstart_folder_size_bytes When the folder counts as full; invented.",
        "# TYPE quickstart_folder_size_bytes gauge",
        f"quickstart_folder_size_bytes {SIZE}",
        "",
    ]
    write_atomically(run_folder / "textfile" / "folder.prom", "\n".join(lines).encode())


def empty(run_folder: Path) -> None:
    """Remove what was written."""
    shutil.rmtree(run_folder / "fill", ignore_errors=True)
    publish(run_folder)


def main() -> int:
    """Fill, then make room again."""
    run_folder = ROOT / ".run"
    if not (run_folder / "textfile").exists():
        print("the folder is watched by the stack of `make run`: start that first", file=sys.stderr)
        return 1
    if shutil.disk_usage(run_folder).free < 16 * SIZE:
        print(f"less than 1 GiB is free on the disk of {run_folder}: not today", file=sys.stderr)
        return 1
    print(
        f"writing {PACE // 2**10} KiB/s into .run/fill, which counts as full at "
        f"{SIZE // 2**20} MiB, in {round(SIZE / PACE / 60)} minutes;\n"
        "in about five the log of `make run` and the page of the webhook show "
        "AnomalyBreachPredicted for folder.\n"
        "Ctrl-C makes room at any time: a breach that was predicted counts as averted then"
    )
    empty(run_folder)
    try:
        fill(run_folder, SECONDS, time.monotonic, time.sleep)
    except KeyboardInterrupt:
        print()
    finally:
        empty(run_folder)
    print("room was made; if there was an alert, it is resolved some ten minutes from now")
    return 0


def fill(
    run_folder: Path,
    seconds: int,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Write for so many seconds.

    monotonic, sleep : seconds that never go back; wait so many
    """
    began = monotonic()
    (run_folder / "fill").mkdir()
    with (run_folder / "fill" / "zeros").open("wb", buffering=0) as file:
        for second in range(1, seconds + 1):
            file.write(bytes(PACE))
            publish(run_folder)
            sleep(max(0.0, began + second - monotonic()))


if __name__ == "__main__":
    sys.exit(main())
