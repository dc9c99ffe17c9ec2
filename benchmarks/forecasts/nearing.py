"""How far off is the time of a breach, the nearer it is?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.forecasts.climbs import Climb, Climbs
from exporter.core.series import Floats, SeriesBatch
from exporter.forecasters.base import Forecaster
from exporter.forecasters.outlook import cycle_of, look_ahead
from exporter.forecasters.outlookstate import unseen
from exporter.forecasters.plan import ForecastPlan
from exporter.loops.forecastrunner import PIECE

SHARES: Final = (1.0, 0.75, 0.5, 0.25, 0.1)
"""Of the way from the start of a climb to its crossing, what is left when it is forecast."""

NEAR: Final = 0.1
"""Error, as a share of the time that is left, that is good enough."""

COVERAGE: Final = 0.9

SOON: Final = 0.5
"""Columns before a crossing after which nothing is asked any more: errors are shares of them."""

TIMES: Final = 3
"""Instants per series at which probabilities are asked for."""

NOW: Final = 1_767_571_200_000
"""Where the past ends, unix milliseconds: a Monday at midnight, a multiple of every step."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What is predicted of S crossings; instants in seconds from now, float64 [S].

    Parameters
    ----------
    when : +Inf is not within the horizon, NaN cannot tell
    earliest, latest : the interval; NaN where there is none
    probability : of crossing within the horizon
    """

    when: Floats
    earliest: Floats
    latest: Floats
    probability: Floats


Teller = Callable[[Climbs, Floats, Floats], Told]
"""Predicts, given samples [S, T] up to now and limits [S]."""


@dataclass(frozen=True, slots=True)
class Nearness:
    """How good the predictions were when so much of the way was left.

    Parameters
    ----------
    error : median of the error, as a share of the time left; +Inf where most were not predicted
    near : share of crossings with an error of at most NEAR
    inside : share of crossings between earliest and latest, of those with such an interval
    """

    error: float
    near: float
    inside: float


def by_cycle(forecaster: Forecaster) -> Teller:
    """Return what predicts just as a cycle of the exporter does."""

    def tell(climbs: Climbs, past: Floats, limits: Floats) -> Told:
        parts = [
            _cycle(forecaster, climbs, past[first : first + PIECE], limits[first : first + PIECE])
            for first in range(0, len(past), PIECE)
        ]
        return Told(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    return tell


def _cycle(
    forecaster: Forecaster, climbs: Climbs, past: Floats, limits: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    plan = ForecastPlan(
        query="climbs",
        forecaster=forecaster,
        step=climbs.step,
        stride=climbs.stride,
        columns=climbs.columns,
        horizon=climbs.horizon,
        leads={"all": climbs.horizon},
        coverage=COVERAGE,
    )
    ring = plan.blank_ring()
    times = NOW + plan.fine * np.arange(1 - past.shape[1], 1, dtype=np.int64)
    keys = tuple(b'{"row":"%d"}' % row for row in range(len(past)))
    ring.append(SeriesBatch(keys, times, past, plan.fine))
    part = look_ahead(
        cycle_of(plan, ring, NOW - plan.fine, None),
        np.arange(len(past)),
        limits,
        unseen(len(past), len(plan.leads)),
    )
    found = part.gauges
    return (
        found["anomaly_forecast_breach_timestamp_seconds"] - NOW / 1000,
        found["anomaly_forecast_breach_earliest_timestamp_seconds"] - NOW / 1000,
        found["anomaly_forecast_breach_latest_timestamp_seconds"] - NOW / 1000,
        found["anomaly_forecast_breach_probability"],
    )


def predict_linear(climbs: Climbs, past: Floats, limits: Floats) -> Told:
    """Predict as PromQL does: the least-squares line through a quarter of the horizon's samples.

    It knows no end of the horizon, no interval and no probability.
    """
    window = max(2, climbs.horizon * climbs.stride // 4)
    recent = past[:, -window:]
    age = np.arange(1 - recent.shape[1], 1) * climbs.step / climbs.stride / 1000
    arm = age - age.mean()
    slope = ((recent - recent.mean(1, keepdims=True)) * arm).sum(1) / (arm**2).sum()
    level = recent.mean(1) - slope * age.mean()
    with np.errstate(all="ignore"):
        when = np.where(level >= limits, 0.0, (limits - level) / slope)
    nothing = np.full(len(past), np.nan)
    return Told(np.where(when >= 0, when, np.inf), nothing, nothing, nothing)


def newest_of(case: Climb, share: float) -> int:
    """Return the newest column that is known when so much of the way is left."""
    newest = case.crossing - max(1, round(share * (case.crossing - case.start)))
    return newest if case.instant - newest >= SOON else newest - 1


def pasts(climbs: Climbs, share: float) -> tuple[Floats, Floats]:
    """Return what is known when so much of each way is left, and the seconds left.

    float64 [S, T], NaN before the first sample, and [S].
    """
    length = climbs.columns * climbs.stride
    known = np.full((len(climbs.cases), length), np.nan)
    left = np.empty(len(climbs.cases))
    for row, case in enumerate(climbs.cases):
        newest = newest_of(case, share)
        seen = case.values[max(0, newest + 1 - length) : newest + 1]
        known[row, length - len(seen) :] = seen
        left[row] = case.instant - newest
    return known, left * climbs.step / climbs.stride / 1000


def nearing(climbs: Climbs, tell: Teller) -> list[Nearness]:
    """Return how good the predictions are at each of SHARES."""
    limits = np.array([case.limit for case in climbs.cases])
    found = []
    for share in SHARES:
        known, left = pasts(climbs, share)
        found.append(nearness(tell(climbs, known, limits), left))
    return found


def nearness(told: Told, left: Floats) -> Nearness:
    """Compare predictions with the seconds that were left."""
    error = np.abs(told.when - left) / left
    error = np.where(np.isnan(error), np.inf, error)
    has_interval = ~(np.isnan(told.earliest) | np.isnan(told.latest))
    slack = 1e-3  # instants are told to the millisecond
    is_inside = (told.earliest - slack <= left) & (left <= told.latest + slack)
    return Nearness(
        error=float(np.median(error)),
        near=float((error <= NEAR).mean()),
        inside=float(is_inside[has_interval].mean()) if has_interval.any() else np.nan,
    )


def chances(climbs: Climbs, tell: Teller, seed: int = 1) -> tuple[Floats, Floats]:
    """Return how likely limits were said to be crossed within the horizon, and whether they were.

    float64 [N] each, N at most TIMES per series. Instants and limits have nothing to do with the
    climbs: any instant after a quarter of the series, any limit up to twice as far away as the
    last horizon's samples reached over.
    """
    rng = np.random.default_rng(seed)
    ahead = climbs.horizon * climbs.stride
    length = climbs.columns * climbs.stride
    pasts, limits, came = [], [], []
    for case in climbs.cases * TIMES:
        newest = int(rng.integers(len(case.values) // 4, len(case.values) - ahead))
        seen = case.values[max(0, newest + 1 - length) : newest + 1]
        future = case.values[newest + 1 : newest + 1 + ahead]
        limit = seen[-1] + rng.uniform(0.0, 2.0) * np.ptp(seen[-ahead:])
        pasts.append(np.concatenate([np.full(length - len(seen), np.nan), seen]))
        limits.append(limit)
        came.append(float(future.max() >= limit))
    said = tell(climbs, np.array(pasts), np.array(limits)).probability
    can_tell = ~np.isnan(said) & ~np.isnan(came)
    return said[can_tell], np.array(came)[can_tell]


def tenths(said: Floats, came: Floats) -> list[tuple[int, float]]:
    """Return how many were said to be so likely, for each tenth, and which share of them came."""
    place = np.minimum((said * 10).astype(np.int64), 9)
    return [
        (int(is_there.sum()), float(came[is_there].mean()) if is_there.any() else np.nan)
        for is_there in (place == tenth for tenth in range(10))
    ]
