"""ARIMA: how a series goes on by its last values and its last surprises, season by season."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Le

from exporter.core.series import Floats, Ints
from exporter.forecasters.arima_kernels import tell
from exporter.forecasters.arima_models import Models, Wanted, automatic_models, fixed_models
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History

_Few: TypeAlias = Annotated[int, Ge(0), Le(5)]
_Differences: TypeAlias = Annotated[int, Ge(0), Le(2)]
_Fewer: TypeAlias = Annotated[int, Ge(0), Le(2)]
_Once: TypeAlias = Annotated[int, Ge(0), Le(1)]


@dataclass(frozen=True, kw_only=True)
class Arima(Forecaster):
    """Regress on the last values and the last surprises, those of a day and of a week ago too.

    Parameters
    ----------
    order : (p, d, q), values and surprises looked back on and differences taken; `auto` chooses
        for each series
    seasonal : (P, D, Q), the same at the period; only with a fixed order, none without
    season : the period at which `auto` may take differences, or that `seasonal` is of, where
        `auto` is a day

    Notes
    -----
    `auto` fits up to six models: on the level, on differences, on differences with a drift, on
    differences of a day (with and without a week's coefficients) and of a week. Twelve earlier
    forecasts over the horizon tell how good each is; the best two grow while the corrected Akaike
    criterion falls, and the forecast is their mean, weighted by their errors squared. A season
    counts from three days on, a week from two weeks on, and before that, or before there is
    enough for a fixed order's season, one does without. Below 16 samples the last one stays.

    Coefficients are least squares conditional on the first samples. They serve later origins until
    there is twice the history; the newest origin has its own. Jumps beyond five times what is
    usual count as glitches: two samples in a row are taken for the last usual one, a third is
    where the series is now.

    It misses what no difference at a day or a week makes stationary: months, holidays, levels
    that bound or multiply the season.

    References
    ----------
    Box and Jenkins (1970), Time Series Analysis; Hannan and Rissanen (1982),
    doi:10.1093/biomet/69.1.81, for first coefficients; Taylor (2003),
    doi:10.1057/palgrave.jors.2601589, for two seasons in one model; Hyndman and Khandakar (2008),
    doi:10.18637/jss.v027.i03, for automatic orders: here differences are chosen by how well past
    forecasts did, not by tests for unit roots.
    """

    kind: Literal["arima"] = "arima"
    order: Literal["auto"] | tuple[_Few, _Differences, _Few] = "auto"
    seasonal: tuple[_Fewer, _Once, _Fewer] | None = None
    season: Wanted = "auto"

    def __post_init__(self) -> None:
        """Refuse a seasonal order beside an automatic one, which chooses its own."""
        if self.order == "auto" and self.seasonal is not None:
            raise ValueError(
                f"found seasonal: {list(self.seasonal)} beside order: auto, which chooses that too;"
                " give an order such as [1, 0, 1], or leave seasonal out"
            )

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        paths = np.empty((len(history.values), len(origins), horizon))
        models = self._models(history.season, history.cycle)
        tell(history.values, history.first, origins, models, history.season, paths)
        return paths

    def _models(self, season: int, cycle: int) -> Models:
        if self.order == "auto":
            return automatic_models(season, cycle, self.season)
        period = {"none": 0, "week": cycle}.get(self.season, season)
        return fixed_models(self.order, self.seasonal, period)
