"""What has lately been right for this series? Several forecasters, each as good as it was."""

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

import numpy as np

from exporter.core.series import Bools, Floats, Ints
from exporter.forecasters.arima import Arima
from exporter.forecasters.base import Forecaster
from exporter.forecasters.exponential_smoothing import ExponentialSmoothing
from exporter.forecasters.history import History
from exporter.forecasters.linear import Linear
from exporter.forecasters.ridge import Ridge
from exporter.forecasters.seasonal_decomposition import SeasonalDecomposition
from exporter.forecasters.seasonal_naive import SeasonalNaive
from exporter.forecasters.simple import median, simple_paths

STRICTNESS: Final = 4.0
"""Power of the relative error by which a member's weight falls."""

FADING: Final = 0.8
"""What errors at an origin count for when those at the next one are known."""

FOREGOING: Final = 2
"""Origins before the first one asked for, so that it has errors to go by, too."""

LATELY: Final = (4, 8)
"""Parts of the horizon before the newest column from which members are tried once more."""

SURPRISE: Final = 2.0
"""Times by which members are further off lately than they usually are, beyond which what they were
before counts less, by the square."""

HOPELESS: Final = 1e6
"""Times the median member's error beyond which it does not matter how far off a member is. Where
the median is not off at all, others that are by rounding would be infinitely more, for good."""

TRIMMED: Final = 0.25
"""Share of the weight that is cut off at either end before the mean is taken."""

MEMBERS: Final[tuple[Forecaster, ...]] = (
    Arima(),
    ExponentialSmoothing(),
    Ridge(),
    Ridge(transform="asinh"),
    SeasonalDecomposition(),
    SeasonalNaive(),
)
"""Beside them stand the simple ones of `exporter.forecasters.simple`."""


@dataclass(frozen=True, kw_only=True)
class Auto(Forecaster):
    """Mix several forecasters, for every series by their errors at its own earlier origins.

    Notes
    -----
    Members: `arima`, `exponential_smoothing`, `ridge` of the values and of their logarithms,
    `seasonal_decomposition`, `seasonal_naive`, the line through the last quarter of a horizon, and
    the simplest there are: the last sample, the last median, the last slope, the median of a week
    of days, last week, and last week moved half way to the present level. A member's weight is its
    mean absolute error beside that of the median member, to the power of -4, later origins counting
    more; the forecast is the weighted mean of what lies between the quartiles. So the choice is
    nearly one of the best, but none that a single lucky day decides. The newest forecast's weights
    also come from a quarter and an eighth of a horizon ago: where all are much further off since
    then than they usually are, something new has begun, and what was right before counts little.
    Before there are errors to tell by, all weigh the same.

    References
    ----------
    Bates and Granger (1969), doi:10.1057/jors.1969.103. Jose and Winkler (2008),
    doi:10.1016/j.ijforecast.2007.06.001, on trimmed means of forecasts. Montero-Manso et al.
    (2020), doi:10.1016/j.ijforecast.2019.02.011, second of the M4 competition, weight by features.
    """

    kind: Literal["auto"] = "auto"

    least: ClassVar[int] = 1

    def _foretell(self, history: History, origins: Ints, horizon: int) -> Floats:
        gap = int(origins[1] - origins[0]) if len(origins) > 1 else horizon
        before = origins[0] - gap * np.arange(FOREGOING, 0, -1)
        regular = np.concatenate([before[before >= 1], origins])
        late = origins[-1] - np.unique([max(horizon // part, 1) for part in LATELY])[::-1]
        late = late[late > (regular[-2] if len(regular) > 1 else 0)]
        everywhere = np.concatenate([regular[:-1], late, regular[-1:]])
        told = [member.foretell(history, everywhere, horizon) for member in MEMBERS]
        told.append(Linear(window=max(horizon // 4, 4)).foretell(history, everywhere, horizon))
        told += simple_paths(history, everywhere, horizon)
        paths = blend(history.values, everywhere, np.stack(told), len(late))
        return paths[:, np.isin(everywhere, origins)]


def blend(values: Floats, origins: Ints, told: Floats, late: int) -> Floats:
    """Return the weighted trimmed mean, float64 [S, R, H], of K members' forecasts [K, S, R, H].

    At each origin the weights come from the errors of earlier ones that are known by then, each
    beside the median of all members: where all are wrong, none is told from the others.

    late : of the origins before the last one so many are there only for its weights
    """
    horizon = told.shape[3]
    columns = np.minimum(origins[:, None] + np.arange(horizon), values.shape[1] - 1)
    missed = told - values[:, columns]
    np.cumsum(np.abs(missed, out=missed), 3, out=missed)
    paths = np.empty(told.shape[1:])
    regular = len(origins) - 1 - late
    for place, origin in enumerate(origins):
        error = np.zeros(told.shape[:2])
        usual = np.zeros((0, told.shape[1]))
        for earlier in range(place):
            known = min(horizon, origin - origins[earlier])
            off = missed[:, :, earlier, known - 1] / known
            middling = median(off.T)
            if earlier < regular:
                usual = np.vstack([usual, middling])
                error *= FADING
            elif earlier == regular and earlier:
                error *= np.fmin(SURPRISE * median(usual.T) / middling, 1.0) ** 2
            error = error + np.where(off > 0.0, np.minimum(off / middling, HOPELESS), off)
        paths[:, place] = middle(told[:, :, place], weigh(error, ~np.isnan(told[:, :, place, 0])))
    return paths


def weigh(error: Floats, can_tell: Bools) -> Floats:
    """Return each member's weight, float64 [K, S], the sum over members being 1.

    A member that cannot tell weighs nothing, nor does one whose errors are not known where others'
    are; where nobody's are, all weigh the same.
    """
    error = np.where(can_tell & np.isfinite(error), error, np.inf)
    best = error.min(0)
    share = np.divide(best, error, out=np.ones_like(error), where=error > best)
    weight = np.where(can_tell, share**STRICTNESS, 0.0)
    return np.asarray(weight / weight.sum(0))


def middle(told: Floats, weight: Floats) -> Floats:
    """Return the weighted mean of what is left when both ends have lost `TRIMMED` of the weight.

    told : float64 [K, S, H]; NaN has no weight
    weight : float64 [K, S]
    """
    order = np.argsort(told, 0)
    told = np.take_along_axis(told, order, 0)
    passed = np.cumsum(np.take_along_axis(weight[:, :, None], order, 0), 0)
    share = np.diff(np.clip(passed, TRIMMED, 1.0 - TRIMMED), axis=0, prepend=TRIMMED)
    inside = np.where(share > 0.0, share * told, 0.0).sum(0)
    return np.asarray(inside / share.sum(0))
