"""What the drift benchmark does to recordings, and where."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.files import BadInput
from benchmarks.drift.followed import Choice
from benchmarks.drift.injected import KINDS, TOGETHER, usual_of
from benchmarks.drift.recorded import Recorded, in_columns, monitored, recording
from benchmarks.drift.sites import in_other_order, stretch
from exporter.core.series import Floats

HOUR = 3_600_000
DAY = 24 * HOUR
CHOICE = Choice("7d/1d", DAY, 7 * DAY, DAY, HOUR)


def season(days: int) -> Floats:
    """Return hourly samples, [1, T]: ten more at noon than at any other hour, and noise."""
    hours = np.arange(24 * days)
    noise = np.random.default_rng(1).normal(0.0, 1.0, len(hours))
    values: Floats = (np.where(hours % 24 == 12, 10.0, 0.0) + noise)[None]
    return values


def changed(kind: str, size: float) -> tuple[Floats, Floats, Floats]:
    """Return values of 100 days, the same from the 50th on changed, and the spread."""
    values = season(100)
    usual = usual_of(values, 50 * 24, 24)
    later = type(usual)(usual.middle[:, 50 * 24 :], usual.spread)
    change = {**KINDS, **TOGETHER}[kind][0]
    return values[:, 50 * 24 :], change(values[:, 50 * 24 :], later, size, 24), usual.spread


def test_what_is_usual_is_so_at_its_hour() -> None:
    usual = usual_of(season(10), 7 * 24, 24)
    assert usual.middle[0, 12::24] == pytest.approx(10.0, abs=1.5)
    assert usual.middle[0, 3::24] == pytest.approx(0.0, abs=1.5)
    assert usual.spread[0] == pytest.approx(1.0, abs=0.15)  # noons are outliers to it
    short = usual_of(season(10), 2 * 24, 24)
    assert len(np.unique(short.middle)) == 1
    assert usual_of(np.zeros((1, 240)), 168, 24).spread[0] == 0.0


def test_a_level_is_moved_by_deviations() -> None:
    before, after, spread = changed("level", 2.0)
    np.testing.assert_allclose(after - before, 2.0 * spread[0])


def test_a_season_stays_where_the_scale_changes() -> None:
    before, after, _ = changed("scale", 3.0)
    assert np.median(after[0, 12::24]) == pytest.approx(10.0, abs=2.0)  # 30 if it did not
    assert after[0, 3::24].std() == pytest.approx(3.0 * before[0, 3::24].std())


def test_two_modes_leave_mean_and_spread() -> None:
    before, after, _ = changed("modes", 1.9)
    rest = after[0] - np.where(np.arange(1200) % 24 == 12, 10.0, 0.0)
    assert rest.mean() == pytest.approx(0.0, abs=0.15)
    assert after.std() == pytest.approx(before.std(), rel=0.05)
    assert (np.abs(rest) < 0.5).mean() < 0.15  # 0.38 of a normal law


def test_a_ramp_ends_after_seven_days() -> None:
    before, after, spread = changed("ramp", 4.0)
    way = (after - before)[0] / spread[0]
    assert way[0] == 0.0
    assert way[84] == pytest.approx(2.0)
    np.testing.assert_allclose(way[168:], 4.0)


def test_a_mirror_turns_samples_over() -> None:
    before, after, _ = changed("mirror", 1.0)
    assert np.corrcoef(before[0, 3::24], after[0, 3::24])[0, 1] == pytest.approx(-1.0)


def recorded(days: int, labelled: tuple[int, ...] = (), missing: int = 0) -> Recorded:
    """Return hourly samples, one of them labelled at the start of each of some days."""
    values = season(days)
    values[0, :missing] = np.nan
    is_labelled = np.isin(np.arange(24 * days), [24 * day for day in labelled])
    return Recorded("some", "one", HOUR, 0, values, is_labelled)


@pytest.mark.parametrize(
    ("given", "days"),
    [
        (recorded(13), (0, 0)),
        (recorded(14), (0, 14)),
        (recorded(20), (0, 14)),
        (recorded(30), (0, 28)),
        (recorded(200), (0, 49)),
        (recorded(30, labelled=(3,)), (4, 25)),
        (recorded(30, labelled=(22,)), (0, 21)),
        (recorded(20, labelled=(9,)), (0, 0)),
        (recorded(20, missing=48), (1, 15)),
    ],
)
def test_a_stretch_is_of_whole_weeks_without_labels(given: Recorded, days: tuple[int, int]) -> None:
    start, stop = stretch(given, CHOICE)
    assert (start / 24, stop / 24) == days


def test_days_in_other_order_are_the_same_days() -> None:
    values = np.arange(50.0)[None]
    other = in_other_order(values, 4)
    np.testing.assert_array_equal(other[0, 48:], [48.0, 49.0])
    days, others = values[0, :48].reshape(12, 4), other[0, :48].reshape(12, 4)
    assert (days != others).any()
    np.testing.assert_array_equal(days, others[np.argsort(others[:, 0])])


def write_rows(path: Path, rows: list[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(["timestamp,value,label", *rows, ""]))
    return path


def test_a_column_has_the_newest_sample_since_the_one_before(tmp_path: Path) -> None:
    rows = [f"{60 * minute},{minute},{int(minute == 7)}" for minute in range(6, 21)]
    found = in_columns("some", "one", write_rows(tmp_path / "one.csv.gz", rows))
    assert found.step == 300_000
    np.testing.assert_array_equal(found.times, [600_000, 900_000, 1_200_000])
    np.testing.assert_array_equal(found.values, [[10.0, 15.0, 20.0]])
    np.testing.assert_array_equal(found.is_labelled, [True, False, False])
    with pytest.raises(BadInput, match="found 1 rows"):
        in_columns("some", "one", write_rows(tmp_path / "two.csv.gz", ["60,1,0"]))


def test_data_sets_are_read_by_their_index(tmp_path: Path) -> None:
    rows = [f"{3600 * hour},{hour},0" for hour in range(50)]
    write_rows(tmp_path / "some" / "one.csv.gz", rows)
    (tmp_path / "some" / "index.csv").write_text("series\none\n")
    (found,) = monitored(tmp_path, ())
    assert (found.dataset, found.name, found.step, found.values.shape) == (
        "some",
        "one",
        HOUR,
        (1, 50),
    )


def test_the_recorded_host_has_quiet_series_and_no_counters() -> None:
    found = list(recording())
    assert len(found) == 59
    assert all(one.values.shape == found[0].values.shape for one in found)
    rising = [one for one in found if np.nanmin(np.diff(one.values)) >= 0 < np.ptp(one.values)]
    assert not rising
