"""The forecast benchmark, on small generated files."""

import csv
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest

from benchmarks.forecasts.__main__ import as_json, beside, judge, main, notes
from benchmarks.forecasts.files import Pair, read_pair
from benchmarks.forecasts.jobs import ALIKE, Task, ask, history_of_rows, pieces
from benchmarks.forecasts.measures import Accuracy, scales
from benchmarks.forecasts.report import Cost, Line, published
from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.loops.forecastrunner import PIECE

SEASON, HORIZON = 6, 8
LENGTHS = {"a": 60, "b": 48, "c": 90}
TASK = Task(SEASON, 0, HORIZON, 0.8)


def write(path: Path, rows: dict[str, Floats]) -> Path:
    """Write the M4 form: quoted, and as wide as the longest row."""
    width = max(len(values) for values in rows.values())
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow([f"V{column}" for column in range(1, width + 2)])
        for name, values in rows.items():
            writer.writerow([name, *values.tolist(), *[""] * (width - len(values))])
    return path


def generated() -> tuple[dict[str, Floats], dict[str, Floats]]:
    rng = np.random.default_rng(4)
    past, future = {}, {}
    for name, length in LENGTHS.items():
        time = np.arange(length + HORIZON)
        values = 50 + 10 * np.sin(2 * np.pi * time / SEASON) + rng.normal(0, 2, len(time))
        past[name], future[name] = values[:length], values[length:]
    return past, future


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    past, future = generated()
    moved = {name: future[name] for name in sorted(future, reverse=True)}
    return write(tmp_path / "train.csv.gz", past), write(tmp_path / "test.csv", moved)


def test_evaluates_a_pair_of_files(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {name: tmp_path / name for name in ("f.csv", "f.json", "f.md")}
    flags = [f"--{flag}={paths[f'f.{end}']}" for flag, end in (("out", "csv"), ("json", "json"))]
    flags += [f"--report={paths['f.md']}", "--coverage=0.8", "--forecasters=seasonal_naive"]
    assert main([*map(str, files), f"--season={SEASON}", *flags]) == 0
    printed = capsys.readouterr().out
    assert printed == paths["f.md"].read_text()
    assert "python -m benchmarks.forecasts" in printed
    assert "published" not in printed
    found = json.loads(paths["f.json"].read_text())
    line = found["forecasters"]["seasonal_naive"]
    row = next(text for text in printed.splitlines() if text.startswith("| `seasonal_naive`"))
    assert f"{line['accuracy']['owa']:.3f}" in row
    assert line["cost"]["series"] == 3
    assert line["cost"]["cpu"] > 0
    assert 30e6 < line["cost"]["peak"] < 2e9
    recomputed = by_hand(paths["f.csv"])
    for name, value in recomputed.items():
        assert line["accuracy"][name] == pytest.approx(value), name
    mean = found["naive2"]
    owa = (recomputed["smape"] / mean["smape"] + recomputed["mase"] / mean["mase"]) / 2
    assert line["accuracy"]["owa"] == pytest.approx(owa)


def by_hand(path: Path) -> dict[str, float]:
    """Return the measures of a file of forecasts at coverage 0.8, step by step."""
    past, future = generated()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["series"] for row in rows] == [name for name in LENGTHS for _ in range(HORIZON)]
    sums = dict.fromkeys(("smape", "mase", "coverage", "msis"), 0.0)
    for row in rows:
        name = row["series"]
        came = future[name][int(row["step"]) - 1]
        mean, low, high = (float(row[key]) for key in ("mean", "lo", "hi"))
        assert low <= mean <= high
        jumps = [abs(b - a) for a, b in zip(past[name], past[name][SEASON:], strict=False)]
        scale = sum(jumps) / len(jumps)
        sums["smape"] += 200 * abs(came - mean) / (abs(came) + abs(mean))
        sums["mase"] += abs(came - mean) / scale
        sums["coverage"] += low <= came <= high
        sums["msis"] += (high - low + 10 * max(low - came, came - high, 0)) / scale
    return {name: total / len(rows) for name, total in sums.items()}


def test_rows_of_different_lengths_end_now_and_meet_their_like() -> None:
    past = [np.arange(1.0, 4.0), np.arange(5.0)]
    history = history_of_rows(past, TASK)
    np.testing.assert_array_equal(history.values, [[np.nan, np.nan, 1, 2, 3], [0, 1, 2, 3, 4]])
    assert history.first.tolist() == [2, 0]
    assert list(pieces([np.zeros(10), np.zeros(100), np.zeros(9), np.zeros(90)])) == [
        [1, 3],
        [0, 2],
    ]
    many = list(pieces([np.zeros(length) for length in range(1, 2 * PIECE)]))
    assert sorted(row for piece in many for row in piece) == list(range(2 * PIECE - 1))
    for piece in many:
        assert len(piece) <= PIECE
        assert piece[0] + 1 <= ALIKE * (piece[-1] + 1)


