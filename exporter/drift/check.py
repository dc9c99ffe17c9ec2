"""What does one drift check of one query do? Pure: no I/O, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.core.groups import groups_by
from exporter.core.pieces import Mapper
from exporter.core.ring import Ring
from exporter.core.rows import select_keys
from exporter.core.series import Bools, Floats, Ints, Keys, utc_offsets
from exporter.drift.base import Drift
from exporter.drift.baselines import Baseline, Cohort
from exporter.drift.hours import same_hours
from exporter.drift.plan import DriftPlan
from exporter.drift.samples import (
    ROWS,
    Reference,
    Samples,
    autocorrelation_times,
    samples_of,
)
from exporter.errors import DriftError

DAY: Final = 86_400_000
WEEK: Final = 7 * DAY


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


_Piece = tuple[int, Cohort, Bools, int, Ints, Ints]
"""Number of a cohort, the cohort, which of its columns to compare with, after how many of these the
hours are the same again, rows of the series that are there, and those of the cohort."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both sides of some series, and which of the series that are there they are."""

    rows: Ints
    cohort: int
    reference: Reference
    recent: Samples


def check(plan: DriftPlan, ring: Ring, baseline: Baseline | None, each: Mapper) -> Checked:
    """Compare the newest columns of every series that is there with its baseline.

    ring : of at least the columns of the window
    each : does pieces of the work
    """
    there = ring.present(plan.grace)
    keys = select_keys(ring.keys, there)
    blank = np.full(len(keys), np.nan)
    pairs = [] if baseline is None else _pairs(plan, ring, there, keys, baseline.cohorts, each)
    if not pairs:
        nothing = Drift(blank, blank, np.zeros(len(keys), dtype=np.int8))
        return Checked(keys, {test.name: nothing for test in plan.tests}, blank, blank, blank)
    rows = np.concatenate([pair.rows for pair in pairs])
    reference = Reference(
        _joined([pair.reference.samples for pair in pairs]),
        np.concatenate([pair.reference.memory for pair in pairs]),
        min(pair.reference.season for pair in pairs),
    )
    recent = _joined([pair.recent for pair in pairs])
    groups = None
    if not all(test.is_independent for test in plan.tests):
        groups = _groups(plan, select_keys(keys, rows), pairs)
    found: dict[str, Drift] = {}
    failure = None
    for test in plan.tests:
        try:
            drift = test.compare(reference, recent, groups, each)
        except DriftError as error:
            failure = error
            drift = Drift(blank[rows], blank[rows], np.zeros(len(rows), dtype=np.int8))
        found[test.name] = drift
    tests = {name: _spread(drift, rows, len(keys)) for name, drift in found.items()}
    before, now = blank.copy(), blank.copy()
    before[rows], now[rows] = _medians(reference.samples), _medians(recent)
    alone = [tests[test.name] for test in plan.tests if test.is_independent]
    together = [tests[test.name] for test in plan.tests if not test.is_independent]
    severity = agreed(alone, len(keys))
    for drift in together:
        severity = np.fmax(severity, agreed([drift], len(keys)))
    return Checked(keys, tests, severity, before, now, failure)


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


def columns_like(plan: DriftPlan, reference: Ints, recent: Ints) -> tuple[Bools, int]:
    """Return which columns of a baseline are of the same hours as the window.

    Of the week where it holds a week, else of the day where it holds a day, else all.

    reference, recent : int64 [R] and [W], unix milliseconds

    Returns
    -------
    bool [R], and after how many of those chosen the hours are the same again; 0 for never
    """
    span = len(reference) * plan.step
    if span < DAY:
        return np.ones(len(reference), dtype=np.bool_), 0
    wall, now = _on_clock(plan, reference), _on_clock(plan, recent)
    if span < WEEK:
        wall, now = wall % DAY, now % DAY
    chosen = same_hours(wall, now)
    columns, rest = divmod(DAY if span < WEEK else WEEK, plan.step)
    return chosen, 0 if rest else int(chosen[:columns].sum())


def _on_clock(plan: DriftPlan, times: Ints) -> Ints:
    return times if plan.zone is None else times + utc_offsets(times, plan.zone)


def _pairs(
    plan: DriftPlan, ring: Ring, there: Ints, keys: Keys, cohorts: Sequence[Cohort], each: Mapper
) -> list[_Pair]:
    """Return both sides of the series that have a baseline, some at a time."""
    recent = ring.times()[-plan.window :]
    in_order = not all(test.is_independent for test in plan.tests)
    # The rhythm of the days is the same on both sides, and a day is too short to know it by.
    day, rest = divmod(DAY, plan.step)
    day = 0 if rest else day
    row_of = {key: row for row, key in enumerate(keys)}
    pieces: list[_Piece] = []
    for number, cohort in enumerate(cohorts):
        chosen, again = columns_like(plan, cohort.times, recent)
        shared = [(row_of[key], mine) for mine, key in enumerate(cohort.keys) if key in row_of]
        both = np.array(shared, dtype=np.int64).reshape(-1, 2)
        for first in range(0, len(both), ROWS):
            rows, mine = both[first : first + ROWS].T
            pieces.append((number, cohort, chosen, again, rows, mine))

    def pair_of(piece: _Piece) -> _Pair:
        number, cohort, chosen, again, rows, mine = piece
        now = cohort.rounded(mine, ring.samples(there[rows], recent))
        # A single day cannot tell memory from rhythm, so that is known from all columns.
        new = mine[np.isnan(cohort.memory[mine])]
        whole = cohort.values(new, np.arange(len(cohort.times)))
        cohort.memory[new] = autocorrelation_times(whole, day)
        past = samples_of(cohort.values(mine, np.flatnonzero(chosen)), in_order=in_order)
        return _Pair(
            rows,
            number,
            Reference(past, cohort.memory[mine], again),
            samples_of(now, in_order=in_order),
        )

    return list(each(pair_of, pieces))


def _joined(parts: Sequence[Samples]) -> Samples:
    """Return the samples of all series, with as many columns as the widest has."""
    width = max(part.ascending.shape[1] for part in parts)
    kept = [part.values for part in parts if part.values is not None]
    return Samples(
        np.concatenate([_widened(part.ascending, width) for part in parts]),
        np.concatenate([part.count for part in parts]),
        np.concatenate([_widened(values, width) for values in kept]) if kept else None,
    )


def _widened(values: Floats, width: int) -> Floats:
    missing = width - values.shape[1]
    return np.pad(values, ((0, 0), (0, missing)), constant_values=np.nan) if missing else values


def _groups(plan: DriftPlan, keys: Keys, pairs: Sequence[_Pair]) -> Ints:
    """Return the group of each series, int64 [S]; cohorts were seen at different times."""
    cohorts = np.concatenate([np.full(len(pair.rows), pair.cohort) for pair in pairs])
    both = np.stack([groups_by(keys, plan.by), cohorts])
    numbers: Ints = np.unique(both, axis=1, return_inverse=True)[1].reshape(-1)
    return numbers


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
