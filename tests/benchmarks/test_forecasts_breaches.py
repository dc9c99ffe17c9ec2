"""The benchmark of predicted breaches."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.forecasts.breaches import main
from benchmarks.forecasts.climbs import Climb, Climbs, climb_between, rises
from benchmarks.forecasts.fills import FILLS, fills
from benchmarks.forecasts.monitored import KNOWN, is_new, monitored, recorded
from benchmarks.forecasts.nearing import (
    Told,
    by_cycle,
    chances,
    nearing,
    nearness,
    pasts,
    predict_linear,
    tenths,
)
from exporter.core.series import Floats
from exporter.forecasters.linear import Linear


def line(slope: float = 1.0, columns: int = 400) -> Climbs:
    """Return one straight climb from column 200 to the level that it reaches at column 240.5."""
    values: Floats = slope * np.arange(columns, dtype=np.float64)
    return Climbs("line", 60_000, 1, 150, 60, (Climb(values, 200, 241, slope * 240.5),))


def test_a_climb_ends_half_way_to_its_peak() -> None:
    values = np.concatenate([np.full(10, 5.0), np.arange(5.0, 46.0), np.full(10, 45.0)])
    climb = climb_between(values, 5, 61)
    assert climb is not None
    assert (climb.start, climb.crossing, climb.limit) == (10, 30, 25.0)
    assert climb.instant == 30.0
    assert Climb(values, 10, 30, 24.5).instant == 29.5


@pytest.mark.parametrize(
    "values",
    [
        np.arange(20.0),  # half-way is there after ten columns
        np.repeat([0.0, 9.0, 10.0], 20),  # a jump
        np.full(60, 3.0),
        np.array([1.0]),
        np.where(np.arange(60) == 50, np.nan, np.arange(60.0)),
    ],
)
def test_what_is_no_climb(values: Floats) -> None:
    assert climb_between(values, 0, len(values)) is None


def test_rises_are_between_turns_of_some_size() -> None:
    values = np.array([3.0, 1.0, 2.0, 6.0, 5.5, 8.0, 2.0, 1.5, 7.0, 6.0])
    assert list(rises(values, 3.0)) == [(1, 6)]
    assert list(rises(np.append(values, 1.0), 3.0)) == [(1, 6), (7, 9)]


@pytest.mark.parametrize("place", range(len(FILLS)))
def test_fills_reach_their_limits_for_the_first_time_in_a_day(place: int) -> None:
    climbs = list(fills(5))[place]
    day = 24 * climbs.stride
    for case in climbs.cases:
        assert case.values[case.crossing] >= case.limit
        assert (case.values[case.start - day : case.crossing] < case.limit).all()
        assert climbs.stride <= case.crossing - case.start
        assert len(case.values) > case.crossing


def test_incidents_of_the_recording_make_series_climb() -> None:
    climbs = recorded()
    assert len(climbs.cases) > 20
    for case in climbs.cases:
        assert is_new(case)
        assert case.values[case.crossing - 1] < case.limit <= case.values[case.crossing]


def test_a_straight_line_is_told_to_the_second() -> None:
    climbs = line()
    known, left = pasts(climbs, 0.5)
    assert left.tolist() == pytest.approx([19.5 * 60])
    assert known.shape == (1, 150)
    assert known[0, -1] == 221.0
    for tell in (predict_linear, by_cycle(Linear())):
        told = tell(climbs, known, np.array([240.5]))
        assert told.when == pytest.approx(left)
        for one in nearing(climbs, tell):
            assert one.error == pytest.approx(0.0, abs=1e-6)
            assert one.near == 1.0


def test_predict_linear_is_told_by_the_last_quarter_of_a_horizon() -> None:
    climbs = line()
    past = np.zeros((3, 150))
    past[0, -15:] = np.arange(15.0)
    past[1, -15:] = -np.arange(15.0)
    past[2, -15:] = 50.0
    told = predict_linear(climbs, past, np.array([24.0, 1.0, 20.0]))
    assert told.when == pytest.approx([600.0, np.inf, 0.0])


def test_nearness_by_hand() -> None:
    left = np.full(4, 100.0)
    when = np.array([95.0, 130.0, np.inf, np.nan])
    told = Told(when, left - 1, np.array([120.0, 99.0, np.nan, 120.0]), left)
    found = nearness(told, left)
    assert found.error == np.inf
    assert found.near == 0.25
    assert found.inside == pytest.approx(2 / 3)
    assert tenths(np.array([0.05, 0.95, 1.0]), np.array([0.0, 1.0, 0.0]))[9] == (2, 0.5)


def test_chances_are_of_limits_some_of_which_are_crossed() -> None:
    climbs = line()
    said, came = chances(Climbs("lines", 60_000, 1, 150, 60, climbs.cases * 20), by_cycle(Linear()))
    assert len(said) == len(came) == 60
    assert 0.2 < came.mean() < 0.8
    assert np.abs(said - came).max() < 0.5  # a straight line leaves no doubt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hours = np.arange(KNOWN + 300)
    values = 10 * np.sin(2 * np.pi * hours / 50)
    with gzip.open(tmp_path / "waves.csv.gz", "wt", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "value", "label"])
        writer.writerows(zip(3600 * hours, values, np.zeros(len(hours)), strict=True))
    return tmp_path


def test_a_folder_of_series(folder: Path) -> None:
    climbs = monitored(folder)
    assert climbs is not None
    assert climbs.name == f"{folder.name}, every 60 min"
    assert [case.crossing - case.start for case in climbs.cases] == [13, 13, 14]


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = folder / "report.md"
    flags = ["--series=2", "--forecasters=seasonal_naive", f"--report={report}", str(folder)]
    assert main(flags) == 0
    said = capsys.readouterr().out
    assert report.read_text() == said
    assert f"| {folder.name}, every 60 min (3) | `seasonal_naive` | " in said
    assert "| steady (2) | `predict_linear` | " in said
    assert "| `seasonal_naive` | real | " in said


def test_a_folder_without_climbs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert f"found {tmp_path}; needed is a folder" in capsys.readouterr().err
    assert main(["--forecasters=nobody"]) == 2


def test_what_climbed_before_is_nothing_new() -> None:
    values = line().cases[0].values.copy()
    assert not is_new(Climb(values, 200, 241, 240.5))
    values[201:] += 5 * np.arange(199)
    assert is_new(Climb(values, 200, 210, 250.0))
    values[190] = np.nan
    assert not is_new(Climb(values, 200, 210, 250.0))
