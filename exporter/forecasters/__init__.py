"""The table of forecasters: adding one is one file, one line here and one test."""

from typing import Annotated, get_args

from pydantic import Field

from exporter.forecasters.arima import Arima
from exporter.forecasters.auto import Auto
from exporter.forecasters.base import Forecaster
from exporter.forecasters.exponential_smoothing import ExponentialSmoothing
from exporter.forecasters.linear import Linear
from exporter.forecasters.ridge import Ridge
from exporter.forecasters.robust_linear import RobustLinear
from exporter.forecasters.seasonal_decomposition import SeasonalDecomposition
from exporter.forecasters.seasonal_naive import SeasonalNaive

_Forecasters = (
    Arima
    | Auto
    | ExponentialSmoothing
    | Linear
    | Ridge
    | RobustLinear
    | SeasonalDecomposition
    | SeasonalNaive
)

ALL: tuple[type[Forecaster], ...] = get_args(_Forecasters)
AnyForecaster = Annotated[_Forecasters, Field(discriminator="kind")]
