"""What do others' forecasters cost? Each gives mean and band of one series, one at a time.

They need the extra `peers`, or are left out; nothing else in the project imports them.
"""

import logging
import resource
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from benchmarks.forecasts.process import peak_memory
from benchmarks.forecasts.report import Cost
from benchmarks.forecasts.simulated import DAY, WEEK, simulated
from exporter.core.series import Floats

Fit = Callable[[Floats, int, float], Any]
"""Takes a series [T], the horizon in columns, and the coverage of the band."""

BASE: Final = "statsmodels ARIMA(1,1,1)"
"""The peer that ratios are to."""


def statsmodels_arima(values: Floats, horizon: int, coverage: float) -> Any:
    """Fit by maximum likelihood in state-space form, as its defaults do."""
    model = import_module("statsmodels.tsa.arima.model")
    fitted = model.ARIMA(values, order=(1, 1, 1)).fit()
    return fitted.get_forecast(horizon).summary_frame(alpha=1 - coverage)


def prophet(values: Floats, horizon: int, coverage: float) -> Any:
    """Fit trend, day and week as its defaults find them, the band from 1,000 simulations."""
    pd = import_module("pandas")
    hours = pd.date_range("2026-01-01", periods=len(values), freq="h")
    model = import_module("prophet").Prophet(interval_width=coverage)
    model.fit(pd.DataFrame({"ds": hours, "y": values}))
    return model.predict(model.make_future_dataframe(horizon, freq="h", include_history=False))


def statsforecast_arima(values: Floats, horizon: int, coverage: float) -> Any:
    """Fit by conditional sum of squares, then by maximum likelihood, as its defaults do."""
    model = import_module("statsforecast.models").ARIMA(order=(1, 1, 1))
    return model.forecast(values, horizon, level=[100 * coverage])


def statsforecast_mstl(values: Floats, horizon: int, coverage: float) -> Any:
    """Take day and week apart; the trend goes on as an ARIMA of automatic order."""
    models = import_module("statsforecast.models")
    model = models.MSTL(season_length=[DAY, WEEK], trend_forecaster=models.AutoARIMA())
    return model.forecast(values, horizon, level=[100 * coverage])


PEERS: Final[dict[str, tuple[str, Fit]]] = {
    BASE: ("statsmodels", statsmodels_arima),
    "Prophet": ("prophet", prophet),
    "statsforecast ARIMA(1,1,1)": ("statsforecast", statsforecast_arima),
    "statsforecast MSTL, AutoARIMA": ("statsforecast", statsforecast_mstl),
}
"""Peer -> the package it needs, and what it does for one series."""


def installed() -> list[str]:
    """Return the peers that can be measured here."""
    return [name for name, (package, _) in PEERS.items() if find_spec(package)]


def cost_of_peer(name: str, series: int, columns: int, horizon: int, coverage: float) -> Cost:
    """Return what a peer takes for so many series, in a process that has nothing else to do.

    A first series, which is not counted, loads and compiles.
    """
    _, fit = PEERS[name]
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    values = simulated(series + 1, columns)
    fit(values[-1], horizon, coverage)
    warnings.simplefilter("ignore")  # again: importing statsmodels undoes it
    began = _seconds()
    for row in values[:-1]:
        fit(np.ascontiguousarray(row), horizon, coverage)
    return Cost(series, _seconds() - began, peak_memory())


def _seconds() -> float:
    """Return the CPU time of this process and of the programs that it has run."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
