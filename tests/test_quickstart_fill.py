"""Does `make fill` tell what it wrote, keep below its bound, and leave nothing behind?"""

import subprocess
from pathlib import Path

from quickstart.fill import PACE, SECONDS, SIZE, empty, fill
from quickstart.programs import FOLDER, obtain


def told(run_folder: Path) -> dict[str, float]:
    lines = (run_folder / "textfile" / "folder.prom").read_text().splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_it_tells_how_full_the_folder_is_and_cleans_up(tmp_path: Path) -> None:
    names = ("quickstart_folder_used_bytes", "quickstart_folder_size_bytes")
    empty(tmp_path)
    assert told(tmp_path) == dict(zip(names, (0.0, SIZE), strict=True))
    pauses: list[float] = []
    fill(tmp_path, 3, lambda: 0.25 + 1.5 * len(pauses), pauses.append)
    assert told(tmp_path)["quickstart_folder_used_bytes"] == 3 * PACE
    assert pauses == [1.0, 0.5, 0.0]  # one that comes late does not put the others off
    empty(tmp_path)
    assert told(tmp_path)["quickstart_folder_used_bytes"] == 0.0
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["folder.prom"]


def test_it_passes_the_limit_and_never_fills_a_disk() -> None:
    assert SIZE < PACE * SECONDS < 100 * 2**20


def test_node_exporter_will_understand_it(tmp_path: Path) -> None:
    empty(tmp_path)
    done = subprocess.run(
        [obtain(FOLDER, lambda _: None)["promtool"], "check", "metrics"],
        input=(tmp_path / "textfile" / "folder.prom").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
