"""Where machine code is kept: told by processes of their own, since it is settled at the import."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from exporter.core import peaks
from exporter.core.kernels import READY_MADE, uncompiled

PROGRAM = """
import numpy as np
from exporter.core import kernels, peaks
peaks._begin(np.ones((1, 1)), np.zeros(1), 0.5, np.empty((1, 1)))
stats = peaks._begin.stats
print(kernels._IS_KEPT, sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def run(**environment: str) -> list[str]:
    """Return whether machine code is kept, how often it was found, and how often not."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NUMBA_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        env={**inherited, **environment},
    )
    return done.stdout.split()


def test_machine_code_is_kept_and_taken_from_an_image(tmp_path: Path) -> None:
    image, home = tmp_path / "image", tmp_path / "home"
    assert run(XDG_CACHE_HOME=str(image)) == ["True", "0", "1"]
    assert run(XDG_CACHE_HOME=str(image)) == ["True", "1", "0"]
    assert run(XDG_CACHE_HOME=str(home), **{READY_MADE: str(image)}) == ["True", "1", "0"]
    assert run(XDG_CACHE_HOME=str(home)) == ["True", "1", "0"], "not copied"


def test_without_a_place_to_keep_it_it_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(XDG_CACHE_HOME=str(tmp_path / "file"))[0] == "False"
    there = {READY_MADE: str(tmp_path / "no" / "such")}
    assert run(XDG_CACHE_HOME=str(tmp_path / "home"), **there) == ["True", "0", "1"]


def test_machine_code_is_not_kept_where_others_can_write(tmp_path: Path) -> None:
    assert run(XDG_CACHE_HOME=str(tmp_path))[0] == "True"
    (tmp_path / "anomaly-exporter").chmod(0o777)
    assert run(XDG_CACHE_HOME=str(tmp_path))[0] == "False"


def test_the_python_function_is_still_there() -> None:
    scores = np.array([[1.0, 0.5, np.nan, 2.0]])
    fast, slow = np.empty((1, 4)), np.empty((1, 4))
    peaks._begin(scores, np.zeros(1), 0.5, fast)
    uncompiled(peaks._begin)(scores, np.zeros(1), 0.5, slow)
    np.testing.assert_allclose(fast, slow)
    assert fast[0, 0] == 1.0
