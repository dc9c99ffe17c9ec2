"""What is a detector?

A frozen dataclass: its fields are its configuration (name, default and bound written once), its
one public method is `advance`. What it has learned is not inside it but in the state it returns.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

import numpy as np
from annotated_types import Ge, Gt

from exporter.core import rolling
from exporter.core.rows import State
from exporter.core.scores import BAND_SIGMAS, LEARNABLE, Scores, blank_scores, write_column
from exporter.core.series import Floats, Ints, SeriesBatch
from exporter.errors import DetectorError
from promkit.durations import Duration

ROWS = 1024
"""Series to work on at a time: their windows stay in the cache, and so do what is made of them."""

RELATIVE_RESOLUTION = 1e-9
"""Deviations below this share of the expected value are rounding, not movement."""


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """Judge every sample of a batch by what went before it.

    Parameters
    ----------
    kind : as configured; every detector narrows it to one word
    weight : share of the vote in the ensemble, relative to the other detectors' weights
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    kind: str = ""
    weight: Annotated[float, Gt(0)] = 1.0

    signals: ClassVar[tuple[str, ...]] = ()
    """Gauges of its own, from `exporter.core.published.SIGNALS`; its scores hold all of them."""

    is_atomic: ClassVar[bool] = False
    """Whether `_advance` fails, if it does, before it has written anything: its kernels do not
    raise, and what is done around them does not depend on the data."""

    @property
    def name(self) -> str:
        """The kind, as published in the label `detector`."""
        return self.kind

    @property
    @abstractmethod
    def memory(self) -> int:
        """Samples after which what came before no longer matters: how much history to fetch."""

    @property
    def is_independent(self) -> bool:
        """Whether each series is judged without regard to the others; a shared model is not."""
        return True

    @abstractmethod
    def fresh(self, series: int) -> State:
        """Return the state of `series` series that nothing is known of."""

    @final
    def advance(
        self, state: State, batch: SeriesBatch, *, owned: bool = False
    ) -> tuple[State, Scores]:
        """Score the batch and learn from it; unless `owned`, neither argument is written to.

        Parameters
        ----------
        state : arrays [S, ...] from `fresh` or from the last call, rows in the batch's order
        batch : float64 [S, T]; its columns follow those of the last call
        owned : nobody needs `state` after success, so that its arrays may be reused: copying the
            memory of many series costs more than judging them. After a failure it is intact

        Raises
        ------
        DetectorError
            The state does not belong to this detector and these series, or its arithmetic failed.
        """
        expected = self.fresh(0)
        found = {name: (len(array), array.shape[1:], array.dtype) for name, array in state.items()}
        asked = {
            name: (len(batch.keys), array.shape[1:], array.dtype)
            for name, array in expected.items()
        }
        if found != asked:
            raise DetectorError(
                self.name, "refused", f"state is {found}, this configuration needs {asked}"
            )
        is_ours = owned and self.is_atomic
        own = state if is_ours else {name: array.copy() for name, array in state.items()}
        try:
            with np.errstate(all="ignore"):  # NaN and Inf are ordinary input here
                return self._advance(own, batch)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # What numerical code raises at data nobody thought of must cost only this vote.
            raise DetectorError(self.name, "crashed", f"{type(error).__name__}: {error}") from error

    @abstractmethod
    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        """Do the work of `advance`; `state` is ours to write to."""


@dataclass(frozen=True, kw_only=True)
class WindowedDetector(Detector):
    """Judge each sample by the last `window` samples that were learned.

    A sample that this detector itself finds odd (`LEARNABLE`) is not learned, and neither are the
    `quarantine` samples before it, which have been waiting for that: an incident that climbs
    slowly would otherwise widen the band ahead of itself. So an incident neither moves the band
    nor becomes the baseline while it lasts. After `accept_after` of nothing else the old baseline
    is dropped and the new level learned from scratch.

    Parameters
    ----------
    window : samples of history
    min_samples : samples until the first score
    quarantine : samples that a sample waits for before it is learned
    accept_after : seconds after which a level that stayed odd becomes the new normal
    sigmas : deviation at which the score reaches `ANOMALOUS`; None is what calibration says. Other
        scores follow in proportion: with 3, a deviation of 4 scores what one of 10 does otherwise
    """

    window: Annotated[int, Ge(10)] = 100
    min_samples: Annotated[int, Ge(10)] = 20
    quarantine: Annotated[int, Ge(1)] = 5
    accept_after: Annotated[Duration, Gt(0)] = 1800.0
    sigmas: Annotated[float, Ge(1)] | None = None

    @abstractmethod
    def baseline(self, ring: Floats, count: Ints) -> tuple[Floats, Floats]:
        """Return centre and spread [S] of what each ring [S, W] holds."""

    @property
    def memory(self) -> int:
        """The window, and what waits to get into it."""
        return self.window + self.quarantine

    def fresh(self, series: int) -> State:
        """Return empty rings."""
        return {
            "ring": np.full((series, self.window), np.nan),
            "count": np.zeros(series, dtype=np.int64),
            "waiting": np.full((series, self.quarantine), np.nan),
            "turn": np.zeros(series, dtype=np.int64),
            "held": np.zeros(series, dtype=np.int64),
        }

    def _advance(self, state: State, batch: SeriesBatch) -> tuple[State, Scores]:
        scores = blank_scores(*batch.values.shape)
        for start in range(0, len(batch.keys), ROWS):
            rows = slice(start, start + ROWS)
            own = {name: array[rows] for name, array in state.items()}
            self._advance_rows(own, batch.values[rows], scores.rows(rows), batch.step)
        return state, scores

    def _advance_rows(self, state: State, values: Floats, scores: Scores, step: int) -> None:
        """Score some series and learn from them, column by column, into views of state, scores."""
        ring, count, held = state["ring"], state["count"], state["held"]
        waiting, turn = state["waiting"], state["turn"]
        patience = math.ceil(self.accept_after * 1000 / step)
        warm = min(self.min_samples, self.window)
        edge = self.sigmas or BAND_SIGMAS
        for column in range(values.shape[1]):
            now = values[:, column]
            center, spread = self.baseline(ring, count)
            spread = np.maximum(spread, RELATIVE_RESOLUTION * np.abs(center))
            spread[spread == 0.0] = np.finfo(np.float64).tiny
            center[count < warm] = np.nan
            is_odd = write_column(scores, column, now, center, spread, edge) > LEARNABLE
            waiting[is_odd] = np.nan
            held[is_odd] += 1
            held[~is_odd & ~np.isnan(now)] = 0
            is_new_normal = held > patience
            rolling.forget(ring, count, is_new_normal)
            held[is_new_normal] = 0
            is_good = np.isfinite(now) & (~is_odd | is_new_normal)
            is_waiting = is_good & (count >= warm)
            rolling.push(ring, count, is_good & ~is_waiting, now)
            due = rolling.exchange(waiting, turn, is_waiting, now)
            rolling.push(ring, count, np.isfinite(due), due)
