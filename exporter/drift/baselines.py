"""What is a query's drift measured from? Baselines: taken, added to, and kept as versions."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from exporter.core.ring import Ring
from exporter.core.rows import State, concatenate, select_keys, take_rows
from exporter.core.series import Floats, Ints, Keys
from exporter.drift.plan import DriftPlan

Reason = Literal["first run", "more history", "schedule", "command"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

KEPT: Final = 5
"""Versions to look at; only the newest keeps its samples."""

SHARES: Final = (
    0.0,
    1.0,
    5.0,
    10.0,
    20.0,
    30.0,
    40.0,
    50.0,
    60.0,
    70.0,
    80.0,
    90.0,
    95.0,
    99.0,
    100.0,
)
"""Percentiles that a version is described by; those at tens are the edges of a histogram of ten
bins with a tenth of the samples each."""

PIECE: Final = 256
"""Series that are taken at a time, so that no second copy of all is in memory."""

MOST_OF_IT: Final = 0.95
"""Share of the configured span from which a baseline counts as whole."""

Singles = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """The samples of S series whose baseline is of the same time.

    Parameters
    ----------
    keys : S series
    times : int64 [R], unix milliseconds
    centers : float64 [S], the median of each
    rest : float32 [S, R], what is left of the samples without it; NaN is no sample

    Attributes
    ----------
    memory : float64 [S], autocorrelation time of each. NaN until the first check has measured it,
        which is most of the work and the same for all checks; nothing else is ever written to
    """

    keys: Keys
    times: Ints
    centers: Floats
    rest: Singles
    memory: Floats = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "memory", np.full(len(self.centers), np.nan))

    def values(self, rows: Ints, columns: Ints) -> Floats:
        """Return samples as they came, as far as they are kept: float64 [rows, columns]."""
        kept: Floats = self.rest[rows[:, None], columns].astype(np.float64)
        kept += self.centers[rows, None]
        return kept

    def rounded(self, rows: Ints, values: Floats) -> Floats:
        """Return other samples of some series, rounded as these are: what was equal stays so."""
        found: Floats = _rest(values, self.centers[rows]).astype(np.float64)
        found += self.centers[rows, None]
        return found

    def keep(self, rows: Ints) -> "Cohort":
        """Return some of the series."""
        return Cohort(select_keys(self.keys, rows), self.times, self.centers[rows], self.rest[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """What is known for good of a baseline.

    Parameters
    ----------
    number : from 1 on
    taken : unix milliseconds
    reason : why
    first, last : unix milliseconds of its oldest and newest column
    is_short : it was taken from less history than is configured
    keys : S series
    summary : `samples` int64 [S]; `mean`, `deviation` float64 [S]; `percentiles` float64 [S, P]
    """

    number: int
    taken: int
    reason: Reason
    first: int
    last: int
    is_short: bool
    keys: Keys
    summary: State


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What the series of a query are compared with; never written to.

    Parameters
    ----------
    versions : the newest last
    cohorts : the samples of the newest; the first one was taken with it, those after it are of
        series that were born later
    """

    versions: tuple[Version, ...]
    cohorts: tuple[Cohort, ...]

    @property
    def newest(self) -> Version:
        """The version in force."""
        return self.versions[-1]

    @property
    def known(self) -> set[bytes]:
        """The series that it is of."""
        return {key for cohort in self.cohorts for key in cohort.keys}


def cohort_of(
    ring: Ring, plan: DriftPlan, least: int, but: set[bytes] | None = None
) -> Cohort | None:
    """Return the newest samples; None if there is less than a window of them, or of any series.

    The window that is compared with them is among them: what is so now is what is usual then.

    ring : of at least the columns of the reference
    least : samples that a series needs
    but : series to leave out
    """
    times = ring.times()[-plan.reference :]
    rows = np.array(
        [row for row, key in enumerate(ring.keys) if key not in (but or ())], dtype=np.int64
    )
    kept, centers, rest = [], [np.empty(0)], [np.empty((0, len(times)), dtype=np.float32)]
    for first in range(0, len(rows), PIECE):
        some = rows[first : first + PIECE]
        values = ring.learnable(some, times)
        values[~np.isfinite(values)] = np.nan
        has_enough = np.isfinite(values).sum(1) >= max(1, least)
        kept.append(some[has_enough])
        centers.append(np.nanmedian(values[has_enough], 1))
        rest.append(_rest(values[has_enough], centers[-1]))
    whole = np.concatenate(rest)
    if not len(whole):
        return None
    start = int(np.argmax(np.isfinite(whole).any(0)))
    if len(times) - start < plan.window:
        return None
    keys = select_keys(ring.keys, np.concatenate(kept))
    return Cohort(keys, times[start:], np.concatenate(centers), whole[:, start:].copy())


def retaken(
    before: Baseline | None, cohort: Cohort, plan: DriftPlan, now: int, reason: Reason
) -> Baseline:
    """Return the baseline with a new version.

    now : unix milliseconds
    """
    earlier = () if before is None else before.versions
    span = len(cohort.times) / plan.reference
    version = Version(
        number=earlier[-1].number + 1 if earlier else 1,
        taken=now,
        reason=reason,
        first=int(cohort.times[0]),
        last=int(cohort.times[-1]),
        is_short=span < MOST_OF_IT,
        keys=cohort.keys,
        summary=_summary(cohort),
    )
    return Baseline((*earlier, version)[-KEPT:], (cohort,))


def with_born(before: Baseline, cohort: Cohort | None, there: set[bytes]) -> Baseline:
    """Return the baseline with series that were born since, and without those that are gone.

    there : all series that the recent past knows
    """
    kept = [
        cohort.keep(
            np.array([row for row, key in enumerate(cohort.keys) if key in there], np.int64)
        )
        for cohort in before.cohorts
    ]
    cohorts = [one for one in kept if one.keys]
    version = before.newest
    if cohort is not None:
        cohorts.append(cohort)
        added = _summary(cohort)
        version = replace(
            version,
            keys=version.keys + cohort.keys,
            summary=concatenate([version.summary, added]),
        )
    is_kept = np.array([row for row, key in enumerate(version.keys) if key in there], np.int64)
    version = replace(
        version,
        keys=select_keys(version.keys, is_kept),
        summary=take_rows(version.summary, is_kept),
    )
    return Baseline((*before.versions[:-1], version), tuple(cohorts))


def _rest(values: Floats, centers: Floats) -> Singles:
    with np.errstate(over="ignore", invalid="ignore"):
        return (values - centers[:, None]).astype(np.float32)


def _summary(cohort: Cohort) -> State:
    columns = np.arange(len(cohort.times))
    parts = []
    for first in range(0, len(cohort.keys), PIECE):
        rows = np.arange(first, min(first + PIECE, len(cohort.keys)))
        values = cohort.values(rows, columns)
        values[~np.isfinite(values)] = np.nan
        parts.append(
            {
                "samples": np.isfinite(values).sum(1),
                "mean": np.nanmean(values, 1),
                "deviation": np.nanstd(values, 1),
                "percentiles": np.nanpercentile(values, SHARES, 1).T,
            }
        )
    return concatenate(parts)
