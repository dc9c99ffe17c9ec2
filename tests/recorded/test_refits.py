"""The life of models in the whole exporter, in this process, on a real Prometheus."""

import asyncio
import time
from pathlib import Path

import pytest

from exporter.adapters.versionfiles import VersionFolder, version_folder
from exporter.cli import main
from tests.conftest import RecordedPrometheus
from tests.recorded.exporter import running

CONFIG = """
prometheus: {{url: "{url}", scrape_interval: 1s}}
evaluation_interval: 1s
queries:
  - name: noise
    expr: |
      label_replace(
        vector(scalar(sin(vector((time() % 997) ^ 2))) * (1 + 99 * (time() < bool {clean}))),
        "a", "b", "", ""
      )
    lookback: {lookback}
    detectors: [{{kind: zscore, min_samples: 20}}]
    models: {{refit: {refit}, tail: 3s, history: 10m, keep: 2}}
  - {{name: bare, expr: vector(1), models: null}}
state: {{path: {folder}/exporter.state, interval: 1h}}
"""

VERSION = 'anomaly_exporter_model_version{query="noise"}'
PROMOTED = 'anomaly_exporter_model_decisions_total{decision="promoted",query="noise"}'
BACK = 'anomaly_exporter_model_rollbacks_total{{query="noise",reason="{}"}}'


@pytest.fixture
def config(recorded: RecordedPrometheus, tmp_path: Path) -> Path:
    return written(recorded, tmp_path, "null")


@pytest.fixture
def folder(tmp_path: Path) -> VersionFolder:
    folder = version_folder(tmp_path / "exporter.state", "noise")
    assert folder is not None
    return folder


def written(
    recorded: RecordedPrometheus,
    tmp_path: Path,
    refit: str,
    clean: float = 0.0,
    lookback: str = "10m",
) -> Path:
    """Write a configuration.

    clean : unix seconds before which there was garbage
    """
    path = tmp_path / "exporter.yml"
    text = CONFIG.format(
        url=recorded.url, folder=tmp_path, refit=refit, clean=round(clean), lookback=lookback
    )
    path.write_text(text)
    return path


async def test_refit_and_roll_back_on_command_and_after_a_restart(
    config: Path, folder: VersionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    common = [f"--config.file={config}", "--query", "noise"]
    async with running(config) as exporter:

        async def command(*words: str) -> int:
            address = ["--exporter.url", exporter.url]
            return await asyncio.to_thread(main, ["models", *words, *common, *address])

        page = await exporter.until(VERSION)
        assert page[VERSION] == 1
        assert await command("refit") == 0
        page = await exporter.until('anomaly_exporter_refits_total{query="noise"}')
        assert (page[VERSION], page[PROMOTED]) == (2, 1)
        assert page['anomaly_exporter_model_judged_ratio{query="noise",role="champion"}'] == 1.0
        assert 'anomaly_exporter_model_version{query="bare"}' not in page
        config.write_text(config.read_text().replace("keep: 2", "keep: 3"))
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        assert (await exporter.page())[VERSION] == 2
        await exporter.until_ready()
        assert await exporter.ask("/-/models/refit?query=bare", "POST") == (
            404,
            "found query 'bare'; allowed: noise\n",
        )
        assert (await exporter.ask("/-/models/rollback?query=noise&to=x", "POST"))[0] == 400
        assert (await exporter.ask("/-/models/rollback?query=bare", "POST"))[0] == 404
        assert await command("rollback", "--to", "7") == 1
        assert await command("rollback") == 0
        await exporter.until(BACK.format("command"))
        assert folder.life().champion == 1
    assert (
        "refused with 409: found version 7 of noise, which is not kept" in capsys.readouterr().err
    )
    (folder.path.parents[1] / "exporter.state").write_bytes(b"nonsense" * 100)
    for path in folder.path.glob("1.*npz"):
        path.write_bytes(b"nonsense" * 100)
    async with running(config) as exporter:
        page = await exporter.until(VERSION)
        assert page[VERSION] == 2, "the only one that is whole"
        assert page[BACK.format("damaged")] == 1
        assert page['anomaly_exporter_series_warming{query="noise"}'] == 0
    assert main(["models", "list", *common]) == 0
    assert "in force" in capsys.readouterr().out


async def test_a_schedule_refits_again_and_again(
    recorded: RecordedPrometheus, tmp_path: Path, folder: VersionFolder
) -> None:
    config = written(recorded, tmp_path, "2s")
    async with running(config) as exporter:
        while (await exporter.until(VERSION))[VERSION] < 3:
            pass
        page = await exporter.page()
        assert page['anomaly_exporter_refit_interval_seconds{query="noise"}'] == 2
        assert 0 <= page['anomaly_exporter_model_age_seconds{query="noise"}'] < 60
    numbers = [int(path.stem) for path in folder.path.glob("*.npz") if path.stem.isdigit()]
    assert len(numbers) == 2
    assert {one.reason for one in folder.life().manifests} == {"first run", "schedule"}


async def test_a_challenger_that_learned_garbage_is_refused(
    recorded: RecordedPrometheus,
    tmp_path: Path,
    folder: VersionFolder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = written(recorded, tmp_path, "2s", clean=time.time() - 45.0, lookback="40s")
    async with running(config) as exporter:
        await exporter.until('anomaly_exporter_model_refusals{query="noise"}')
        page = await exporter.page()
    assert page[VERSION] == 1
    assert page['anomaly_exporter_model_decisions_total{decision="refused",query="noise"}'] >= 1
    assert "band_width_ratio" in folder.life().manifests[1].worse
    assert main(["models", "list", f"--config.file={config}"]) == 0
    assert "refused: worse in " in capsys.readouterr().out
