import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.ring import Ring
from exporter.core.series import NEVER, Floats, SeriesBatch

STEP = 1_000
COLUMNS = 7


def batch_of(first: int, values: Floats, names: list[int]) -> SeriesBatch:
    times = np.arange(first, first + values.shape[1], dtype=np.int64) * STEP
    return SeriesBatch(tuple(b"%d" % name for name in names), times, values, STEP)


# Per batch: columns left out before it, columns in it, and which series it has.
batches = st.lists(
    st.tuples(
        st.integers(0, 10), st.integers(1, 10), st.lists(st.integers(0, 4), unique=True, max_size=4)
    ),
    min_size=1,
    max_size=6,
)


@given(batches, st.integers(0, 2**32 - 1))
def test_it_holds_the_newest_columns_of_every_series(
    plan: list[tuple[int, int, list[int]]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ring, whole = Ring(STEP, COLUMNS), np.full((5, 200), np.nan)
    column = COLUMNS
    order: list[int] = []
    for skipped, width, names in plan:
        column += skipped
        values = rng.normal(size=(len(names), width))
        values[rng.random(values.shape) < 0.3] = np.nan
        whole[names, column : column + width] = values
        ring.append(batch_of(column, values, names))
        order += [name for name in names if name not in order]
        column += width
    rows = np.arange(len(order))
    assert ring.keys == tuple(b"%d" % name for name in order)
    assert ring.until == (column - 1) * STEP
    expected = whole[order, column - COLUMNS : column]
    np.testing.assert_array_equal(ring.samples(rows, ring.times()), expected)
    assert len(ring.times(3)) == 3
    np.testing.assert_array_equal(ring.samples(rows, ring.times(3)), expected[:, ::3])
    for row, name in enumerate(order):
        there = np.flatnonzero(~np.isnan(whole[name]))
        is_remembered = len(there) and there[-1] >= column - COLUMNS
        assert ring.seen[row] == there[-1] * STEP if is_remembered else ring.seen[row] < ring.until


def test_what_is_forgotten_is_gone() -> None:
    ring = Ring(STEP, 3)
    ring.append(batch_of(5, np.array([[1.0], [2.0], [np.inf]]), [1, 2, 3]))
    assert ring.seen.tolist() == [5_000, 5_000, NEVER]
    ring.keep(np.array([1]))
    assert (ring.keys, ring.seen.tolist()) == ((b"2",), [5_000])
    np.testing.assert_array_equal(
        ring.samples(np.array([0]), ring.times()), [[np.nan, np.nan, 2.0]]
    )


def test_masked_samples_are_there_but_not_to_be_learned_from() -> None:
    ring = Ring(1000, 4)
    values = np.arange(8.0).reshape(2, 4)
    ring.append(SeriesBatch((b"a", b"b"), np.arange(4) * 1000, values, 1000))
    rows, times = np.array([1, 0]), ring.times()
    np.testing.assert_array_equal(ring.learnable(rows, times), values[rows])
    ring.masked = lambda keys, at: (np.array(keys) == b"b")[:, None] & (at >= 2000)
    expected = [[4.0, 5.0, np.nan, np.nan], values[0]]
    np.testing.assert_array_equal(ring.learnable(rows, times), expected)
    np.testing.assert_array_equal(ring.newest(2).learnable(rows, times[2:])[0], [np.nan, np.nan])
    np.testing.assert_array_equal(ring.samples(rows, times), values[rows])
