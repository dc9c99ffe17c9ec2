"""Is it an anomaly, given what the user of this query cares about?"""

import enum
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from exporter.core.scores import ANOMALOUS, Scores
from exporter.core.series import Bools, Floats

Direction = Literal["up", "down", "both"]


class Reason(enum.IntEnum):
    """Why a sample is, or is not, an anomaly."""

    NORMAL = 0
    WARMING_UP = 1
    NO_SAMPLE = 2
    TOO_SMALL = 3
    OTHER_DIRECTION = 4
    MUTED = 5
    ABOVE_BAND = 6
    BELOW_BAND = 7
    OUT_OF_RANGE = 8


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a query's user calls an anomaly; every detector of the query shares it.

    Parameters
    ----------
    direction : which side of the expected value matters
    low, high : the range of possible values; outside of it everything is an anomaly
    min_deviation : smaller distances from the expected value are harmless, in the series' unit
    min_relative_deviation : likewise, as a share of the expected value
    threshold : score from which a sample is an anomaly
    """

    direction: Direction = "both"
    low: float = -np.inf
    high: float = np.inf
    min_deviation: float = 0.0
    min_relative_deviation: float = 0.0
    threshold: float = ANOMALOUS


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What holds for some series besides their query's policy.

    Parameters
    ----------
    thresholds : float64 [S, 1], in the place of the policy's; None for no other
    is_muted : bool [S, 1], whose samples are not to be judged; None for nobody's
    """

    thresholds: Floats | None = None
    is_muted: Bools | None = None


ORDINARY = Terms()


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """The ensemble's scores after policy.

    Parameters
    ----------
    scores : as published: 0 where policy calls the deviation harmless or nothing can be told yet,
        NaN where there is no sample or it is muted; the band is clipped to the range of possible
        values
    is_anomaly : bool [S, T]
    reason : int8 [S, T] of `Reason`
    thresholds : by which it was judged, float64 [S, 1] or, the same for all, [1, 1]
    """

    scores: Scores
    is_anomaly: Bools
    reason: npt.NDArray[np.int8]
    thresholds: Floats


def judge(values: Floats, scores: Scores, policy: Policy, terms: Terms = ORDINARY) -> Verdict:
    """Apply a query's policy to the ensemble's scores of its samples, both [S, T]."""
    thresholds = terms.thresholds
    if thresholds is None:
        thresholds = np.full((1, 1), policy.threshold)
    is_absent = np.isnan(values)
    with np.errstate(invalid="ignore"):
        distance = values - scores.expected
        needed = np.maximum(
            policy.min_deviation, policy.min_relative_deviation * np.abs(scores.expected)
        )
        is_small = np.abs(distance) < needed
        is_wrong_way = _is_wrong_way(distance, policy.direction)
        is_outside = (values < policy.low) | (values > policy.high)
        is_high = scores.score >= thresholds
        is_below = distance < 0
    reason = np.full(values.shape, Reason.NORMAL, dtype=np.int8)
    for applies, why in (  # the later ones prevail
        (is_high & ~is_below, Reason.ABOVE_BAND),
        (is_high & is_below, Reason.BELOW_BAND),
        (is_high & is_wrong_way, Reason.OTHER_DIRECTION),
        (is_high & is_small, Reason.TOO_SMALL),
        (np.isnan(scores.score), Reason.WARMING_UP),
        (is_outside, Reason.OUT_OF_RANGE),
        (is_absent, Reason.NO_SAMPLE),
    ):
        reason[applies] = why
    if terms.is_muted is not None:
        is_muted = terms.is_muted & ~is_absent
        reason[is_muted] = Reason.MUTED
        is_absent = is_absent | is_muted
    is_silenced = is_small | is_wrong_way | np.isnan(scores.score)
    score = np.where(is_outside, 1.0, np.where(is_silenced, 0.0, scores.score))
    score[is_absent] = np.nan
    level = score
    if scores.level is not scores.score:
        level = np.where(is_outside, 1.0, np.where(is_silenced, 0.0, scores.level))
        level[is_absent] = np.nan
    onset = None  # as the score
    if scores.onset is not None:
        onset = np.where(is_silenced & ~is_outside, 0.0, scores.onset)
        onset[is_absent] = np.nan
    published = Scores(
        score=score,
        expected=np.clip(scores.expected, policy.low, policy.high),
        lower=np.clip(scores.lower, policy.low, policy.high),
        upper=np.clip(scores.upper, policy.low, policy.high),
        sigmas=scores.sigmas,
        level=level,
        signals=scores.signals,
        onset=onset,
    )
    return Verdict(published, reason >= Reason.ABOVE_BAND, reason, thresholds)


def _is_wrong_way(distance: Floats, direction: Direction) -> Bools:
    match direction:
        case "up":
            return distance < 0
        case "down":
            return distance > 0
        case "both":
            return np.zeros(distance.shape, dtype=np.bool_)
