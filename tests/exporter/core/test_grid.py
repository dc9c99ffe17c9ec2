import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.grid import grid, join, to_batch
from exporter.core.series import SeriesBatch
from exporter.errors import DataError
from tests.reference import grid as reference

STEP = 15_000
START = 1_763_700_000_000
COLUMNS = 5
END = START + (COLUMNS - 1) * STEP

samples_of_one = st.lists(
    st.tuples(
        st.integers(0, COLUMNS - 1).map(lambda column: START + column * STEP),
        st.floats(allow_nan=True, allow_infinity=True),
    ),
    max_size=8,
)


def batch_of(samples: list[list[tuple[int, float]]]) -> SeriesBatch:
    flat = [sample for series in samples for sample in series]
    return to_batch(
        tuple(b'{"n":"%d"}' % number for number in range(len(samples))),
        [len(series) for series in samples],
        np.array([time for time, _ in flat], dtype=np.int64),
        np.array([value for _, value in flat], dtype=np.float64),
        start=START,
        end=END,
        step=STEP,
    )


@given(st.lists(samples_of_one, max_size=4))
def test_like_placing_one_sample_after_another(samples: list[list[tuple[int, float]]]) -> None:
    batch = batch_of(samples)
    expected = reference.place(samples, START, END, STEP)
    np.testing.assert_array_equal(batch.values, np.array(expected).reshape(batch.values.shape))
    assert batch.times.tolist() == [START, START + STEP, START + 2 * STEP, START + 3 * STEP, END]


@pytest.mark.parametrize(
    "beside", [START - STEP, START - 1, START + 1, END + STEP], ids=["before", "-1", "+1", "after"]
)
def test_a_sample_beside_the_grid_is_refused_and_named(beside: int) -> None:
    with pytest.raises(DataError, match=r'\{"n":"1"\} has a sample at 2025-11-21T') as caught:
        batch_of([[(START, 1.0)], [(END, 2.0), (beside, 3.0)]])
    assert caught.value.reason == "malformed"


def test_a_series_that_comes_twice_is_refused() -> None:
    times = np.array([START, START], dtype=np.int64)
    with pytest.raises(DataError, match=r"a.*twice"):
        to_batch((b"a", b"a"), [1, 1], times, np.ones(2), start=START, end=END, step=STEP)


tables = st.lists(
    st.tuples(
        st.integers(1, 3), st.lists(st.sampled_from([b"a", b"b", b"c"]), unique=True, max_size=3)
    ),
    min_size=1,
    max_size=4,
)


@given(tables, st.data())
def test_joined_like_rows_laid_end_to_end(
    shapes: list[tuple[int, list[bytes]]], data: st.DataObject
) -> None:
    parts, plain, start = [], [], START
    for width, keys in shapes:
        rows = [data.draw(st.lists(st.floats(), min_size=width, max_size=width)) for _ in keys]
        times = grid(start, start + (width - 1) * STEP, STEP)
        values = np.array(rows, dtype=np.float64).reshape(len(keys), width)
        parts.append(SeriesBatch(tuple(keys), times, values, STEP))
        plain.append(dict(zip(keys, rows, strict=True)))
        start += width * STEP
    joined = join(parts)
    expected = reference.join(plain, [width for width, _ in shapes])
    assert joined.keys == tuple(expected)
    assert joined.times.tolist() == list(range(START, start, STEP))
    shape = (len(expected), len(joined.times))
    np.testing.assert_array_equal(joined.values, np.array(list(expected.values())).reshape(shape))


def test_a_sample_that_is_nan_is_told_from_none() -> None:
    nan = float("nan")
    batch = batch_of([[(START, 1.0), (START + STEP, nan)], [(START, 2.0)]])
    plain = batch_of([[(START, 1.0)]])
    assert batch.undefined is not None
    assert np.argwhere(batch.undefined).tolist() == [[0, 1]]
    assert plain.undefined is None
    later = SeriesBatch(batch.keys[:1], batch.times + COLUMNS * STEP, batch.values[:1], STEP)
    joined = join([later, batch])
    assert joined.undefined is not None
    assert np.argwhere(joined.undefined).tolist() == [[0, COLUMNS + 1]]
    place = joined.rows(np.array([1, 0])).columns(COLUMNS + 1, 2 * COLUMNS).undefined
    assert place is not None
    assert np.argwhere(place).tolist() == [[1, 0]]
