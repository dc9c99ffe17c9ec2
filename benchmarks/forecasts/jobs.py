"""How do all series get a forecast, as the service would make it, and at what cost?"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.accuracy.processes import alone
from benchmarks.forecasts.process import peak_memory
from exporter.core.series import Floats
from exporter.errors import ForecasterError
from exporter.forecasters import bands
from exporter.forecasters.base import Forecaster
from exporter.forecasters.history import History, history_of
from exporter.loops.forecastrunner import PIECE

ALIKE: Final = 1.25
"""Rows of one call are at most so many times as long as the shortest of them, since the origins
that a band is made of are shared."""


@dataclass(frozen=True)
class Task:
    """What is asked of every forecaster.

    Parameters
    ----------
    season, cycle : columns, 0 for none
    horizon : columns
    coverage : of the band
    """

    season: int
    cycle: int
    horizon: int
    coverage: float


@dataclass(frozen=True, eq=False)
class Told:
    """What a forecaster has said about S series.

    Parameters
    ----------
    mean, lower, upper : float64 [S, H]; where there is no band, both bounds are the mean
    cpu : seconds, user and system, of the forecasts alone
    peak : bytes that its process had resident at most
    without_band : series that have a forecast, but no band
    error : why there is no forecast, "" if there is
    """

    mean: Floats
    lower: Floats
    upper: Floats
    cpu: float
    peak: int
    without_band: int = 0
    error: str = ""


def ask_all(
    forecasters: Sequence[Forecaster], past: Sequence[Floats], task: Task, processes: int
) -> Iterator[tuple[Forecaster, Told]]:
    """Yield what each forecaster says, as they are done, each in a process of its own.

    processes : how many at a time
    """
    with ThreadPoolExecutor(processes) as pool:
        pending = {pool.submit(alone, ask, each, past, task, say): each for each in forecasters}
        for done in as_completed(pending):
            yield pending[done], done.result()


def ask(
    forecaster: Forecaster, past: Sequence[Floats], task: Task, say: Callable[[str], None]
) -> Told:
    """Forecast how S series go on."""
    mean, lower, upper = np.full((3, len(past), task.horizon), np.nan)
    spent, done, error = 0.0, 0, ""
    for rows in pieces(past):
        history = history_of_rows([past[row] for row in rows], task)
        try:
            if not done:  # compiles, and loads the BLAS whose threads are to stand back
                _forecast(forecaster, history.rows(0, 1), task)
                threadpool_limits(1, user_api="blas")
            began = time.process_time()
            told = _forecast(forecaster, history, task)
            spent += time.process_time() - began
        except ForecasterError as failure:
            error = str(failure)
            break
        mean[rows], lower[rows], upper[rows] = told.mean, told.lower, told.upper
        done += len(rows)
        say(f"{forecaster.name}: {done} of {len(past)} series")
    no_band = np.isnan(lower) | np.isnan(upper)
    lower, upper = np.where(no_band, mean, lower), np.where(no_band, mean, upper)
    without_band = int((no_band & ~np.isnan(mean)).any(1).sum())
    return Told(mean, lower, upper, spent, peak_memory(), without_band, error)


def pieces(past: Sequence[Floats]) -> Iterator[list[int]]:
    """Yield the rows to forecast together: of about one length, the longest first."""
    piece: list[int] = []
    for row in sorted(range(len(past)), key=lambda row: -len(past[row])):
        if piece and (len(piece) == PIECE or len(past[piece[0]]) > ALIKE * max(len(past[row]), 1)):
            yield piece
            piece = []
        piece.append(row)
    if piece:
        yield piece


def history_of_rows(past: Sequence[Floats], task: Task) -> History:
    """Return rows of different lengths as one history: all of them end now."""
    values = np.full((len(past), max(map(len, past))), np.nan)
    for row, known in enumerate(past):
        values[row, values.shape[1] - len(known) :] = known
    return history_of(values, task.season, task.cycle)


def say(message: str) -> None:
    """Tell whoever waits."""
    print(message, file=sys.stderr, flush=True)


def _forecast(forecaster: Forecaster, history: History, task: Task) -> bands.Forecast:
    return bands.forecast(forecaster, history, task.horizon, coverage=task.coverage)
