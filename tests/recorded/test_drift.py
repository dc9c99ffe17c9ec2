"""Drift in the whole exporter, in this process, on the recorded Prometheus."""

import asyncio
import time
from pathlib import Path

import pytest

from exporter.adapters.baselinefile import baseline_path
from exporter.cli import main
from exporter.commands.flags import source_of
from exporter.config import parse_config
from exporter.core.pieces import one_by_one
from exporter.loops.driftrunner import DriftRunner
from tests.conftest import RecordedPrometheus
from tests.recorded.exporter import Exporter, row_of, running

# The recording's labels with noise of our own: what free memory does is worth but a few samples.
CONFIG = """
prometheus: {{url: "{url}", scrape_interval: 5s}}
evaluation_interval: 5s
queries:
  - name: steady
    expr: sum by (instance) (node_memory_MemFree_bytes) * 0 + {noise}
    drift: {{reference: 1h, window: 10m, step: 15s, interval: 15s}}
  - {{name: bare, expr: node_memory_MemFree_bytes}}
  - name: moved
    expr: sum by (instance) (node_memory_MemFree_bytes) * 0 + {noise} + 9 * (time() > bool {then})
    unit: bananas
    ensemble: none
    drift:
      reference: 1h
      window: 10m
      step: 15s
      tests: [{{kind: ks}}, {{kind: psi}}, {{kind: isolation_forest}}]
  - {{name: broken, expr: "sum(", drift: {{}}, ensemble: none}}
state: {{path: {folder}/exporter.state}}
"""
NOISE = "scalar(sin(vector((time() % 997) ^ 2)))"
HOST = ',instance="recorded-host"'


@pytest.fixture
def config(recorded: RecordedPrometheus, tmp_path: Path) -> Path:
    path = tmp_path / "exporter.yml"
    then = int(time.time()) - 660
    path.write_text(CONFIG.format(url=recorded.url, folder=tmp_path, noise=NOISE, then=then))
    take_baseline(path, "moved", then - 60.0)
    return path


def take_baseline(path: Path, name: str, now: float) -> None:
    """Have the baseline of a query that an exporter which ran then would have left."""
    config = parse_config(path.read_text(), str(path))
    (query,) = (query for query in config.all_queries() if query.name == name)
    assert query.drift is not None
    kept = baseline_path(config.state.path, name)
    runner = DriftRunner(query, query.drift, source_of(config), kept, one_by_one, time.monotonic)
    while runner.run(now).is_behind:
        pass


def checks(query: str) -> str:
    return f'anomaly_exporter_drift_checks_total{{query="{query}"}}'


def version(query: str) -> str:
    return f'anomaly_exporter_drift_baseline_version{{query="{query}"}}'


async def until_version(exporter: Exporter, query: str, number: int) -> None:
    while (await exporter.until(checks(query)))[version(query)] != number:
        pass


async def test_the_page_says_how_far_the_series_have_drifted(config: Path) -> None:
    async with running(config) as exporter:
        await exporter.until(checks("steady"))
        await exporter.until(checks("moved"))
        failed = 'anomaly_exporter_drift_check_failures_total{query="broken",reason="rejected"}'
        page = await exporter.until(failed)
        _, overview = await exporter.ask("/")
        assert await exporter.ask("/-/drift/retake?query=bare", "POST") == (
            404,
            "found query 'bare'; allowed: steady, moved, broken\n",
        )
        command = ["drift", "retake", f"--config.file={config}", "--exporter.url", exporter.url]
        assert await asyncio.to_thread(main, [*command, "--query", "moved"]) == 0
        command[-1] += "/nowhere"
        assert await asyncio.to_thread(main, [*command, "--query", "moved"]) == 1
        await until_version(exporter, "moved", 2)
        page_after = await exporter.page()
    steady, moved = (f'{{query="{name}"{HOST}' for name in ("steady", "moved"))
    assert page[f"anomaly_drift_severity{steady}}}"] == 0
    assert page[f"anomaly_drift_severity{moved}}}"] == 3
    for test in ("ks", "psi", "wasserstein"):
        assert 0 <= page[f'anomaly_drift_statistic{steady},test="{test}"}}'] < 0.3
    assert page[f'anomaly_drift_p_value{steady},test="ks"}}'] > 0.001
    assert page[f'anomaly_drift_statistic{moved},test="isolation_forest"}}'] > 0.5
    assert page['anomaly_exporter_drift_series{query="moved",severity="critical"}'] == 1
    assert page['anomaly_exporter_drift_check_interval_seconds{query="steady"}'] == 15
    assert page_after[version("steady")] == page[version("moved")] == 1
    assert not [name for name in page if name.startswith("anomaly_drift") and "bare" in name]
    cells = row_of(overview, "moved")
    assert cells[0] == "not scored"
    assert cells[6].startswith("ok")
    assert "broken, drift check:" in overview


async def test_baselines_survive_a_reload_and_a_restart(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(config) as exporter:
        await exporter.until(checks("steady"))
        await exporter.until(checks("moved"))
        text = config.read_text()
        config.write_text(text.replace("unit: bananas", "unit: apples"))
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        page = await exporter.page()
        assert page[version("steady")] == 1
        assert f'anomaly_drift_severity{{query="moved"{HOST}}}' in page
        start = text.index("    drift: {reference")
        config.write_text(text[:start] + text[text.index("  - {name: bare") :])
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        page = await exporter.page()
        assert not [name for name in page if "drift" in name and "steady" in name]
    config.write_text(text)
    kept = {path.name for path in (config.parent / "exporter.state.baselines").iterdir()}
    assert kept == {"steady.npz", "moved.npz"}
    flag = f"--config.file={config}"
    assert main(["check-config", flag]) == 0
    meaning = "drift by ks, psi, isolation_forest, every 1h: the last 10m beside a baseline of 1h,"
    assert meaning in capsys.readouterr().out
    assert main(["drift", "baselines", flag]) == 0
    listed = capsys.readouterr().out
    assert listed.count("version 1, taken") == 2
    assert "query broken\n  no baseline is kept yet" in listed
    async with running(config) as exporter:
        page = await exporter.until(checks("steady"))
        assert page[version("steady")] == 1
    capsys.readouterr()
    assert main(["drift", "baselines", flag, "--query", "steady"]) == 0
    listed = capsys.readouterr().out
    assert listed.count("version 1, taken") == 1
    assert '  {instance="recorded-host"} 240, ' in listed
    report = config.parent / "drift.html"
    assert main(["drift-report", flag, "--html", str(report)]) == 1
    said = capsys.readouterr().out
    assert "query moved in bananas\n  the last 10m beside baseline 1 (first run): 1h" in said
    assert "  1 series: 1 critical\n  CRITICAL    {instance=" in said
    assert "query broken\n  FAILED: " in said
    assert "<td>critical</td>" in report.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["drift-report", "--query", "bare"], 2, "--query: found 'bare'; allowed: steady, moved"),
        (["drift", "baselines", "--number", "3"], 2, "--number: found without --query"),
        (["drift", "retake", "--query", "b"], 2, "--query: found 'b'; allowed: steady, moved"),
        (
            ["drift", "retake", "--query", "moved", "--exporter.url", "http://u:p@127.0.0.1:9"],
            1,
            "127.0.0.1:9/-/drift/retake does not answer (ConnectionError)",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    code: int,
    said: str,
    config: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments, f"--config.file={config}"]) == code
    found = capsys.readouterr().err
    assert said in found
    assert "u:p" not in found
