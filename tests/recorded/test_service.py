"""The whole exporter, in this process, on the recorded Prometheus."""

import asyncio
from pathlib import Path

import pytest

from exporter.service import Options, Service
from promkit.clock import SystemClock
from promkit.errors import ConfigProblems
from tests.conftest import RecordedPrometheus
from tests.recorded.exporter import running

CONFIG = """
prometheus: {{url: "{url}", scrape_interval: 5s}}
evaluation_interval: 5s
presets: [node]
queries:
  - {{name: too_many, expr: node_cpu_seconds_total, max_series: 3, timeout: 500ms}}
  - {{name: broken, expr: "sum(", timeout: 500ms}}
  - {{name: used, expr: node_memory_MemFree_bytes, timeout: 500ms}}
state: {{path: {folder}/exporter.state, interval: 1s}}
"""


@pytest.fixture
def config(recorded: RecordedPrometheus, tmp_path: Path) -> Path:
    path = tmp_path / "exporter.yml"
    path.write_text(CONFIG.format(url=recorded.url, folder=tmp_path))
    return path


# A gauge: unlike a rate it is still there minutes after the recording's end.
FAILED = 'anomaly_exporter_query_failures_total{query="used",reason="unavailable"}'
USED = '{query="node_memory_used",instance="recorded-host"}'


async def test_first_page_is_warm_and_failures_stand_apart(config: Path) -> None:
    async with running(config) as exporter:
        page = await exporter.page()
        _, overview = await exporter.ask("/")
    assert 0 <= page["anomaly_score" + USED] <= 1
    lower, upper = page["anomaly_lower_bound" + USED], page["anomaly_upper_bound" + USED]
    assert lower <= page["anomaly_expected_value" + USED] <= upper
    assert page['anomaly_exporter_series{query="too_many"}'] == 3
    assert page['anomaly_exporter_series_dropped{query="too_many"}'] > 0
    reason = 'anomaly_exporter_query_failures_total{query="broken",reason="rejected"}'
    assert page[reason] >= 1
    assert not [name for name in page if name.startswith("anomaly_score") and "broken" in name]
    assert "parse error" in overview
    assert "failing" in overview


async def test_reload_takes_a_good_file_and_keeps_the_old_one_for_a_bad_one(config: Path) -> None:
    async with running(config) as exporter:
        good = config.read_text()
        config.write_text(good + "typo: 1\n")
        status, text = await exporter.ask("/-/reload", "POST")
        page = await exporter.page()
        assert (status, page["anomaly_exporter_config_last_reload_successful"]) == (500, 0)
        assert "typo" in text
        assert "anomaly_score" + USED in page
        config.write_text(good.replace("presets: [node]", "presets: []"))
        status, _ = await exporter.ask("/-/reload", "POST")
        await exporter.until_ready()
        page = await exporter.page()
        assert (status, page["anomaly_exporter_config_last_reload_successful"]) == (200, 1)
        assert not [name for name in page if "node_memory_used" in name]
        assert page['anomaly_exporter_series{query="too_many"}'] == 3


async def test_a_restart_takes_up_the_saved_state(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Without the presets, whose patience with a dead Prometheus would be this test's duration.
    config.write_text(config.read_text().replace("presets: [node]", "presets: []"))
    async with running(config):
        pass
    state = config.parent / "exporter.state"
    first = state.stat().st_mtime_ns
    # Prometheus is gone now; only the state can know what was expected.
    config.write_text(config.read_text().replace("http://127.0.0.1", "http://127.0.0.2", 1))
    async with running(config) as exporter:
        page = await exporter.until(FAILED)
    scores = [name for name in page if name.startswith('anomaly_score{query="used"')]
    assert scores == [], "an old score passed for a current one"
    assert page['anomaly_exporter_series_warming{query="used"}'] == 0
    assert "query failed" in caplog.text
    assert state.stat().st_mtime_ns > first


async def test_a_bad_start_says_why(config: Path) -> None:
    config.write_text("presets: [nod]\n")
    service = Service(Options(config, ["127.0.0.1:0"]), SystemClock())
    with pytest.raises(ConfigProblems, match="presets"):
        await service.run(asyncio.Event())


async def test_state_that_cannot_be_written_stops_nothing(
    config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text(config.read_text().replace("exporter.state", "no/such/folder/state"))
    async with running(config) as exporter:
        assert "anomaly_score" + USED in await exporter.page()
    assert "state not saved" in caplog.text


async def test_a_long_lookback_arrives_in_slices(
    config: Path, recorded: RecordedPrometheus
) -> None:
    """More columns than Prometheus grants a request."""
    config.write_text(
        f"prometheus: {{url: '{recorded.url}', scrape_interval: 5s}}\n"
        "evaluation_interval: 5s\n"
        "queries:\n"
        "  - {name: long, expr: node_memory_MemFree_bytes, step: 1s, lookback: 16000s}\n"
        "state: {path: null}\n"
    )
    async with running(config) as exporter:
        page = await exporter.page()
    assert page['anomaly_exporter_series{query="long"}'] >= 1
    assert page['anomaly_exporter_warm_ratio{query="long"}'] == 1
    assert page['anomaly_exporter_query_failures_total{query="long",reason="rejected"}'] == 0
