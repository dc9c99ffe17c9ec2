"""The accuracy command, on a small generated folder."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import recombine
from benchmarks.accuracy.__main__ import main
from benchmarks.accuracy.files import SeriesFile, read_series
from benchmarks.accuracy.scoring import plan_for, score_files
from benchmarks.accuracy.settings import config_of
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.pipeline import cold_state, evaluate

ROWS = 400
SPIKE = 300
START = 1_700_000_040


def _write(path: Path, seconds: Ints, values: Floats, names: tuple[str, ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", *names, "label"])
        for second, row in zip(seconds.tolist(), values.T.tolist(), strict=True):
            writer.writerow([second, *row, 0])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(7)
    regular = START + 60 * np.arange(ROWS)
    irregular = START + np.cumsum(rng.choice([60, 60, 60, 7, 90, 400], ROWS))
    values = rng.normal(size=(5, ROWS)).round(6)
    values[:, SPIKE] += 50
    values[0, 250] = np.nan
    for dataset, names in {"uni": ("value",), "multi": ("m0", "m1", "m2", "m3")}.items():
        folder = tmp_path / "data" / dataset
        folder.mkdir(parents=True)
        (folder / "index.csv").write_text("series,eval_from\n000,60\n001,60\n002,60\n")
        height = len(names)
        _write(folder / "000.csv", regular, values[:height], names)
        _write(folder / "001.csv", irregular, values[1 : height + 1], names)
        _write(folder / "002.csv", regular[:350], values[1 : height + 1, :350], names)
    return tmp_path / "data"


def _read(path: Path) -> dict[str, Floats]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0]}


def test_scores_a_folder_in_several_processes(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main([str(data), str(out), "--jobs=2"]) == 0
    assert "6 of 6 series, 2300 rows" in capsys.readouterr().err
    for path in sorted(data.glob("*/0*.csv")):
        told = _read(out / path.relative_to(data))
        assert told["timestamp"].tolist() == _read(path)["timestamp"].tolist()
        assert told["alert"][SPIKE] == 1
        assert np.nanargmax(told["event"]) == SPIKE
        assert told["event"][SPIKE] > 0.4
        assert told["alert"].sum() <= 3
    alone = tmp_path / "alone.csv"
    assert main([str(data / "uni" / "000.csv"), str(alone)]) == 0
    assert alone.read_bytes() == (out / "uni" / "000.csv").read_bytes()
    assert np.isnan(_read(alone)["score"]).nonzero()[0].tolist() == [250]


def test_says_what_one_evaluation_of_the_pipeline_says(data: Path) -> None:
    config = config_of(None, ["mad"])
    file = read_series(data / "uni" / "000.csv")
    told = score_files(config, [file])[0]
    plan = plan_for(config, 60_000)
    assert [detector.name for detector in plan.detectors] == ["mad"]
    batch = SeriesBatch((b"{}",), file.times, file.values, 60_000)
    verdict = evaluate(plan, cold_state(plan), batch)[1].verdict
    assert told.score == pytest.approx(verdict.scores.level[0], nan_ok=True)
    assert told.event == pytest.approx(verdict.scores.score[0], nan_ok=True)
    assert told.alert.tolist() == verdict.is_anomaly[0].tolist()


@pytest.mark.parametrize("name", ["uni/000", "uni/001", "multi/000", "multi/001"])
def test_rows_are_judged_by_what_came_before(name: str, data: Path) -> None:
    config = config_of(None)
    file = read_series(data / f"{name}.csv")
    whole = score_files(config, [file])[0]
    in_pieces = score_files(config, [file], cells=64)[0]
    rows = ROWS * 6 // 10
    head = score_files(config, [_head(file, rows)])[0]
    for some in (in_pieces, head):
        length = len(some.score)
        assert some.score == pytest.approx(whole.score[:length], nan_ok=True)
        assert some.event == pytest.approx(whole.event[:length], nan_ok=True)
        assert some.alert.tolist() == whole.alert[:length].tolist()
    assert whole.alert.any()


def _head(file: SeriesFile, rows: int) -> SeriesFile:
    return SeriesFile(file.stamps[:rows], file.times[:rows], file.metrics, file.values[:, :rows])


def test_files_on_one_grid_do_not_know_of_each_other(data: Path) -> None:
    config = config_of(None)
    files = [read_series(path) for path in sorted(data.glob("*/0*.csv"))]
    together = score_files(config, files)
    for file, told in zip(files, together, strict=True):
        alone = score_files(config, [file])[0]
        assert told.event == pytest.approx(alone.event, nan_ok=True)
        assert told.alert.tolist() == alone.alert.tolist()


def test_a_scorer_sees_what_was_scored_and_nothing_else(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer = tmp_path / "scorer.py"
    scorer.write_text(
        "import pathlib, sys\n"
        "flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "labels = pathlib.Path(flags['--labels'])\n"
        "assert (labels / 'uni' / '002.csv').is_file()\n"
        "print(flags['--datasets'], (labels / 'uni' / 'index.csv').read_text().split())\n"
    )
    out = tmp_path / "out"
    arguments = [str(data), str(out), "--datasets=uni", "--every=2", "--jobs=1"]
    assert main([*arguments, f"--evaluate={scorer}"]) == 0
    said = "uni ['series,eval_from', '000,60', '002,60']\n"
    assert said in capsys.readouterr().out
    assert (out / "report.txt").read_text() == said
    assert not (out / "uni" / "001.csv").exists()
    scorer.write_text("raise SystemExit('no such thing')")
    assert main([*arguments, f"--evaluate={scorer}"]) == 1
    assert "no such thing" in capsys.readouterr().err


def test_a_broken_file_costs_only_itself(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "uni" / "001.csv").write_text("timestamp,value\n1,x\n")
    out = tmp_path / "out"
    assert main([str(data), str(out), "--jobs=1", "--datasets=uni"]) == 1
    assert "! uni/001: " in capsys.readouterr().err
    assert sorted(path.name for path in (out / "uni").iterdir()) == ["000.csv", "002.csv"]
    assert main([str(data / "uni" / "001.csv"), str(out / "alone.csv")]) == 1
    assert "found 'x' in column value" in capsys.readouterr().err


@pytest.mark.parametrize("rows", ["", "60,1\n", "60,\n120,\n"])
def test_files_with_hardly_anything_are_scored_too(rows: str, tmp_path: Path) -> None:
    path, out = tmp_path / "a.csv", tmp_path / "out.csv"
    path.write_text(f"timestamp,value\n{rows}")
    assert main([str(path), str(out)]) == 0
    assert len(out.read_text().splitlines()) == 1 + rows.count("\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--detectors=nonsense"], "found 'nonsense'; allowed: "),
        (["--ensemble=nonsense"], "nonsense"),
        (["--config=/nowhere/exporter.yml"], "/nowhere/exporter.yml: cannot be read"),
    ],
)
def test_a_wrong_ensemble_is_exit_2(
    flags: list[str], said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), str(data / "out"), *flags]) == 2
    assert said in capsys.readouterr().err


def test_takes_the_first_query_of_a_configuration(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "exporter.yml"
    query = "{name: a, expr: up, step: 1h, threshold: 0.9, detectors: [{kind: mad, window: 50}]}"
    path.write_text(f"queries: [{query}]\n")
    plan = plan_for(config_of(path), 60_000)
    assert plan.policy.threshold == 0.9
    assert [(detector.name, detector.memory) for detector in plan.detectors] == [("mad", 55)]
    plan = plan_for(config_of(path, ["zscore", "mad"]), 60_000)
    assert plan.policy.threshold == 0.9
    assert [detector.name for detector in plan.detectors] == ["zscore", "mad"]
    default = plan_for(config_of(path, ensemble="default"), 60_000)
    assert default.detectors == plan_for(config_of(None), 60_000).detectors


def test_votes_are_combined_again_without_running_a_detector(data: Path, tmp_path: Path) -> None:
    votes, again, alone = (tmp_path / name for name in ("votes", "again", "alone"))
    assert main([str(data), str(votes), "--jobs=1", "--votes"]) == 0
    assert recombine.main([str(data), str(votes), str(again)]) == 0
    assert main([str(data), str(alone), "--jobs=1", "--detectors=novelty"]) == 0
    one_of_two = [str(data), str(votes), str(again / "novelty"), "--detectors=novelty"]
    assert recombine.main(one_of_two) == 0
    for path in sorted(data.glob("*/0*.csv")):
        name = path.relative_to(data)
        pairs = ((votes / name, again / name), (alone / name, again / "novelty" / name))
        for expected, found in pairs:
            one, other = _read(expected), _read(found)
            assert one["timestamp"].tolist() == other["timestamp"].tolist()
            assert one["alert"].tolist() == other["alert"].tolist()
            for column in ("score", "event"):
                # Production calls what cannot be told yet 0, a vote leaves it open.
                assert np.nan_to_num(one[column]) == pytest.approx(
                    np.nan_to_num(other[column]), abs=1e-6
                )


def test_says_which_votes_are_missing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(data), str(tmp_path / "votes"), str(tmp_path / "out"), "--datasets=uni"]
    assert recombine.main(arguments) == 1
    assert "no votes; make them with benchmarks.accuracy --votes" in capsys.readouterr().err
    assert main([*arguments[:2], "--jobs=1", "--votes", "--detectors=mad"]) == 0
    assert recombine.main([*arguments, "--detectors=mad,zscore"]) == 1
    assert "no votes of zscore, there are those of mad" in capsys.readouterr().err
    assert recombine.main([*arguments, "--detectors=nonsense"]) == 2
