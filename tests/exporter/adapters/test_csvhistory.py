"""Is a CSV file read as it was meant, and refused with its line where it says nothing clear?"""

from pathlib import Path

import numpy as np
import pytest

from exporter.adapters.csvhistory import read_csv
from exporter.errors import TrainingError


def test_rows_are_instants_and_columns_series(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text(
        'timestamp,"load, 1m",queue\n'
        "2026-01-31T10:00:00Z,1.5,\n"
        "\n"
        "2026-01-31T11:01:00+01:00,2e3,NaN\n"
        "1769853720.5,-1,7\n",
        encoding="utf-8-sig",
    )
    history = read_csv(path)
    assert (history.source, history.samples) == ("history.csv", 4)
    assert (history.start, history.end) == (1769853600.0, 1769853720.5)
    np.testing.assert_array_equal(history.series, [[1.5, 2e3, -1.0], [np.nan, np.nan, 7.0]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: found the heading ''; allowed: timestamp,<series...>"),
        ("time,a\n", ":1: found the heading 'time,a'"),
        ("timestamp,a,b,a\n", ":1: the column 'a' comes twice"),
        ("timestamp,a\n", "holds a heading and no rows"),
        ("timestamp,a\n1,2\n2,3,4\n", ":3: found 3 cells, the heading has 2"),
        ("timestamp,a\n1,2\n1,3\n", ":3: the timestamp 1 is not after the one before it"),
        ("timestamp,a\n1,high\n", ":2: found 'high'; allowed: a number"),
        ("timestamp,a\nnoon,1\n", ":2: found the timestamp 'noon'; allowed: unix seconds"),
        ("timestamp,a\n2026-01-31T10:00:00,1\n", "RFC 3339 with a zone"),
        ("timestamp,a\n1769853600000,1\n", ":2: found the timestamp '1769853600000'"),
        ("timestamp,a\n1,\xff\n", "no CSV in UTF-8"),
    ],
)
def test_what_is_unclear_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(TrainingError) as caught:
        read_csv(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"none.csv cannot be read: No such file"):
        read_csv(tmp_path / "none.csv")
