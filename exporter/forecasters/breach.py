"""When will a series cross its limit, and how likely is that?"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import stdtr

from exporter.core.series import Bools, Floats, Ints
from exporter.forecasters.bands import Forecast

Side = Literal["up", "down"]
"""Whether a limit is crossed by rising above it or by falling below."""

QUARTILES: Final = 1.349
"""Standard deviations between the quartiles of a normal law."""

FREEDOM: Final = 2
"""Degrees of freedom of the bell of each peak. The fewer, the heavier its tails: those of a normal
law let what few peaks had shown to be all but impossible happen five times as often as said."""

WIDTH: Final = 1.5
"""Width of a bell in spreads of all peaks, times the cube root of their number."""


@dataclass(frozen=True, slots=True, eq=False)
class Breach:
    """When S series cross their limits; NaN where there is no telling or no limit.

    Parameters
    ----------
    timestamp : float64 [S], unix seconds when the expected course crosses; +Inf: not within the
        horizon; the newest sample's where that is beyond already
    earliest, latest : float64 [S], unix seconds between which it crosses with the coverage asked
        for; NaN where only the expected course is known
    probability : float64 [S], of crossing within the horizon, 0 to 1
    """

    timestamp: Floats
    earliest: Floats
    latest: Floats
    probability: Floats


def breach(
    forecast: Forecast,
    now_value: Floats,
    limit: Floats,
    times: Ints,
    now: int,
    *,
    direction: Side,
    coverage: float,
) -> Breach:
    """Tell when and how likely each series crosses its limit; at the limit is beyond it.

    Parameters
    ----------
    forecast : of S series over H columns
    now_value : float64 [S], the newest samples; NaN where there is none, then a crossing before
        the first column forecast is not looked for
    limit : float64 [S]; NaN for none
    times : int64 [H], unix milliseconds of the columns forecast, ascending, after `now`
    now : unix milliseconds of the newest samples
    direction : which way the limit is crossed
    coverage : probability with which the crossing lies between `earliest` and `latest`

    Notes
    -----
    Between two columns a course is a straight line. The paths tell when it may cross, `above` and
    `below` of the forecast whether. Chance has reached the limit no later than the
    edge of the band does, since it may have been there before; so neither end of the interval is
    later than where that edge crosses.
    """
    sign = 1.0 if direction == "up" else -1.0
    bound, start = sign * limit, sign * now_value
    with np.errstate(all="ignore"):
        mean, paths = sign * forecast.mean, sign * forecast.paths
        timestamp = crossing(mean[:, None], start, bound, times, now)[:, 0]
        edges = np.stack([sign * forecast.lower, sign * forecast.upper], 1)
        edge = np.sort(crossing(edges, start, bound, times, now), 1)
        when = np.sort(crossing(paths, start, bound, times, now), 1)
        count = when.shape[1]
        tail = (1.0 - coverage) / 2 * (count + 1)
        rank = min(max(int(tail), 1), (count + 1) // 2) - 1
        earliest = np.minimum(np.minimum(when[:, rank], edge[:, 0]), timestamp)
        latest = np.maximum(np.minimum(when[:, count - 1 - rank], edge[:, 1]), timestamp)
        passed = forecast.above if direction == "up" else forecast.below
        probability = chance(mean.max(1)[:, None] + passed, bound)
    is_beyond = start >= bound
    for array in (timestamp, earliest, latest):
        array[is_beyond] = now / 1000
    probability[is_beyond] = 1.0
    return Breach(timestamp, earliest, latest, probability)


def crossing(courses: Floats, start: Floats, bound: Floats, times: Ints, now: int) -> Floats:
    """Return when each course first reaches its bound from below, unix seconds [S, P].

    courses : float64 [S, P, H]; +Inf is returned for those that do not, NaN for those not known

    start : float64 [S], where all of a series' courses are at `now`
    """
    is_over = courses >= bound[:, None, None]
    first = is_over.argmax(2)
    place = first[..., None]
    after = np.take_along_axis(courses, place, 2)[..., 0]
    before = np.take_along_axis(courses, np.maximum(place - 1, 0), 2)[..., 0]
    before = np.where(first > 0, before, start[:, None])
    share = (bound[:, None] - before) / (after - before)
    share = np.where(np.isfinite(share), share, 1.0)
    since = np.append(now, times[:-1])[first]
    when = np.rint(since + share * (times[first] - since)) / 1000
    when = np.where(is_over.any(2), when, np.inf)
    return np.where(np.isnan(courses).any(2) | np.isnan(bound)[:, None], np.nan, when)


def chance(peaks: Floats, bound: Floats) -> Floats:
    """Return the probability of reaching the bound, float64 [S], from the height of P peaks [S, P].

    Notes
    -----
    Each peak stands for a bell of heights about it, so that the probability runs smoothly from
    almost 0 to almost 1. Bells widen what they smooth; the peaks are drawn towards their median by
    as much. Peaks of the same greatest height are no accident but the end of what values can be:
    they stay where they are, like those of series that never erred, and give exactly 0 or 1.

    References
    ----------
    Silverman (1986), Density Estimation for Statistics and Data Analysis, sections 3.4.2 (a spread
    that one wild peak cannot widen) and 6.4.1 (drawn together to keep the variance).
    """
    count = peaks.shape[1]
    with np.errstate(all="ignore"):
        low, middle, high = np.quantile(peaks, (0.25, 0.5, 0.75), axis=1)
        spread = np.minimum(peaks.std(1), (high - low) / QUARTILES)
        share = WIDTH * count ** (-1 / 3)  # the power that fits a cumulative law
        width = (share * spread)[:, None]
        drawn = middle[:, None] + (peaks - middle[:, None]) / np.hypot(1.0, share)
        top = peaks.max(1, keepdims=True)
        is_end = (peaks == top) & ((peaks == top).sum(1, keepdims=True) > 1)
        is_exact: Bools = is_end | (width <= 0)
        bell = stdtr(FREEDOM, (drawn - bound[:, None]) / width)
        each = np.where(is_exact, peaks >= bound[:, None], bell)
        return np.where(np.isnan(bound), np.nan, np.where(np.isnan(peaks), np.nan, each).mean(1))