@dataclass(frozen=True, kw_only=True)
class Picky(Forecaster):
    """Knows nothing of the longest series; breaks on the next."""

    kind: Literal["picky"] = "picky"
    breaks: bool = False

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        length = history.values.shape[1]
        if self.breaks and length == LENGTHS["a"]:
            raise ValueError("no such luck")
        value = np.nan if length == LENGTHS["c"] else 1.0
        return np.full((len(history.values), len(origins), horizon), value)


@pytest.fixture
def pair(files: tuple[Path, Path]) -> Pair:
    return read_pair(*files)


def test_a_forecaster_that_leaves_out_a_series_has_no_result(pair: Pair) -> None:
    scale = scales(pair.past, SEASON)
    said: list[str] = []
    told = ask(Picky(), pair.past, TASK, said.append)
    assert said[-1] == "picky: 3 of 3 series"
    line = judge(pair, TASK, scale, Accuracy(1.0, 1.0), told)
    assert line.error == "no forecast of 1 series, such as c"
    assert as_json(TASK, Accuracy(1.0, 1.0), {"picky": line})["forecasters"] == {
        "picky": {
            "accuracy": dict.fromkeys(("smape", "mase", "owa", "coverage", "msis")),
            "cost": {"series": 3, "cpu": told.cpu, "peak": told.peak},
            "error": line.error,
        }
    }
    broken = judge(
        pair, TASK, scale, Accuracy(1.0, 1.0), ask(Picky(breaks=True), pair.past, TASK, said.append)
    )
    assert "no such luck" in broken.error


@dataclass(frozen=True, kw_only=True)
class Slow(Forecaster):
    """Needs thirty samples."""

    kind: Literal["slow"] = "slow"

    least: ClassVar[int] = 30

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        return np.ones((len(history.values), len(origins), horizon))


def test_a_series_without_band_counts_as_one_without_width() -> None:
    told = ask(Slow(), [np.arange(90.0), np.arange(30.0)], TASK, lambda _: None)
    assert told.without_band == 1
    assert told.lower[1].tolist() == told.upper[1].tolist() == told.mean[1].tolist()
    assert (told.lower[0] < told.upper[0]).all()
    line = Line(Accuracy(1.0, 1.0), Cost(2, 1.0, 0))
    assert list(notes(np.array([1.0, np.nan]), {"slow": told, "other": told})) == [
        "1 series repeat a season exactly, or are no longer than one: they have no scale and are "
        "left out of MASE and MSIS, and of nothing else.",
        "Series without a band, which count as ones without width: `slow` 1, `other` 1.",
    ]
    assert line.cost.microseconds_per_series == 500_000


def test_each_of_several_forecasters_gets_a_file() -> None:
    assert beside(Path("x/f.csv.gz"), "auto") == Path("x/f.auto.csv.gz")


def test_published_figures_are_shown_beside_the_series_they_are_of(pair: Pair) -> None:
    names = tuple(f"H{number}" for number in range(414, 0, -1))
    hourly = Pair(names, [], np.empty((414, 48)))
    assert "published: winner of the M4" in published(hourly, Task(24, 168, 48, 0.9))
    assert published(hourly, Task(24, 168, 24, 0.9)) == {}
    assert published(pair, Task(24, 168, 48, 0.9)) == {}


HEADER = "V1,V2,V3\n"


@pytest.mark.parametrize(
    ("train", "said"),
    [
        ("", "found no series; needed is a header"),
        (HEADER + "a,1,2\na,1,2\n", "train.csv:3: found the series 'a' a second time"),
        (HEADER + "a,1,x\n", "train.csv:2: found 'x' in column 3 of 'a'; allowed are finite"),
        (HEADER + "a,,2\n", "train.csv:2: found '' in column 2 of 'a'"),
        (HEADER + "a,1,inf\n", "found 'inf' in column 3"),
        (HEADER + "a,,\n", "train.csv:2: the series 'a' has no values"),
        (HEADER + "b,1,2\n", "found no row for 1 series of"),
        (HEADER + "a,1,\xff\n", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_clear_error(
    train: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text(train, encoding="latin-1")
    (tmp_path / "test.csv").write_text(HEADER + "a,1,2\n")
    files = [str(tmp_path / "train.csv"), str(tmp_path / "test.csv")]
    assert main([*files, "--season=4"]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--forecasters=nonsense", "--forecasters: found 'nonsense'; allowed are "),
        ("--cycle=7", "--cycle: found 7; allowed is a multiple of --season"),
        ("--horizon=9", "--horizon: found 9; "),
        ("--out=/nowhere/f.csv", "--out: found /nowhere/f.csv; needed is a file"),
    ],
)
def test_a_wrong_flag_is_exit_2(
    flag: str, said: str, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*map(str, files), f"--season={SEASON}", flag]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--coverage=1", "--season=-1"])
def test_numbers_have_bounds(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train.csv", "test.csv", "--season=4", flag])
    assert "found " in capsys.readouterr().err
