"""What is a forecaster?

A frozen dataclass: its fields are its configuration, its one public method says how series go on
from any origin. It keeps nothing: what it needs to know of a series is in the history it is given.
How far off it may be is not its business but that of `exporter.forecasters.bands`, which asks it
for the forecasts it would have made in the past.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from exporter.core.series import Floats, Ints
from exporter.errors import ForecasterError
from exporter.forecasters.history import History


@dataclass(frozen=True, kw_only=True)
class Forecaster(ABC):
    """Say how every series of a batch goes on.

    Parameters
    ----------
    kind : as configured; every forecaster narrows it to one word
    """

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    kind: str = ""

    least: ClassVar[int] = 2
    """Samples of history without which it cannot tell, at least 1."""

    @property
    def name(self) -> str:
        """The kind, as published in the label `forecaster`."""
        return self.kind

    @final
    def foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        """Return what is, or would have been, forecast from each origin.

        Parameters
        ----------
        history : S series over T columns; not written to
        origins : int64 [R], ascending, each in [1, T]: the forecast from origin o sees the columns
            before o and tells the columns o, o + 1, ..., o + horizon - 1
        horizon : H, columns, at least 1

        Returns
        -------
        float64 [S, R, H]; NaN in all of a forecast's leads where it cannot tell

        Raises
        ------
        ForecasterError
            Its arithmetic failed.
        """
        try:
            with np.errstate(all="ignore"):
                paths = self._foretell(history, origins, horizon)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ForecasterError(self.name, f"{type(error).__name__}: {error}") from error
        is_short = origins - history.first[:, None] < self.least
        cannot_tell = is_short | ~np.isfinite(paths).all(2)
        paths[cannot_tell] = np.nan
        return paths

    @abstractmethod
    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        """Do the work of `foretell`; rows with fewer than `least` samples may hold anything."""
