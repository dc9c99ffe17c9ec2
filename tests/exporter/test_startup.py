"""What does a start cost? Nothing that this configuration does not need."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exporter.config import parse_config
from exporter.core import novel, peaks, race
from exporter.core.series import SeriesBatch
from exporter.episodes import record
from exporter.loops.compiling import compile_defaults, compile_kernels
from exporter.pipeline import advance, cold_state
from exporter.planning import plan_of

HEAVY = ["sklearn", "onnxruntime", "matplotlib", "torch", "onnx", "pandas"]
HEAVY_PARTS = ["scipy.stats", "scipy.optimize", "scipy.signal", "scipy.sparse"]


@pytest.mark.parametrize("module", ["exporter.service", "exporter.cli"])
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert set(done.stdout.split()) & {*HEAVY, *HEAVY_PARTS} == set()


def compiled_forms() -> list[int]:
    kernels = (race.race, novel.novelty, peaks._fade, peaks._begin, record)
    return [len(vars(kernel)["overloads"]) for kernel in kernels]


def test_evaluations_find_all_kernels_compiled() -> None:
    text = "queries: [{name: a, expr: up}, {name: b, expr: up}, {name: c, expr: up}]"
    plan, *others = [plan_of(query) for query in parse_config(text, "c.yml").all_queries()]
    compile_defaults()
    forms = compiled_forms()
    assert all(forms)
    compile_kernels([plan, *others])
    assert compiled_forms() == forms, "an image would lack some of it"
    values = np.random.default_rng(1).normal(10.0, 1.0, (3, 300))
    values[0, 150:] = np.nan
    values[1, 200] = 99.0
    times = np.arange(300, dtype=np.int64) * 60_000
    batch = SeriesBatch((b"a", b"b", b"c"), times, values, 60_000)
    state, _ = advance(plan, cold_state(plan), batch.columns(0, 250), cells=500)
    advance(plan, state, batch.columns(250, 300), cells=30, owned=True)
    assert compiled_forms() == forms


def test_the_first_start_says_that_it_compiles_and_serves_meanwhile(tmp_path: Path) -> None:
    config = tmp_path / "exporter.yml"
    config.write_text(
        "queries: [{name: a, expr: up, timeout: 100ms, detectors: [{kind: ewma}],"
        " forecast: {kind: linear}}]\n"
        "state: {path: null}\n"
    )
    command = [sys.executable, "-m", "exporter", "run", "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(
        [*command, f"--config.file={config}"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "forecast failed" in line:  # the first cycle; there is no Prometheus
                break
        process.terminate()
    in_order = (
        "listening",
        "compiling the detectors, once per version",
        "compiled the detectors",
        "compiling the forecasters, once per version",  # not sooner: evaluations would wait for it
        "compiled the forecasters",
        "forecast failed",
    )
    places = [next(place for place, line in enumerate(said) if text in line) for text in in_order]
    assert places == sorted(places), "".join(said)
    assert places[2] < next(place for place, line in enumerate(said) if "query failed" in line)
