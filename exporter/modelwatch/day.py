"""What is kept of one day's predictions? Enough for every number, and no more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from exporter.core.series import Bools, Floats, Ints
from exporter.modelwatch.pairs import Pairs

DAY: Final = 86_400_000
"""Milliseconds; days are those of UTC."""

DISTINCT: Final = 1_024
"""Scores that a day keeps as they are; if there are more, all of them are rounded."""

STEPS: Final = 2.0**9
"""Scores are rounded to so many steps from nothing to the power of two above them: 3 digits."""


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """The predictions of a day, or of several.

    Parameters
    ----------
    predictions : how many there were, with a known truth or without
    confusion : int64 [4], of those with one: true positives, false positives, false negatives,
        true negatives
    scores : float64 [K], the distinct scores of those, ascending
    positives, negatives : int64 [K], how often the truth was 1, and 0
    is_rounded : whether scores that differed a little may be one
    """

    predictions: int
    confusion: Ints
    scores: Floats
    positives: Ints
    negatives: Ints
    is_rounded: bool = False

    @property
    def labelled(self) -> int:
        """How many of the predictions have a known truth."""
        return int(self.confusion.sum())


EMPTY: Final = Day(
    0,
    np.zeros(4, dtype=np.int64),
    np.empty(0),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
)


def merged(days: Iterable[Day]) -> Day:
    """Return the sum of some days; exact, however they were cut, unless scores are rounded."""
    some = list(days)
    if not some:
        return EMPTY
    scores = np.concatenate([day.scores for day in some])
    positives = np.concatenate([day.positives for day in some])
    negatives = np.concatenate([day.negatives for day in some])
    is_rounded = any(day.is_rounded for day in some)
    if is_rounded:
        scores = rounded(scores)
    distinct, place = np.unique(scores, return_inverse=True)
    return Day(
        sum(day.predictions for day in some),
        np.sum([day.confusion for day in some], 0, dtype=np.int64),
        distinct,
        np.bincount(place, positives, len(distinct)).astype(np.int64),
        np.bincount(place, negatives, len(distinct)).astype(np.int64),
        is_rounded,
    )


def compressed(day: Day) -> Day:
    """Return it with its scores rounded if there are many."""
    if len(day.scores) <= DISTINCT or day.is_rounded:
        return day
    return merged([replace(day, is_rounded=True)])


def days_of(pairs: Pairs, decision: float) -> Iterator[tuple[int, Day]]:
    """Yield each day that has a prediction, by its number since 1970.

    decision : scores from here on say 1
    """
    numbers = pairs.times // DAY
    for number in np.unique(numbers).tolist():
        columns = numbers == number
        day = _day_of(pairs.scores[:, columns], pairs.truths[:, columns], decision)
        if day.predictions:
            yield number, day


def rounded(scores: Floats) -> Floats:
    """Return them to about three digits, float64 [K]; order stays, and twice is as good as once."""
    mantissa, exponent = np.frexp(scores)
    return np.ldexp(np.rint(mantissa * STEPS) / STEPS, exponent) + 0.0  # no negative zero


def _day_of(scores: Floats, truths: Floats, decision: float) -> Day:
    there: Bools = ~np.isnan(scores)
    known = there & ~np.isnan(truths)
    score, truth = scores[known] + 0.0, truths[known] == 1
    says = score >= decision
    confusion = [
        np.count_nonzero(says & truth),
        np.count_nonzero(says & ~truth),
        np.count_nonzero(~says & truth),
        np.count_nonzero(~says & ~truth),
    ]
    distinct, place = np.unique(score, return_inverse=True)
    positives = np.bincount(place, truth, len(distinct)).astype(np.int64)
    every = np.bincount(place, minlength=len(distinct))
    return Day(
        int(np.count_nonzero(there)),
        np.array(confusion, dtype=np.int64),
        distinct,
        positives,
        (every - positives).astype(np.int64),
    )
