"""What is a drift test?

A frozen dataclass: its fields are its configuration, its one public method compares recent samples
of every series with a reference. It keeps nothing: what it needs to know of the past is in the
reference, which is made once and compared with often.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Lt

from exporter.core.pieces import Mapper, one_by_one
from exporter.core.series import Bools, Floats
from exporter.drift.discovery import adjusted
from exporter.drift.samples import Piece, Reference, Samples, pieces_of
from exporter.drift.together import Together
from exporter.errors import DriftError

NONE: Final = 0
MODERATE: Final = 1
HIGH: Final = 2
CRITICAL: Final = 3

Measure: TypeAlias = tuple[Floats, Floats]
"""Statistic and p value, each float64 [S], both NaN where a test cannot tell."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What a test measured of some series, before it is known what it did of the others.

    Parameters
    ----------
    statistic, p_value : float64 [S], as in `Drift`
    is_certain : bool [S], whether the change is no chance, however many series there are
    """

    statistic: Floats
    p_value: Floats
    is_certain: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What a test found.

    Parameters
    ----------
    statistic : float64 [S], how large the change is, at least 0; NaN where it cannot tell
    p_value : float64 [S], how probable so large a change were without drift, of each series by
        itself; NaN likewise
    severity : int8 [S], `NONE`, `MODERATE`, `HIGH` or `CRITICAL`; `NONE` where it cannot tell
    """

    statistic: Floats
    p_value: Floats
    severity: npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class DriftTest:
    """Tell whether recent samples of series are distributed as those of a reference.

    Parameters
    ----------
    kind : as configured; every test narrows it to one word
    alpha : p value, adjusted for the number of series, below which a change is no chance
    moderate, high, critical : statistic from which a change that is no chance is called so
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    kind: str = ""
    alpha: Annotated[float, Gt(0), Lt(1)] = 0.01
    moderate: Annotated[float, Ge(0)] = 0.0
    high: Annotated[float, Ge(0)] = 0.3
    critical: Annotated[float, Ge(0)] = 0.5

    def __post_init__(self) -> None:
        if not self.moderate <= self.high <= self.critical:
            raise ValueError(
                f"moderate, high and critical are {self.moderate}, {self.high} and "
                f"{self.critical}; they must not descend"
            )

    @property
    def name(self) -> str:
        """The kind, as published in the label `test`."""
        return self.kind

    @final
    def judge(self, parts: Sequence[Measured]) -> Drift:
        """Return what was found of all series of a query, S of them in all parts together.

        All at once, since of many series some differ by chance.
        """
        statistic = np.concatenate([np.empty(0), *(part.statistic for part in parts)])
        p_value = np.concatenate([np.empty(0), *(part.p_value for part in parts)])
        certain = [np.zeros(0, dtype=np.bool_), *(part.is_certain for part in parts)]
        is_drift = (adjusted(p_value) < self.alpha) | np.concatenate(certain)
        cuts = np.array([self.moderate, self.high, self.critical])
        degree = (statistic[:, None] >= cuts).sum(1)
        severity = np.where(is_drift, degree, NONE).astype(np.int8)
        return Drift(statistic, p_value, severity)

    @contextmanager
    def _failing_alone(self) -> Iterator[None]:
        """Turn what may go wrong in arithmetic into a `DriftError`."""
        try:
            with np.errstate(all="ignore"):
                yield
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise DriftError(self.name, f"{type(error).__name__}: {error}") from error


class SeriesTest(DriftTest, ABC):
    """A test that measures each series without regard to the others."""

    @final
    def compare(self, reference: Reference, recent: Samples, each: Mapper = one_by_one) -> Drift:
        """Measure and judge the samples of S series; nothing is written to.

        Parameters
        ----------
        reference : of S series, N samples each
        recent : of the same series, M samples each
        each : does pieces of the work

        Raises
        ------
        DriftError
            The samples do not fit, or its arithmetic failed.
        """
        series = len(reference.samples.count)
        if len(recent.count) != series:
            raise DriftError(
                self.name, f"the reference is of {series} series, the window of {len(recent.count)}"
            )

        def work(piece: Piece) -> Measured:
            return self.measure(reference.rows(*piece), recent.rows(*piece))

        return self.judge(list(each(work, pieces_of(series))))

    @final
    def measure(self, reference: Reference, recent: Samples) -> Measured:
        """Measure some of a query's series.

        Raises
        ------
        DriftError
            Its arithmetic failed.
        """
        with self._failing_alone():
            statistic, p_value = self._measure(reference, recent)
            # No arithmetic is needed for one constant, nor to know that there are too few samples.
            is_same = reference.equals(recent)
            tells = reference.tells(recent)
            statistic = np.where(tells, np.where(is_same, 0.0, statistic), np.nan)
            p_value = np.where(tells, np.where(is_same, 1.0, p_value), np.nan)
            return Measured(statistic, p_value, self._stands_out(reference, recent, statistic))

    @abstractmethod
    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        """Measure series; those that cannot tell, or are one constant, may hold anything."""

    def _stands_out(self, reference: Reference, recent: Samples, statistic: Floats) -> Bools:
        """Return which changes are no chance whatever the other series are, bool [S]."""
        return np.zeros(len(statistic), dtype=np.bool_)


class GroupTest(DriftTest, ABC):
    """A test that looks at several series at a time, which all have its result."""

    @final
    def measure(self, group: Together) -> Measured:
        """Measure one group of G series; nothing is written to.

        Raises
        ------
        DriftError
            Its arithmetic failed.
        """
        with self._failing_alone():
            statistic, p_value = self._measure(group)
            return Measured(statistic, p_value, np.zeros(len(statistic), dtype=np.bool_))

    @abstractmethod
    def _measure(self, group: Together) -> Measure:
        """Measure the group, float64 [G] each."""
