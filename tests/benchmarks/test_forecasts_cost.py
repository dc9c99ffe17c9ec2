"""What forecasts cost: measured, set in proportion, and never in need of the extra `peers`."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.processes import alone
from benchmarks.forecasts import peers
from benchmarks.forecasts.cost import Load, cost_of, cost_table, load, load_table, main
from benchmarks.forecasts.jobs import Task
from benchmarks.forecasts.peers import BASE, PEERS, cost_of_peer, installed
from benchmarks.forecasts.report import Cost
from benchmarks.forecasts.simulated import DAY, WEEK, simulated
from exporter.forecasters.seasonal_naive import SeasonalNaive

TASK = Task(DAY, WEEK, 6, 0.9)


def test_measures_ours_alone_and_many_at_once() -> None:
    alone = cost_of(SeasonalNaive(), TASK, 20, 100)
    many = load(SeasonalNaive(), TASK, 300, 100, 2)
    for cost in (alone, many.cost):
        assert 0 < cost.microseconds_per_series < 1e5
        assert 30e6 < cost.peak < 4e9
    assert alone.series == 20
    assert many.cost.series == 300
    assert many.wall > 0


def test_prints_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = tmp_path / "report.md"
    flags = ["--series=5", "--columns=100", "--horizon=6", "--peer-series=0", "--many=20"]
    assert main([*flags, "--forecasters=seasonal_naive", f"--report={report}"]) == 0
    printed = capsys.readouterr().out
    assert printed == report.read_text()
    assert printed.count("| `seasonal_naive` |") == 2
    assert BASE not in printed.replace(f"of {BASE}", "")
    assert "20 series in pieces of 256, 2 threads:" in printed


def test_ratios_are_to_one_of_the_peers() -> None:
    ours = {"naive": Cost(100, 0.1, 50_000_000)}
    theirs = {BASE: Cost(2, 0.2, 90_000_000), "other": Cost(1, 1.0, 90_000_000)}
    lines = list(cost_table(ours, theirs))
    assert lines[2:] == [
        "| `naive` | 1.000 | 0.0100 | 50 | 100 |",
        f"| {BASE} | 100.000 | 1.0000 | 90 | 2 |",
        "| other | 1000.000 | 10.0000 | 90 | 1 |",
    ]
    assert list(cost_table(ours, {}))[2:] == ["| `naive` | 1.000 |  | 50 | 100 |"]
    told = list(load_table({"naive": Load(Cost(10_000, 3.0, 90_000_000), 2.0)}, 2))
    assert told[-1] == "| `naive` | 2.00 | 3.00 | 90 |"


def test_refuses_forecasters_that_do_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--forecasters=nonsense"]) == 2
    assert "--forecasters: found 'nonsense'; allowed are " in capsys.readouterr().err


def test_peers_are_imported_by_nobody_who_does_not_ask_for_them() -> None:
    assert set(installed()) == {name for name, (package, _) in PEERS.items() if find_spec(package)}
    assert peers.__name__ in sys.modules
    assert not {"prophet", "statsforecast"} & set(sys.modules)


@pytest.mark.skipif(BASE not in installed(), reason="needs the extra `peers`")
def test_a_peer_is_measured() -> None:
    cost = alone(cost_of_peer, BASE, 1, 60, 6, 0.9)
    assert cost.series == 1
    assert cost.cpu > 0


def test_simulated_series_have_a_day_and_are_above_zero() -> None:
    values = simulated(30, 20 * DAY)
    assert values.shape == (30, 20 * DAY)
    assert values.min() > 0
    day = np.abs(values[:, DAY:] - values[:, :-DAY]).mean()
    assert day < np.abs(values[:, DAY // 2 :] - values[:, : -DAY // 2]).mean()
    np.testing.assert_array_equal(simulated(3, 50), simulated(3, 50))
