"""Forecasts in the whole exporter, in this process, on the recorded Prometheus."""

import math
from pathlib import Path

import pytest

from exporter.adapters import checkpoint
from exporter.config import parse_config
from tests.conftest import RecordedPrometheus
from tests.recorded.exporter import row_of, running

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
  - name: only
    expr: sum(node_memory_MemFree_bytes)
    ensemble: none
    forecast: {{kind: seasonal_naive, step: 1m, interval: 5s}}
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
        await exporter.until('anomaly_exporter_forecasts_total{query="only"}')
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
    assert row_of(overview, "only")[0] == "not scored"
    ours = {name for name in page if 'query="only"' in name}
    assert [name for name in ours if "forecast" not in name] == ['anomaly_value{query="only"}']
    assert "anomaly_score" + FREE + "}" in page


async def test_a_reload_keeps_what_it_can(config: Path) -> None:
    value = "anomaly_forecast_value" + FREE + ',horizon="20m"}'
    made = 'anomaly_exporter_forecasts_total{query="free"}'
    text = config.read_text()
    async with running(config) as exporter:
        page = await exporter.until(made)
        config.write_text(text.replace("unit: bytes", "unit: octets"))
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        assert value in await exporter.page()
        config.write_text(text.replace("horizon: 20m", "horizon: 40m"))
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        page = await exporter.until("anomaly_forecast_value" + FREE + ',horizon="40m"}')
        assert value not in page
        assert "anomaly_score" + FREE + "}" in page
        start = text.index("    forecast:")
        end = text.index("  - {name: bare")
        config.write_text(text[:start] + text[end:])
        assert (await exporter.ask("/-/reload", "POST"))[0] == 200
        page = await exporter.page()
        assert not [name for name in page if name.startswith("anomaly_forecast_value" + FREE)]
        assert made not in page


async def test_what_was_learned_of_forecasts_is_saved(config: Path) -> None:
    async with running(config) as exporter:
        await exporter.until('anomaly_exporter_forecasts_total{query="free"}')
    queries = {query.name: query for query in parse_config(config.read_text(), "c").all_queries()}
    saved = checkpoint.restore(config.parent / "exporter.state", queries)
    _, state = saved.forecasts["free"]
    assert state.keys == (b'{"instance":"recorded-host"}',)
    assert (state.groups["skill"]["due"] > 0).any()
    assert saved.queries.keys() == {"free", "bare", "broken"}


async def test_what_was_learned_is_saved_where_nothing_is_scored(config: Path) -> None:
    head, _, rest = config.read_text().partition("  - name: free")
    only, end = rest[rest.index("  - name: only") :].split("  - name: broken")
    config.write_text(head + only + end[end.index("state:") :])
    async with running(config) as exporter:
        await exporter.until('anomaly_exporter_forecasts_total{query="only"}')
    queries = {query.name: query for query in parse_config(config.read_text(), "c").all_queries()}
    assert checkpoint.restore(config.parent / "exporter.state", queries).forecasts.keys() == {
        "only"
    }
