"""What the drift benchmark makes of what checks find."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drift.__main__ import main
from benchmarks.drift.followed import CANNOT, Choice, follow
from benchmarks.drift.sites import Found, Quiet, Site, outcome, quiet
from benchmarks.drift.tables import detected, false_drift, falsely, surely

HOUR = 3_600_000
DAY = 24 * HOUR
CHOICE = Choice("7d/1d", DAY, 7 * DAY, DAY, HOUR)


def test_checks_are_made_as_the_daemon_makes_them() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, (2, 9 * 288))
    values[0, 8 * 288 :] += 2.0
    severities = follow(CHOICE, 300_000, 0, values)
    assert severities is not None
    assert severities.shape == (48, 4, 2)
    assert (severities[:24, -1] == 0).all()
    assert (severities[:, -1, 1] == 0).all()
    np.testing.assert_array_equal(severities[-1, :, 0], [3, 3, 3, 3])
    assert 24 <= (severities[:, -1, 0] > 0).argmax() < 36


def test_series_without_samples_cannot_tell() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, (2, 8 * 288))
    values[1] = np.nan
    severities = follow(CHOICE, 300_000, 0, values)
    assert severities is not None
    assert (severities[:, :, 0] == 0).all()
    assert (severities[:, :, 1] == CANNOT).all()
    assert follow(CHOICE, 300_000, 0, values[1:]) is None


def test_among_others_a_change_has_to_be_rarer() -> None:
    plan = Choice("", DAY, 7 * DAY, DAY, HOUR, among=100).plan(300_000)
    assert (plan.reference, plan.window) == (2016, 288)
    assert [test.alpha for test in plan.tests] == [1e-4] * 3


def test_a_change_is_found_by_the_first_check_that_tells() -> None:
    changed = np.array([0, 1, 2, 1], dtype=np.int8)[:, None, None]
    before = np.array([0, 1, 0, 0], dtype=np.int8)[:, None, None]
    found = outcome(changed, before, np.array([0.5, 1.0, 1.5, 2.0]))
    np.testing.assert_array_equal(found.delay[0, :, 0], [1.0, 1.5])
    np.testing.assert_array_equal(found.is_silent[0, :, 0], [False, True])
    assert found.tells.all()
    nothing = np.full((4, 1, 1), CANNOT, dtype=np.int8)
    found = outcome(nothing, nothing, np.arange(4.0))
    assert np.isinf(found.delay).all()
    assert not found.tells.any()


def test_weeks_are_counted_by_themselves() -> None:
    severities = np.array([0, 2, CANNOT, 1, 0, CANNOT], dtype=np.int8)[:, None, None]
    found = quiet(severities, 2)
    np.testing.assert_array_equal(found.any[:, 0, :, 0], [[1, 1], [1, 0], [0, 0]])
    np.testing.assert_array_equal(found.share[:, 0, :, 0], [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]])


def site(dataset: str, delay: float, share: float) -> Site:
    """Return a recording where one kind of change was found after `delay` days by everybody."""
    one = np.full((4, 2, 1), delay)
    told = np.ones((4, 2, 1), dtype=np.bool_)
    calm = Quiet(np.full((2, 4, 2, 1), share > 0), np.full((2, 4, 2, 1), share))
    return Site(dataset, "7d/1d", {("level", 1.0): Found(one, told, told)}, calm, calm)


def test_recordings_are_counted_together_and_by_data_set() -> None:
    sites = [site("a", 0.5, 0.0), site("a", 2.0, 0.25), site("b", np.inf, np.nan)]
    rows = list(detected(CHOICE, sites))
    assert [row.dataset for row in rows] == ["all"] * 8 + ["a"] * 8 + ["b"] * 8
    first = rows[0]
    assert (first.by, first.severity, first.series, first.tells) == ("ks", "moderate", 3, 1.0)
    assert (first.day, first.three_days, first.week) == pytest.approx((1 / 3, 2 / 3, 2 / 3))
    assert first.delay == 2.0
    assert np.isinf(rows[-1].delay)
    calm = next(false_drift(CHOICE, sites))
    assert calm.weeks == 6
    assert (calm.tells, calm.first, calm.any) == pytest.approx((2 / 3, 1 / 3, 1 / 3))
    assert calm.checks == pytest.approx(0.25 / 3)
    assert list(surely(rows))[2].startswith("| level 1 | 3 | 33% | 67% | 67% | 48 h | 67% | 67% |")
    assert "| 7d/1d | untouched | vote | 6 | 67% | 33.3% | 33.3% | 8.33% | 33.3% |" in list(
        falsely(list(false_drift(CHOICE, sites)))
    )


def test_the_command_writes_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "index.csv").write_text("series\none\n")
    noise = np.random.default_rng(1).normal(0.0, 1.0, 15 * 24).tolist()
    with gzip.open(tmp_path / "some" / "one.csv.gz", "wt", encoding="utf-8") as file:
        rows = [f"{3600 * hour},{value},0" for hour, value in enumerate(noise)]
        file.write("\n".join(["timestamp,value,label", *rows, ""]))
    out = tmp_path / "out"
    given = [str(tmp_path), "--choices", "7d/1d", "--jobs", "1", "--out", str(out)]
    assert main(given) == 0
    assert "**7d/1d**, 1 recordings:" in capsys.readouterr().out
    with (out / "detected.csv").open(newline="") as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if (row["kind"], row["size"], row["by"], row["severity"])
            == ("level", "4", "vote", "moderate")
        )
    assert (row["series"], row["week"]) == ("1", "1")
    assert len((out / "false_drift.csv").read_text().splitlines()) == 1 + 2 * 4 * 2


def test_a_folder_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
