"""Which columns rows get, what a server's score is, and what a file has to look like."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.entity import server_scores
from benchmarks.accuracy.files import BadInput, datasets_of, read_series, series_of, write_scores
from benchmarks.accuracy.timeline import FIRST_ROWS, infer_step, lay_out

MINUTE = 60_000


def test_rows_of_a_regular_file_are_its_columns() -> None:
    timeline = lay_out(np.arange(5, dtype=np.int64) * MINUTE + 7 * MINUTE)
    assert (timeline.step, timeline.start, timeline.columns) == (MINUTE, 7 * MINUTE, 5)
    assert timeline.column.tolist() == [0, 1, 2, 3, 4]
    assert timeline.times(3, 5).tolist() == [10 * MINUTE, 11 * MINUTE]


def test_columns_are_multiples_of_the_step_whatever_the_phase() -> None:
    timeline = lay_out(np.arange(5, dtype=np.int64) * MINUTE + 17_000)
    assert timeline.start == 0
    assert timeline.column.tolist() == [0, 1, 2, 3, 4]


def test_gaps_duplicates_jitter_and_rows_from_the_past() -> None:
    seconds = [0, 61, 119, 180, 181, 182, 183, 360, 100, 420]
    timeline = lay_out(np.array([*range(-6000, 0, 60), *seconds], dtype=np.int64) * 1000)
    own = timeline.column[100:] - 100
    # 181 moves on to the free column after its own, 182 finds that taken as well, 100 is late.
    assert own.tolist() == [0, 1, 2, 3, 4, 4, 4, 6, 6, 7]
    assert timeline.is_judged[100:].tolist() == [True] * 5 + [False] * 2 + [True, False, True]


def test_the_step_is_the_most_frequent_distance_of_the_first_rows() -> None:
    distances = [300, 300, 600, 300, 900, 300] * 9 + [60] * 1000
    assert infer_step(np.cumsum(distances) * 1000) == 300_000


def test_the_step_of_times_that_are_never_alike_is_their_median() -> None:
    times = np.arange(0, 40 * MINUTE, MINUTE) + np.random.default_rng(1).integers(0, 3000, 40)
    assert infer_step(times) == pytest.approx(MINUTE, abs=1000)
    assert infer_step(np.array([5, 5, 5])) == MINUTE


@given(
    st.lists(st.integers(-200, 400), min_size=FIRST_ROWS, max_size=120),
    st.integers(0, 10**6),
)
def test_later_rows_do_not_move_earlier_ones(distances: list[int], start: int) -> None:
    times = start + np.cumsum(np.array(distances, dtype=np.int64)) * 1000
    whole, head = lay_out(times), lay_out(times[: FIRST_ROWS + 5])
    rows = len(head.column)
    assert (whole.step, whole.start) == (head.step, head.start)
    assert whole.column[:rows].tolist() == head.column.tolist()
    assert whole.is_judged[:rows].tolist() == head.is_judged.tolist()
    assert (np.diff(whole.column) >= 0).all()
    judged = whole.column[whole.is_judged]
    assert (np.diff(judged) > 0).all()


def test_a_server_is_as_anomalous_as_its_three_worst_metrics() -> None:
    nan = np.nan
    scores = np.array([[0.1, nan, nan], [0.5, 0.4, nan], [0.9, nan, nan], [0.7, 0.2, nan]])
    assert server_scores(scores) == pytest.approx(np.array([0.7, 0.3, nan]), nan_ok=True)
    assert server_scores(scores[:2, :1]).tolist() == [pytest.approx(0.3)]
    assert server_scores(scores[:1, :2])[0] == 0.1


def test_reads_any_number_of_metrics_and_never_the_label(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("timestamp,m0,m1,label\n60,1,,oops\n120.5,nan,-2e3,\n")
    found = read_series(path)
    assert found.metrics == ("m0", "m1")
    assert list(found.stamps) == ["60", "120.5"]
    assert found.times.tolist() == [60_000, 120_500]
    assert found.values == pytest.approx(np.array([[1, np.nan], [np.nan, -2e3]]), nan_ok=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found the columns none"),
        ("time,value\n", "found the columns time, value"),
        ("timestamp,label\n1,0\n", "needed are timestamp and value"),
        ("timestamp,m0,m0\n1,2,3\n", "found the column m0 twice"),
        ("timestamp,value\n1,2\n3\n", "a.csv:3: found 1 fields, the header has 2"),
        ("timestamp,value\n1,2\n3,x\n", "a.csv:3: found 'x' in column value"),
        ("timestamp,value\n1,2\n,3\n", "a.csv:3: a row without timestamp"),
    ],
)
def test_says_what_is_wrong_with_a_file(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        read_series(path)


def test_says_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        datasets_of(tmp_path / "nowhere")
    with pytest.raises(BadInput, match=r"has an index\.csv"):
        datasets_of(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "index.csv").write_text("series\na\n")
    assert datasets_of(tmp_path) == ["one"]
    with pytest.raises(BadInput, match="no data set 'two'; there are one"):
        datasets_of(tmp_path, ["two"])
    with pytest.raises(BadInput, match=r"lists a, but neither a\.csv nor a\.csv\.gz"):
        series_of(tmp_path / "one")
    (tmp_path / "one" / "index.csv").write_text("name\na\n")
    with pytest.raises(BadInput, match="no column series, found name"):
        series_of(tmp_path / "one")


def test_what_cannot_be_told_is_left_empty(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    scores = np.array([np.nan, 0.25])
    write_scores(path, ["60", "120"], scores, scores, np.array([False, True]))
    assert path.read_text() == "timestamp,score,event,alert\n60,,,0\n120,0.25,0.25,1\n"
