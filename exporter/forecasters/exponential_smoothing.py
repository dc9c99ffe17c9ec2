"""Exponential smoothing: level, trend, day and week, each revised by every error."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from exporter.core.series import Floats, Ints
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History
from exporter.forecasters.smoothing_fit import foretell_rows
from exporter.forecasters.smoothing_models import MOVES, Model, starts


@dataclass(frozen=True, kw_only=True)
class ExponentialSmoothing(Forecaster):
    """Smooth level, trend, day and week, and go on from there.

    Parameters
    ----------
    model : `simple` (a level), `holt` (and a trend), `damped` (a trend that fades), `holt_winters`
        (a trend that may fade, and a day that adds), `double_seasonal` (a level, a day and a week,
        and the last error, which fades), or per series the best of these and between: `auto`

    Notes
    -----
    The parameters are those whose forecasts over the whole horizon, from origins within the
    history, were off by the least on the mean, later ones counting more; parameters that are good
    one step ahead are poor further ahead. A season counts from when it was seen twice; before that
    the model does without it.

    A sample is believed up to three mean absolute errors away from what was expected, so that a
    glitch carries nothing away, unless it is the seventh in a row: then the level has
    changed. A new peak of a few samples a day is therefore learned slowly.

    Parameters are fitted on what precedes the first origin, again whenever the history has grown
    by half, and for the last origin.

    References
    ----------
    Taylor (2003), Short-term electricity demand forecasting using double seasonal exponential
    smoothing, doi:10.1057/palgrave.jors.2601589. Gelper, Fried and Croux (2010), Robust
    forecasting with exponential and Holt-Winters smoothing, doi:10.1002/for.1125, whose clipping
    this is, with a mean absolute error for scale and with an end to disbelief.
    """

    kind: Literal["exponential_smoothing"] = "exponential_smoothing"
    model: Model = "auto"

    least: ClassVar[int] = 2

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.empty((len(history.values), len(origins), horizon))
        z, parts = starts(self.model)
        foretell_rows(
            history.values,
            history.first,
            np.array([history.season, history.cycle], dtype=np.int64),
            origins.astype(np.int64),
            z,
            parts,
            MOVES,
            paths,
        )
        return paths
