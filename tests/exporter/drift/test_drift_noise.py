"""Stationary noise must not drift more often than the tests promise."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from exporter.core.series import Floats
from exporter.drift.base import DriftTest
from exporter.drift.ks import Ks
from exporter.drift.psi import Psi
from exporter.drift.samples import Reference, autocorrelation_times, reference_of, samples_of
from exporter.drift.wasserstein import Wasserstein

RUNS: Final = 1000
DAY: Final = 288
WEEK: Final = 7 * DAY
COLUMNS: Final = WEEK + 3 * DAY
TESTS: Final = (Ks(), Psi(), Wasserstein())
MOST: Final = int(stats.binom.ppf(0.999, RUNS, 0.01))
"""False drift that a share of 0.01 of the runs does not exceed but once in a thousand times."""


def autoregressive(rng: np.random.Generator, phi: float, noise: Floats | None = None) -> Floats:
    innovations = rng.normal(0, 1, (RUNS, COLUMNS + 1000)) if noise is None else noise
    values: Floats = lfilter([1.0], [1.0, -phi], innovations)[:, -COLUMNS:]
    return values


def wave() -> Floats:
    return np.sin(2 * np.pi * np.arange(COLUMNS) / DAY)


def days(rng: np.random.Generator, deviation: float) -> Floats:
    """Return a level of its own for each day."""
    return np.repeat(rng.normal(0, deviation, (RUNS, COLUMNS // DAY)), DAY, 1)


NOISES: Final[dict[str, Callable[[np.random.Generator], Floats]]] = {
    "white": lambda rng: rng.normal(0, 1, (RUNS, COLUMNS)),
    "slow": lambda rng: autoregressive(rng, 0.95),
    "very slow": lambda rng: autoregressive(rng, 0.99),
    "slow with heavy tails": lambda rng: autoregressive(
        rng, 0.95, rng.standard_t(3, (RUNS, COLUMNS + 1000))
    ),
    "slow with a day": lambda rng: autoregressive(rng, 0.95) + 10 * wave(),
    "white with a day": lambda rng: rng.normal(0, 1, (RUNS, COLUMNS)) + 3 * wave(),
    "days that differ": lambda rng: days(rng, 0.3) + rng.normal(0, 1, (RUNS, COLUMNS)),
    "heavy tails": lambda rng: rng.standard_t(3, (RUNS, COLUMNS)),
    "lognormal": lambda rng: rng.lognormal(0, 1, (RUNS, COLUMNS)),
    "few integers": lambda rng: rng.integers(0, 5, (RUNS, COLUMNS)).astype(np.float64),
    "mostly zero": lambda rng: rng.poisson(0.1, (RUNS, COLUMNS)).astype(np.float64),
    "slow integers": lambda rng: np.round(autoregressive(rng, 0.95)),
}


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("window", [1, 3])
def test_no_more_than_the_nominal_share_of_runs_drifts(name: str, window: int) -> None:
    values = NOISES[name](np.random.default_rng(9))
    # Of the week, the days that have the hours of the window.
    memory = autocorrelation_times(values[:, :WEEK], DAY)
    reference = Reference(samples_of(values[:, : window * DAY]), memory)
    recent = samples_of(values[:, WEEK : WEEK + window * DAY])
    for test in TESTS:
        drift = test.compare(reference, recent)
        assert (drift.p_value < 0.01).sum() <= MOST, test.name
        alone = _alone(test, drift.statistic, drift.p_value)
        assert alone.sum() <= MOST, test.name
        assert drift.severity.astype(bool).mean() <= 0.001, test.name  # as one query


def _alone(test: DriftTest, statistic: Floats, p_value: Floats) -> Floats:
    """Return which runs would be drift if each were a query of one series."""
    return np.asarray((p_value < test.alpha) & (statistic >= test.moderate), dtype=np.float64)


def test_a_single_series_is_judged_as_it_would_be_among_itself() -> None:
    values = NOISES["slow"](np.random.default_rng(10))[:200]
    values[:, -DAY:] += np.where(np.arange(200) % 2, 12.0, 0.0)[:, None]
    for test in TESTS:
        reference = reference_of(values[:, :-DAY], season=DAY)
        recent = samples_of(values[:, -DAY:])
        whole = test.compare(reference, recent)
        alone = _alone(test, whole.statistic, whole.p_value)
        for row in range(0, 200, 20):
            one = test.compare(reference.rows(row, row + 1), recent.rows(row, row + 1))
            assert bool(one.severity[0]) == bool(alone[row])


def test_a_real_shift_is_found_in_slow_noise() -> None:
    values = NOISES["slow"](np.random.default_rng(11))[:300]
    values[:, -DAY:] += 3.0 / np.sqrt(1 - 0.95**2)  # deviations
    for test in TESTS:
        drift = test.compare(
            reference_of(values[:, :-DAY], season=DAY), samples_of(values[:, -DAY:])
        )
        told = ~np.isnan(drift.statistic)
        assert told.mean() > 0.8
        assert drift.severity[told].astype(bool).mean() > 0.8, test.name
