import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.core.quality import FADING, Counts, Quality, merged, observe
from exporter.core.series import NEVER, Bools, Floats, Ints, SeriesBatch
from tests.reference import quality as reference

STEP = 15_000
LONGEST = 4 * STEP
FIRST = 1_763_700_000_000
NAN = math.nan

Seen = tuple[Quality, Ints, Ints]


def batch_of(values: Floats, undefined: Bools | None = None, first: int = 0) -> SeriesBatch:
    series, columns = values.shape
    times = FIRST + np.arange(first, first + columns, dtype=np.int64) * STEP
    keys = tuple(b'{"n":"%d"}' % row for row in range(series))
    return SeriesBatch(keys, times, values, STEP, undefined=undefined)


def nothing(series: int) -> Seen:
    never = np.full(series, NEVER, dtype=np.int64)
    return Quality(), never, never


def after(known: Seen, batch: SeriesBatch, until: int) -> Seen:
    """Observe a batch and remember values as the pipeline does."""
    quality, seen, heard = known
    quality, heard = observe(quality, seen, heard, batch, until, LONGEST)
    has_value = ~np.isnan(batch.values)
    newest = np.where(has_value, batch.times, NEVER).max(1)
    return quality, np.maximum(seen, newest), heard


def quality_of(values: Floats, undefined: Bools | None = None) -> Quality:
    return after(nothing(len(values)), batch_of(values, undefined), NEVER)[0]


def with_holes(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Floats, Bools]:
    """Return samples in runs that come and go, some of them infinite, and some NaN."""
    kind = np.repeat(rng.integers(0, 5, shape), 4, axis=1)[:, 1 : shape[1] + 1]
    kind[rng.random(shape) < 0.2] = 0
    values = np.where(kind < 3, rng.normal(size=shape), NAN)
    values[rng.random(shape) < 0.05] = math.inf
    return values, np.isnan(values) & (rng.random(shape) < 0.3)


@given(st.integers(0, 2**32), st.sets(st.integers(1, 29)))
def test_counts_what_looking_at_each_series_alone_counts_however_it_is_cut(
    seed: int, cuts: set[int]
) -> None:
    values, undefined = with_holes(np.random.default_rng(seed), (4, 30))
    whole = batch_of(values, undefined)
    expected = reference.counts(values, undefined, STEP, LONGEST, FADING)
    known, until = nothing(4), NEVER
    edges = [0, *sorted(cuts), 30]
    for start, stop in pairwise(edges):
        piece = whole.columns(start, stop)
        known, until = after(known, piece, until), int(piece.times[-1])
    np.testing.assert_allclose(known[0].counts, expected, rtol=1e-9, atol=1e-12)
    rows = [quality_of(values[[row]], undefined[[row]]) for row in range(4)]
    np.testing.assert_allclose(merged(rows).numbers(), known[0].numbers(), rtol=1e-9, atol=1e-12)


def test_by_hand() -> None:
    values = np.array([[1.0, NAN, NAN, 4.0], [1.0, 2.0, 3.0, math.inf]])
    found = quality_of(values)
    fade = math.exp(-STEP / FADING)
    weights = [fade**3, fade**2, fade, 1.0]
    assert found.counts == pytest.approx(
        Counts(
            arrived=2 * weights[0] + weights[1] + weights[2] + 2 * weights[3],
            lost=2.0,
            gaps=1.0,
            unfit=1.0,
        )
    )
    assert found.seconds == pytest.approx(15 * sum(weights))
    assert found.completeness == pytest.approx(found.counts.arrived / (found.counts.arrived + 2))
    assert found.unfit == pytest.approx(1 / found.counts.arrived)
    assert found.gaps_per_second == pytest.approx(1 / found.seconds)
    assert found.newest == FIRST + 3 * STEP
    assert Quality.of(found.numbers()) == found


def test_every_fifth_sample_lost_is_four_fifths_complete() -> None:
    values = np.ones((10, 1_001))
    values[:, 4:-1:5] = NAN
    found = quality_of(values)
    assert found.completeness == pytest.approx(0.8, abs=0.01)
    assert found.gaps_per_second == pytest.approx(10 / 75, rel=0.03)


def test_the_end_of_a_series_is_no_gap_and_neither_is_a_long_absence() -> None:
    values = np.ones((3, 20))
    values[0, 10:] = NAN  # gone for good
    values[1, 5:12] = NAN  # reported as missing, and back
    values[2, :8] = NAN  # born
    found = quality_of(values)
    assert found.completeness == 1
    assert found.counts.vanished == pytest.approx(
        math.exp(-4 * STEP / FADING) + math.exp(-9 * STEP / FADING), rel=0.02
    )
    assert found.counts.appeared == pytest.approx(
        math.exp(-11 * STEP / FADING) + math.exp(-7 * STEP / FADING), rel=0.02
    )


def test_gaps_of_yesterday_are_not_those_of_today() -> None:
    values = np.ones((1, 24 * 240))
    values[:, 100:2_000:3] = NAN
    assert quality_of(values).completeness > 0.999999


def test_a_sample_that_is_nan_has_come_all_the_same() -> None:
    """Such as an error ratio while nobody asks anything."""
    values = np.array([[1.0, NAN, NAN, 2.0]])
    found = quality_of(values, np.isnan(values))
    assert found.completeness == 1
    assert found.unfit == pytest.approx(0.5, abs=0.01)


def test_without_samples_nothing_is_known() -> None:
    for found in (Quality(), quality_of(np.full((2, 3), NAN)), quality_of(np.ones((0, 3)))):
        assert math.isnan(found.completeness)
        assert math.isnan(found.unfit)
        assert found.newest == NEVER
    assert math.isnan(Quality().appeared_per_second)
    assert quality_of(np.ones((0, 3))).vanished_per_second == 0
