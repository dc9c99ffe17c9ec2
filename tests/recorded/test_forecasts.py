"""Forecasts in the whole exporter, in this process, on the recorded Prometheus."""

import math
from pathlib import Path

import pytest

from tests.conftest import RecordedPrometheus
from tests.recorded.exporter import running

CONFIG = """
prometheus: {{url: "{url}", scrape_interval: 5s}}
evaluation_interval: 5s
queries:
  - name: free
    expr: sum by (instance) (node_memory_MemFree_bytes)
    unit: bytes
    range: [0, null]
    forecast:
      {{kind: linear, step: 1m, horizon: 20m, interval: 5s, lookback: 2h,
       limit: "sum by (instance) (node_memory_MemTotal_bytes)"}}
  - {{name: bare, expr: node_memory_MemFree_bytes}}
  - name: broken
    expr: sum by (instance) (node_memory_MemFree_bytes)
    forecast: {{kind: seasonal_naive, limit: "sum("}}
state: {{path: {folder}/exporter.state}}
"""
FREE = '{query="free",instance="recorded-host"'


@pytest.fixture
def config(recorded: RecordedPrometheus, tmp_path: Path) -> Path:
    path = tmp_path / "exporter.yml"
    path.write_text(CONFIG.format(url=recorded.url, folder=tmp_path))
    return path


async def test_the_page_says_how_the_series_go_on(config: Path) -> None:
    async with running(config) as exporter:
        await exporter.until('anomaly_exporter_forecasts_total{query="free"}')
        failed = 'anomaly_exporter_forecast_failures_total{query="broken",reason="rejected"}'
        page = await exporter.until(failed)
        _, overview = await exporter.ask("/")
    for horizon in ("5m", "20m"):
        tail = f'{FREE},horizon="{horizon}"}}'
        value = page["anomaly_forecast_value" + tail]
        lower, upper = (page[f"anomaly_forecast_{end}_bound" + tail] for end in ("lower", "upper"))
        assert 0 <= lower <= value <= upper
    assert page["anomaly_forecast_breach_timestamp_seconds" + FREE + "}"] == math.inf
    assert page["anomaly_forecast_breach_probability" + FREE + "}"] < 0.5
    assert page["anomaly_forecast_replaced" + FREE + "}"] == 0
    assert page["anomaly_forecast_limit" + FREE + "}"] > page["anomaly_value" + FREE + "}"]
    assert page['anomaly_exporter_forecast_series{query="free"}'] == 1
    assert page['anomaly_exporter_forecast_interval_seconds{query="free"}'] == 5
    about = {name for name in page if name.startswith("anomaly_exporter_query_info{")}
    label = 'forecast_horizon="20m",forecaster="linear",query="free",unit="bytes"'
    assert f"anomaly_exporter_query_info{{{label}}}" in about
    assert not [name for name in page if name.startswith("anomaly_forecast") and "bare" in name]
    assert "the forecast&#x27;s limit" in overview
    assert "anomaly_score" + FREE + "}" in page
