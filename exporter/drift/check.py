"""What does one drift check of one query do? Pure: no I/O, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.core.groups import groups_by, members_of
from exporter.core.pieces import Mapper
from exporter.core.ring import Ring
from exporter.core.rows import select_keys
from exporter.core.series import Bools, Floats, Ints, Keys, utc_offsets
from exporter.drift.base import Drift, GroupTest, Measured, SeriesTest
from exporter.drift.baselines import Baseline, Cohort
from exporter.drift.hours import columns_a_day, columns_like
from exporter.drift.plan import DriftPlan
from exporter.drift.samples import (
    ROWS,
    Reference,
    Samples,
    autocorrelation_times,
    samples_of,
)
from exporter.drift.together import Together
from exporter.errors import DriftError


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What a check found of the series that are there.

    Parameters
    ----------
    keys : S series
    tests : test -> what it found; NaN for series that it cannot tell of
    severity : float64 [S], 0 to 3; NaN for series that no test can tell of
    before, now : float64 [S], the median of the baseline at these hours, and of the window
    failure : why a test failed; the others went on
    """

    keys: Keys
    tests: Mapping[str, Drift]
    severity: Floats
    before: Floats
    now: Floats
    failure: DriftError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Shared:
    """The series that are there and in a cohort: their rows in both, int64 [S] each."""

    cohort: Cohort
    like: Bools
    rows: Ints
    mine: Ints

    def some(self, chosen: Ints | slice) -> "_Shared":
        return _Shared(self.cohort, self.like, self.rows[chosen], self.mine[chosen])


_Outcomes = Mapping[str, Measured | DriftError]
"""Test -> what it measured, or why it could not."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What was measured of some series: numbers, since their samples would be in the way."""

    rows: Ints
    before: Floats
    now: Floats
    outcomes: _Outcomes


def check(plan: DriftPlan, ring: Ring, baseline: Baseline | None, each: Mapper) -> Checked:
    """Compare the newest columns of every series that is there with its baseline.

    ring : of at least the columns of the window
    each : does pieces of the work
    """
    there = ring.present(plan.grace)
    keys = select_keys(ring.keys, there)
    recent = ring.times()[-plan.window :]
    now = _on_clock(plan, recent)
    row_of = {key: row for row, key in enumerate(keys)}
    shared = [
        _shared(cohort, columns_like(_on_clock(plan, cohort.times), now, plan.step), row_of)
        for cohort in ([] if baseline is None else baseline.cohorts)
    ]
    alone = [test for test in plan.tests if isinstance(test, SeriesTest)]
    grouped = [test for test in plan.tests if isinstance(test, GroupTest)]

    def piece_of(some: _Shared) -> _Piece:
        past, window = _sides(plan, some, ring.samples(there[some.rows], recent))
        outcomes = {test.name: _tried(test, past, window) for test in alone}
        return _Piece(some.rows, _medians(past.samples), _medians(window), outcomes)

    def group_of(some: _Shared) -> _Piece:
        cohort = some.cohort
        together = Together(
            cohort.values(some.mine, np.arange(len(cohort.times))),
            cohort.rounded(some.mine, ring.samples(there[some.rows], recent)),
            _on_clock(plan, cohort.times),
            now,
            plan.step,
        )
        outcomes = {test.name: _tried_together(test, together) for test in grouped}
        return _Piece(some.rows, np.empty(0), np.empty(0), outcomes)

    pieces = list(each(piece_of, _in_pieces(shared)))
    groups = list(each(group_of, _in_groups(plan, keys, shared))) if grouped else []
    blank = np.full(len(keys), np.nan)
    before, after = blank.copy(), blank.copy()
    for piece in pieces:
        before[piece.rows], after[piece.rows] = piece.before, piece.now
    tests: dict[str, Drift] = {}
    failure = None
    for test in plan.tests:
        mine = groups if isinstance(test, GroupTest) else pieces
        outcomes = [(piece.rows, piece.outcomes[test.name]) for piece in mine]
        failed = [found for _, found in outcomes if isinstance(found, DriftError)]
        failure = failed[0] if failed else failure
        told = [] if failed else [(r, one) for r, one in outcomes if isinstance(one, Measured)]
        rows = np.concatenate([np.empty(0, dtype=np.int64), *(rows for rows, _ in told)])
        tests[test.name] = _spread(test.judge([one for _, one in told]), rows, len(keys))
    severity = agreed([tests[test.name] for test in alone], len(keys))
    for one in grouped:
        severity = np.fmax(severity, agreed([tests[one.name]], len(keys)))
    return Checked(keys, tests, severity, before, after, failure)


