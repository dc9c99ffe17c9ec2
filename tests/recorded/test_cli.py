"""The commands, on the recorded Prometheus."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from exporter.cli import main
from tests.conftest import RecordedPrometheus


@pytest.fixture
def config(recorded: RecordedPrometheus) -> str:
    return f"--config.file={recorded.folder / 'config' / 'exporter.yml'}"


def test_check_config_says_what_it_means(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", config, "--try-queries"]) == 0
    said = capsys.readouterr().out
    assert "query node_cpu_busy: clamp(1 - sum by (instance)" in said
    assert "max of forecast_error (weight 1), novelty (weight 1), mad (weight 1)" in said
    assert "is fine" in said


def test_check_config_tries_queries(
    recorded: RecordedPrometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exporter.yml"
    path.write_text(
        f"prometheus: {{url: {recorded.url}}}\n"
        "queries:\n"
        "- {name: a, expr: sum(}\n"
        "- {name: b, expr: up, forecast: {limit: sum(}}\n"
        "- {name: c, expr: up, forecast: {limit: 1, direction: down, horizon: 2h}}\n"
        "- {name: d, expr: up, forecast: {kind: linear}}\n"
    )
    assert main(["check-config", f"--config.file={path}", "--try-queries"]) == 1
    said = capsys.readouterr().out
    assert said.count("  FAILED") == said.count("  limit FAILED") == 1
    assert "2 of 4 queries failed" in said
    day = "24h ahead in steps of 1h, from 2w of history"
    assert f"  forecast by auto, every 5m: {day}; limit, from below: sum(" in said
    assert f"  forecast by linear, every 5m: {day}\n" in said
    assert "every 5m: 2h ahead in steps of 5m, from 1w of history; limit, from above: 1" in said


@pytest.mark.parametrize(
    ("text", "said"), [("queries: 5\n", "exporter.yml:1: queries"), (None, "cannot be read")]
)
def test_a_bad_file_is_exit_2(
    text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exporter.yml"
    if text is not None:
        path.write_text(text)
    assert main(["check-config", f"--config.file={path}"]) == 2
    assert said in capsys.readouterr().err


def test_backtest_finds_every_recorded_incident(
    recorded: RecordedPrometheus, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = recorded.folder / "incidents.yml"
    incidents = yaml.safe_load(known.read_text())["incidents"]
    plots = tmp_path / "plots"
    arguments = ["backtest", config, "--start=-3h", f"--incidents={known}", f"--plots={plots}"]
    assert main([*arguments, "--forecast-time=0"]) == 0
    said = capsys.readouterr().out
    assert f"incidents found: {len(incidents)} of {len(incidents)}" in said
    assert "MISSED" not in said
    assert (plots / "node_cpu_busy.png").read_bytes().startswith(b"\x89PNG")


def test_backtest_tells_of_forecasts(
    recorded: RecordedPrometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, plots = tmp_path / "exporter.yml", tmp_path / "plots"
    path.write_text(
        f"prometheus: {{url: {recorded.url}}}\n"
        "queries:\n"
        "- name: free\n"
        "  expr: node_memory_MemAvailable_bytes\n"
        "  ensemble: none\n"
        "  forecast: {kind: seasonal_naive, step: 1m, horizon: 20m, lookback: 30m,\n"
        "             limit: 0.5 * node_memory_MemTotal_bytes, direction: down}\n"
    )
    arguments = ["backtest", f"--config.file={path}", "--start=-80m", f"--plots={plots}"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "forecasts of free: by seasonal_naive, every 5m: 20m ahead" in said
    assert "17 cycles, 1 series" in said or "16 cycles, 1 series" in said
    assert " of seasonal naive's, median of 1 series" in said
    assert "breaches: " in said
    assert "alarms" not in said
    assert (plots / "free.forecast.png").read_bytes().startswith(b"\x89PNG")
    assert main([*arguments, "--forecast-time=0"]) == 0
    assert capsys.readouterr().out == ""


def test_a_forecast_that_fails_costs_nothing_of_what_is_done(
    recorded: RecordedPrometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, scores, plots = tmp_path / "exporter.yml", tmp_path / "scores", tmp_path / "plots"
    path.write_text(
        f"prometheus: {{url: {recorded.url}}}\n"
        "queries:\n"
        "- {name: scored, expr: up, lookback: 1m, range: [0, 1]}\n"
        "- name: broken\n"
        "  expr: up\n"
        "  ensemble: none\n"
        "  forecast: {kind: seasonal_naive, step: 1m, horizon: 20m, lookback: 30m, limit: sum(}\n"
    )
    arguments = ["backtest", f"--config.file={path}", "--start=-30m", f"--plots={plots}"]
    assert main([*arguments, f"--openmetrics={scores}"]) == 1
    assert "anomaly-exporter: the forecast's limit: " in capsys.readouterr().err
    assert scores.read_text().endswith("# EOF\n")
    assert [each.name for each in plots.iterdir()] == ["scored.png"]


def test_backtest_refuses_nonsense(config: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["backtest", config, "--start=yesterday"])
    with pytest.raises(SystemExit):
        main(["backtest", config, "--label=nonsense"])
    (tmp_path / "i.yml").write_text("incidents: [{kind: cpu}]\n")
    assert main(["backtest", config, f"--incidents={tmp_path / 'i.yml'}"]) == 2


def test_scores_are_backfilled_beside_the_samples(recorded: RecordedPrometheus) -> None:
    import requests

    def count(expr: str) -> float:
        answer = requests.get(f"{recorded.url}/api/v1/query", params={"query": expr}, timeout=5)
        return float(answer.json()["data"]["result"][0]["value"][1])

    labels = '{query="node_cpu_busy",instance="recorded-host",job="anomaly-exporter"}'
    scores = count(f"count_over_time(anomaly_score{labels}[4h])")
    samples = count('count_over_time(up{job="node",instance="recorded-host"}[4h])')
    assert scores == pytest.approx(samples, rel=0.02)


@pytest.mark.parametrize(
    "command",
    [[], ["run"], ["check-config"], ["backtest"], ["drift-report"], ["drift", "retake"]],
)
def test_help_teaches(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "exporter", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "anomaly-exporter" in done.stdout
