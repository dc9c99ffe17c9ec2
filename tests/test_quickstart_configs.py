"""Do the programs themselves accept the configurations of `make run`?"""

import subprocess
from pathlib import Path

import pytest

from quickstart.programs import FOLDER, obtain
from quickstart.stack import PORTS, render_configs


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("promtool", ["check", "config", "prometheus.yml"]),
        ("amtool", ["check-config", "alertmanager.yml"]),
    ],
)
def test_configurations_are_clean(program: str, arguments: list[str], tmp_path: Path) -> None:
    render_configs(tmp_path, tmp_path, {name: port + 10_000 for name, port in PORTS.items()})
    programs = obtain(FOLDER, lambda _: None)
    done = subprocess.run(
        [programs[program], *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "127.0.0.1:19093" in (tmp_path / "prometheus.yml").read_text()