def agreed(found: Sequence[Drift], series: int) -> Floats:
    """Return the severity that most tests which can tell reach, float64 [S]; NaN if none can.

    Two of two and of three, so that a weakness of one test alarms nobody.
    """
    if not found:
        return np.full(series, np.nan)
    tells = np.array([~np.isnan(drift.statistic) for drift in found])
    degrees = np.where(tells, np.array([drift.severity for drift in found]), -1)
    degrees = -np.sort(-degrees, 0)
    count = tells.sum(0)
    most = degrees[np.minimum(count // 2, len(found) - 1), np.arange(series)]
    return np.where(count > 0, most, np.nan)


def _on_clock(plan: DriftPlan, times: Ints) -> Ints:
    return times if plan.zone is None else times + utc_offsets(times, plan.zone)


def _shared(cohort: Cohort, like: Bools, row_of: Mapping[bytes, int]) -> _Shared:
    """Return which series are in both; `like` are the columns to compare with."""
    both = [(row_of[key], mine) for mine, key in enumerate(cohort.keys) if key in row_of]
    rows, mine = np.array(both, dtype=np.int64).reshape(-1, 2).T
    return _Shared(cohort, like, rows, mine)


def _in_pieces(shared: Sequence[_Shared]) -> Iterator[_Shared]:
    """Yield all series, some at a time."""
    for one in shared:
        for first in range(0, len(one.rows), ROWS):
            yield one.some(slice(first, first + ROWS))


def _in_groups(plan: DriftPlan, keys: Keys, shared: Sequence[_Shared]) -> Iterator[_Shared]:
    """Yield each group; cohorts were seen at different times, and so are groups of their own."""
    for one in shared:
        for members in members_of(groups_by(select_keys(keys, one.rows), plan.by)):
            yield one.some(members)


def _sides(plan: DriftPlan, some: _Shared, values: Floats) -> tuple[Reference, Samples]:
    """Return both sides of some series; `values` [S, M] are those of the window."""
    cohort, mine = some.cohort, some.mine
    # A single day cannot tell memory from rhythm, so that is known from all columns.
    new = mine[np.isnan(cohort.memory[mine])]
    whole = cohort.values(new, np.arange(len(cohort.times)))
    # The rhythm of the days is the same on both sides, and a day is too short to know it by.
    cohort.memory[new] = autocorrelation_times(whole, columns_a_day(plan.step))
    past = samples_of(cohort.values(mine, np.flatnonzero(some.like)))
    return Reference(past, cohort.memory[mine]), samples_of(cohort.rounded(mine, values))


def _tried(test: SeriesTest, past: Reference, window: Samples) -> Measured | DriftError:
    try:
        return test.measure(past, window)
    except DriftError as error:
        return error


def _tried_together(test: GroupTest, group: Together) -> Measured | DriftError:
    try:
        return test.measure(group)
    except DriftError as error:
        return error


def _spread(drift: Drift, rows: Ints, series: int) -> Drift:
    """Return what was found of some series as that of all."""
    statistic, p_value = np.full(series, np.nan), np.full(series, np.nan)
    severity = np.zeros(series, dtype=np.int8)
    statistic[rows], p_value[rows], severity[rows] = drift.statistic, drift.p_value, drift.severity
    return Drift(statistic, p_value, severity)


def _medians(samples: Samples) -> Floats:
    last = np.maximum(samples.count - 1, 0)
    rows = np.arange(len(last))
    if not samples.ascending.shape[1]:
        return np.full(len(last), np.nan)
    middle = samples.ascending[rows, last // 2] / 2 + samples.ascending[rows, (last + 1) // 2] / 2
    return np.where(samples.count > 0, middle, np.nan)
