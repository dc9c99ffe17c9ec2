"""What is a drift test?

A frozen dataclass: its fields are its configuration, its one public method compares recent samples
of every series with a reference. It keeps nothing: what it needs to know of the past is in the
reference, which is made once and compared with often.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeAlias, final

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Lt

from exporter.core.pieces import Mapper, one_by_one
from exporter.core.series import Bools, Floats, Ints
from exporter.drift.discovery import adjusted
from exporter.drift.samples import Piece, Reference, Samples, pieces_of
from exporter.errors import DriftError

NONE: Final = 0
MODERATE: Final = 1
HIGH: Final = 2
CRITICAL: Final = 3

Measure: TypeAlias = tuple[Floats, Floats]
"""Statistic and p value, each float64 [S], both NaN where a test cannot tell."""


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
class DriftTest(ABC):
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

    is_independent: ClassVar[bool] = True
    """Whether each series is measured without regard to the others."""

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
    def compare(
        self,
        reference: Reference,
        recent: Samples,
        groups: Ints | None = None,
        each: Mapper = one_by_one,
    ) -> Drift:
        """Compare the samples of S series with a reference; nothing is written to.

        Parameters
        ----------
        reference : of S series, N samples each; with their order unless `is_independent`
        recent : of the same series, M samples each; likewise
        groups : int64 [S], 0, 1, ...: series that belong together, as in `exporter.core.groups`.
            Only tests that are not independent look at it; None is one group of all
        each : does pieces of the work

        Raises
        ------
        DriftError
            The samples do not fit, or are not in order though they must be, or its arithmetic
            failed.
        """
        series = len(reference.samples.count)
        if len(recent.count) != series:
            raise DriftError(
                self.name, f"the reference is of {series} series, the window of {len(recent.count)}"
            )
        try:
            with np.errstate(all="ignore"):
                statistic, p_value = self._whole(reference, recent, groups, each)
                is_drift = self._is_drift(reference, recent, statistic, p_value)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise DriftError(self.name, f"{type(error).__name__}: {error}") from error
        cuts = np.array([self.moderate, self.high, self.critical])
        degree = (statistic[:, None] >= cuts).sum(1)
        severity = np.where(is_drift, degree, NONE).astype(np.int8)
        return Drift(statistic, p_value, severity)

    def _whole(
        self, reference: Reference, recent: Samples, groups: Ints | None, each: Mapper
    ) -> Measure:
        """Measure all series, some rows at a time."""

        def work(piece: Piece) -> Measure:
            return self._some(reference.rows(*piece), recent.rows(*piece))

        nothing = (np.empty(0), np.empty(0))
        found = [nothing, *each(work, pieces_of(len(recent.count)))]
        return np.concatenate([one for one, _ in found]), np.concatenate([p for _, p in found])

    def _some(self, reference: Reference, recent: Samples) -> Measure:
        """Measure some series, and put right those that no arithmetic is needed for."""
        statistic, p_value = self._measure(reference, recent)
        is_same = reference.equals(recent)
        tells = reference.tells(recent)
        statistic = np.where(tells, np.where(is_same, 0.0, statistic), np.nan)
        return statistic, np.where(tells, np.where(is_same, 1.0, p_value), np.nan)

    @abstractmethod
    def _measure(self, reference: Reference, recent: Samples) -> Measure:
        """Measure series; those that cannot tell, or are one constant, may hold anything."""

    def _is_drift(
        self, reference: Reference, recent: Samples, statistic: Floats, p_value: Floats
    ) -> Bools:
        """Return which changes are no chance, bool [S]."""
        certain: Bools = adjusted(p_value) < self.alpha
        return certain
