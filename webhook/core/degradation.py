"""Have alerts become worse, by more than chance? F1 of the last 30 days against the 60 before."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from webhook.core.quality import DAY, Case

NEWEST_SECONDS: Final = 30 * DAY
REFERENCE_SECONDS: Final = 60 * DAY

LEAST_JUDGED: Final = 20
"""Real cases and false alarms that either side has to have, on `LEAST_DAYS` days."""

LEAST_DAYS: Final = 3

CUTS: Final = (0.03, 0.05, 0.10)
"""Drops of F1, as a share of what it was, from which it is minor, moderate, severe."""

ERRORS: Final = 2.0
"""Standard errors that a drop must exceed."""

DEGREES: Final = ("none", "minor", "moderate", "severe")
"""By their number."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """How F1 of the last 30 days stands to that of the 60 days before.

    Parameters
    ----------
    f1, reference : now and then
    drop : how much lower it is now, as a share of the reference; negative where it is higher
    error : standard error of `drop`
    severity : 0 none, 1 minor, 2 moderate, 3 severe
    """

    f1: float
    reference: float
    drop: float
    error: float
    severity: int


def degradation_of(cases: Iterable[Case], now: float) -> Degradation | None:
    """Return how a query's alerts stand to what they were; None where nobody can tell.

    Parameters
    ----------
    cases : of at least 90 days
    now : unix seconds
    """
    judged = [case for case in cases if case.said != "neither"]
    since = now - NEWEST_SECONDS
    newest = _f1([case for case in judged if since <= case.at <= now])
    before = _f1([case for case in judged if since - REFERENCE_SECONDS <= case.at < since])
    if newest is None or before is None or not before[0]:
        return None
    (value, error), (reference, known) = newest, before
    drop = (reference - value) / reference
    # To first order: the value is divided by the reference, which is not certain either.
    spread = math.hypot(error, value / reference * known) / reference
    severity = sum(drop >= cut for cut in CUTS) if drop > ERRORS * spread else 0
    return Degradation(value, reference, drop, spread, severity)


def _f1(cases: Sequence[Case]) -> tuple[float, float] | None:
    """Return F1 and its standard error.

    The larger of two errors: that of a share of independent cases; and the jackknife over days
    (Efron and Stein 1981, doi:10.1214/aos/1176345462), since false alarms of a day may all have one
    reason. The first adds two of each kind (Agresti and Coull 1998, doi:10.2307/2685469): of twenty
    cases without an error nobody knows that there are none.
    """
    by_day: defaultdict[int, list[bool]] = defaultdict(list)
    for case in cases:
        by_day[int(case.at // DAY)].append(case.said == "confirmed")
    right, all_of_them = sum(map(sum, by_day.values())), len(cases)
    if all_of_them < LEAST_JUDGED or len(by_day) < LEAST_DAYS:
        return None
    # F1 is 2 q / (1 + q) of the share q = TP / (TP + FP + FN).
    count = all_of_them + 4
    share = (right + 2) / count
    binomial = 2 / (1 + share) ** 2 * math.sqrt(share * (1 - share) / count)
    without = [_of_share(right - sum(day), all_of_them - len(day)) for day in by_day.values()]
    mean = sum(without) / len(without)
    jackknife = math.sqrt(
        (len(without) - 1) / len(without) * sum((each - mean) ** 2 for each in without)
    )
    return _of_share(right, all_of_them), max(binomial, jackknife)


def _of_share(right: int, count: int) -> float:
    return 2 * right / (right + count) if count else 0.0
