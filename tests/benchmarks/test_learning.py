"""A simulated month: what people call false goes, what they confirm stays."""

import csv
import gzip
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.accuracy.scoring import plan_for
from benchmarks.accuracy.settings import config_of
from benchmarks.learning.__main__ import main
from benchmarks.learning.loop import Loop
from benchmarks.learning.people import People
from benchmarks.learning.world import Query, queries_of

STEP, DAYS = 300.0, 40
PER_DAY = int(86_400 / STEP)
PLAN = plan_for(config_of(None, ("mad",)), 300_000)
EVERYTHING = {"answers": 1.0, "mistakes": 0.0}


def query(false: float, real: float) -> Query:
    """Return two series: the first alarms falsely at noon, both rightly at some midnights."""
    times = 1_800_000_000.0 + STEP * np.arange(DAYS * PER_DAY, dtype=np.float64)
    scores = np.zeros((2, len(times)))
    is_real = np.zeros(scores.shape, dtype=bool)
    scores[0, PER_DAY // 2 :: PER_DAY] = false
    for day in range(1, DAYS, 4):
        is_real[:, day * PER_DAY : day * PER_DAY + 3] = True
        scores[:, day * PER_DAY + 1] = real
    return Query("cpu", ("a", "b"), times, {"mad": scores}, is_real)


def test_nobody_asked_changes_nothing() -> None:
    told = Loop(query(0.62, 0.9), PLAN, None, 1).run()
    assert told.changes == []
    assert told.false_alarms.tolist() == [0.0] + [1.0] * (DAYS - 1)
    assert len(told.found) == 2 * len(range(1, DAYS, 4))


def test_false_alarms_go_and_what_is_confirmed_stays() -> None:
    told = Loop(query(0.62, 0.9), PLAN, People(Random(0), **EVERYTHING), 1).run()
    assert told.false_alarms[:11].sum() == 10, "ten false alarms raise the threshold"
    assert told.false_alarms[12:].sum() == 0
    assert len(told.found) == 2 * len(range(1, DAYS, 4))


def test_what_would_lose_something_confirmed_is_not_done() -> None:
    alone = Loop(query(0.65, 0.64), PLAN, None, 1).run()
    told = Loop(query(0.65, 0.64), PLAN, People(Random(0), **EVERYTHING), 1).run()
    assert told.found == alone.found
    assert told.changes == []


def test_marks_take_back_what_hid_something() -> None:
    # Nothing is known to be real until the threshold has been raised.
    late = query(0.62, 0.64)
    late.is_real[:, : 14 * PER_DAY] = False
    late.votes["mad"][1, : 14 * PER_DAY] = 0.0
    late.votes["mad"][0, : 14 * PER_DAY : PER_DAY] = 0.0
    blind = Loop(late, PLAN, People(Random(0), **EVERYTHING, marks=0.0), 1).run()
    told = Loop(late, PLAN, People(Random(0), **EVERYTHING, marks=1.0), 1).run()
    assert len(blind.found) < len(told.found)
    assert any("missed" in change for change in told.changes)


def test_files_become_queries_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = query(0.62, 0.9)
    data, votes = tmp_path / "data" / "x", tmp_path / "votes" / "x"
    data.mkdir(parents=True)
    votes.mkdir(parents=True)
    (data / "index.csv").write_text("series\none__cpu\ntwo__cpu\n")
    for row, name in enumerate(("one__cpu", "two__cpu")):
        with gzip.open(data / f"{name}.csv.gz", "wt", newline="") as file:
            out = csv.writer(file)
            out.writerow(("timestamp", "value", "label"))
            out.writerows(zip(made.times, made.times, made.is_real[row].astype(int), strict=True))
        np.savez(votes / f"{name}.votes.npz", mad=made.votes["mad"][[row]].astype(np.float32))
    folders = [str(data.parent), str(votes.parent)]
    (found,) = queries_of(data.parent, votes.parent, "x")
    assert found.series == ("one__cpu", "two__cpu")
    assert (found.is_real == made.is_real).all()

    options = ["--dataset", "x", "--detectors", "mad", "--first-day", "1", "--seeds", "1"]
    assert main([*folders, *options, "--answers", "1", "--mistakes", "0"]) == 0
    said = capsys.readouterr().out
    assert "| 36 to 39 (after) | 1.0 | 0.0 | -100% |" in said
    assert "real incidents of a server: found 20 and 20, lost 0, won 0" in said
    assert main([*folders, "--dataset", "nowhere"]) == 1
